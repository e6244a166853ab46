/** Whether a server says its version, and how fast: asked where a call is slow, to tell why. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Endpoint from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import * as Send from "../internal/send.js"

export type Answer = "fast" | "slow" | "failing"

export interface Probe {
  /** Asks, unless it was asked a moment ago; does not wait for the answer longer than some seconds. */
  readonly ask: Effect.Effect<void>
  /** What it said lately; while it is asked, from what is known so far. */
  readonly answer: (now: number) => Answer | undefined
}

/** Milliseconds within which an answer is fast: it costs a server nothing. */
const fast = 500
/** Milliseconds after which there is none. */
const limit = 5_000
/** Milliseconds for which an answer is not asked for again, and for which it tells something. */
const validity = 2_000
const remembered = 60_000
/** The most bytes of an answer that are read. */
const bytes = 64 * 1024

export const make = (host: Host.Host): Probe => {
  let askedAt: number | undefined
  let last: { readonly at: number; readonly answer: Answer } | undefined

  const version = Effect.scoped(
    Effect.flatMap(
      host.client.execute(Host.request(host, Endpoint.version.method, Endpoint.version.path, "application/json")),
      (response) => Effect.as(Send.text(response, bytes), response.status < 500)
    )
  ).pipe(
    // whatever is wrong, it does not answer
    Effect.catchAllCause(() => Effect.succeed(false)),
    Effect.timeoutTo({ duration: limit, onSuccess: (answers) => answers, onTimeout: () => false })
  )

  return {
    ask: Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
      if (askedAt !== undefined || (last !== undefined && startedAt - last.at < validity)) return Effect.void
      askedAt = startedAt
      return Effect.ensuring(
        Effect.flatMap(version, (answers) =>
          Effect.map(Clock.currentTimeMillis, (at) => {
            if (answers) host.contact = { at, answered: true }
            last = { at, answer: !answers ? "failing" : at - startedAt < fast ? "fast" : "slow" }
          })
        ),
        Effect.sync(() => {
          askedAt = undefined
        })
      )
    }),
    answer: (now) => {
      if (askedAt !== undefined && now - askedAt >= fast) return "slow"
      return last !== undefined && now - last.at < remembered ? last.answer : undefined
    }
  }
}
