/**
 * Calls that are held while their host cannot be reached: one prober asks for all of them whether it answers again, and
 * lets them go in the order in which they came.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import * as Jitter from "../internal/jitter.js"
import * as Send from "../internal/send.js"
import type * as OllamaError from "../OllamaError.js"

export interface Gate {
  /** Why it is closed; nothing while it is open. */
  readonly closedBy: () => OllamaError.OllamaError | undefined
  /** Waits for the host, at most until this moment in milliseconds on Clock; says whether it answers. */
  readonly wait: (error: OllamaError.OllamaError, until: number) => Effect.Effect<boolean>
  /** A call was answered: whoever waits may go. */
  readonly answered: () => void
}

/** Between two probes: doubled each time, a quarter of it more or less by chance. */
const firstPause = Duration.toMillis("250 millis")
const longestPause = Duration.toMillis("5 seconds")
/** How long a probe may take. */
const probeLimit = Duration.seconds(2)
/** The most bytes of an answer to a probe that are read, so that its connection can be kept. */
const probeBytes = 64 * 1024

/** Failures that pass when the host, or the way to it, comes back. */
export const isOffline = (error: OllamaError.OllamaError): boolean => {
  switch (error._tag) {
    case "Timeout":
      return error.phase === "connect"
    case "Unreachable":
      return error.partial === undefined && error.isRetryable && error.reason !== "upstream"
    default:
      return false
  }
}

/** Whether it says its version, in time. */
export const answers = (host: Host.Host): Effect.Effect<boolean> =>
  Effect.scoped(
    Effect.flatMap(
      host.client.execute(Host.request(host, Endpoint.version.method, Endpoint.version.path, "application/json")),
      (response) => Effect.as(Send.text(response, probeBytes), isFromServer(response.status))
    )
  ).pipe(
    // whatever is wrong: it does not answer yet
    Effect.catchAllCause(() => Effect.succeed(false)),
    Effect.timeoutTo({ duration: probeLimit, onSuccess: (answers) => answers, onTimeout: () => false })
  )

/** A gateway without a server behind it answers too; the server itself never says this to a probe. */
const isFromServer = (status: number): boolean => status < 500

/** @param scope of the client, in which the prober lives */
export const make = (host: Host.Host, scope: Scope.Scope, onAnswer: Effect.Effect<void>): Gate => {
  const waiting = new Set<() => void>()
  let closedBy: OllamaError.OllamaError | undefined
  let prober: Fiber.RuntimeFiber<void> | undefined
  let pause = firstPause

  const open = (): void => {
    closedBy = undefined
    const all = [...waiting]
    waiting.clear()
    for (const go of all) go()
  }

  const probe = answers(host)

  const probing: Effect.Effect<void> = Effect.suspend(() => {
    const current = pause
    pause = Math.min(longestPause, pause * 2)
    return Effect.flatMap(Random.next, (unit) => Effect.zipRight(Effect.sleep(Jitter.of(current, unit)), probe))
  }).pipe(
    Effect.flatMap((answers) => {
      if (!answers) return probing
      return Effect.map(onAnswer, () => {
        prober = undefined
        open()
      })
    })
  )

  const start: Effect.Effect<void> = Effect.suspend(() =>
    prober !== undefined
      ? Effect.void
      : Effect.map(Effect.forkIn(Effect.interruptible(probing), scope), (fiber) => {
          prober = fiber
        })
  )

  /** With nobody left to wait, nothing is known and nobody asks. */
  const stop: Effect.Effect<void> = Effect.suspend(() => {
    if (waiting.size > 0 || prober === undefined) return Effect.void
    const fiber = prober
    prober = undefined
    closedBy = undefined
    return Fiber.interruptFork(fiber)
  })

  /** One that waits: woken before it has begun to sleep, it does not sleep. */
  const waiter = () => {
    let isWoken = false
    let resume: ((effect: Effect.Effect<void>) => void) | undefined
    return {
      go: (): void => {
        isWoken = true
        resume?.(Effect.void)
      },
      woken: Effect.async<void>((wake) => {
        if (isWoken) return wake(Effect.void)
        resume = wake
      })
    }
  }

  return {
    closedBy: () => closedBy,
    answered: () => {
      pause = firstPause
      if (closedBy !== undefined) open()
    },
    wait: (error, until) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (now >= until) return Effect.succeed(false)
          closedBy = error
          const { go, woken } = waiter()
          waiting.add(go)
          return Effect.zipRight(
            start,
            Effect.ensuring(
              restore(
                Number.isFinite(until)
                  ? Effect.timeoutOption(woken, Duration.millis(until - now))
                  : Effect.asSome(woken)
              ),
              Effect.suspend(() => {
                waiting.delete(go)
                return stop
              })
            )
          ).pipe(Effect.map(Option.isSome))
        })
      )
  }
}
