/** A client for one question at a time: without policies, and with an ear for the headers of the answers. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaConfig from "../../OllamaConfig.js"
import type * as OllamaError from "../../OllamaError.js"
import * as Policy from "../../policy/Policy.js"
import * as Timeouts from "../../policy/Timeouts.js"
import type { Finding } from "./probes.js"

/** What stands above an answer. */
export interface Head {
  readonly status: number
  readonly software: string | undefined
  readonly location: string | undefined
}

export interface Asking {
  readonly client: OllamaClient.Service
  /** Of the last answer to `/api/version`. */
  readonly head: () => Head | undefined
}

/** A client of this address. The probes have limits of their own, so it has no clocks. */
export const make = (
  config: OllamaConfig.OllamaConfig
): Effect.Effect<Asking, OllamaError.InvalidRequest, HttpClient.HttpClient | Scope.Scope> => {
  let head: Head | undefined
  const listen = HttpClient.transformResponse(
    Effect.tap((response) => {
      if (!new URL(response.request.url).pathname.endsWith("/api/version")) return Effect.void
      const { location, server } = response.headers
      return Effect.sync(() => {
        head = { status: response.status, software: server, location }
      })
    })
  )
  return Effect.map(
    OllamaClient.make({
      host: config.host,
      apiKey: config.apiKey,
      headers: config.headers,
      policy: Policy.none,
      transformClient: listen
    }),
    (client) => ({ client, head: () => head })
  )
}

/** A limit for the phase that a call waits in, so that it ends as a failure that knows what it waited for. */
export const within = (limit: Duration.Duration): OllamaClient.CallOptions => ({
  policy: { timeouts: { ...Timeouts.none, load: limit, firstToken: limit } }
})

/** How long it took, beside what came of it. */
export const timed = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [took: Duration.Duration, result: A], E, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (from) =>
    Effect.flatMap(effect, (result) =>
      Effect.map(Clock.currentTimeMillis, (to) => [Duration.millis(to - from), result] as const)
    )
  )

/** At most so long, also where what is asked cannot be left: it is then left behind. */
export const atMost = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limit: Duration.Duration
): Effect.Effect<Option.Option<A>, E, R> => Effect.timeoutOption(Effect.disconnect(effect), limit)

/** A probe that breaks knows nothing; what it broke with may hold what is secret. */
export const unbroken = <A>(finding: Finding<A>): Finding<A> =>
  Effect.catchAllDefect(finding, () =>
    Effect.as(Effect.logWarning("A probe of the doctor broke: what it looks for is not known"), Option.none())
  )
