/**
 * An attempt and its copies: where the policy hedges, a second one is sent while the first has not begun to answer, and
 * whichever begins first is used. A copy is taken from the budget, has a permit of its own, and is sent only to a model
 * that is in memory.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Staggered from "../internal/staggered.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import * as RetryBudget from "../policy/RetryBudget.js"
import type * as Attempt from "./attempt.js"
import * as Guarded from "./guarded.js"
import type * as Guards from "./guards.js"
import type { Call, Running } from "./running.js"
import type * as Server from "./server.js"

type Failure = OllamaError.OllamaError

/** A failure that a copy would meet as well. */
const isFatal = (error: Failure): boolean => !error.isRetryable

export const run = <A, Response>(
  call: Call<A, Response>,
  running: Running,
  server: Server.Server,
  shared: Guards.Shared,
  earlier: ReadonlyArray<OllamaError.Attempt>,
  hold: (won: Attempt.Won<A, Response>) => void
): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
  const { hedging } = shared
  const value = running.settings.policy.hedging
  if (hedging === undefined || value === "off" || call.plan.payload.isOneShot) {
    return Guarded.run(call, running, server, shared, earlier, hold)
  }
  const { clock, settings } = running
  const { budget } = settings
  return Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const startedAt = clock.unsafeCurrentTimeMillis()
      const delay = value.after === "auto" ? hedging.unsafeDelay() : Duration.toMillis(value.after)
      const observe = (): void => hedging.unsafeObserve(clock.unsafeCurrentTimeMillis() - startedAt)
      if (delay === undefined) {
        return restore(
          Guarded.run(call, running, server, shared, earlier, (won) => {
            observe()
            hold(won)
          })
        )
      }
      // also a call that gives one answer is decided by the first value
      const begun: Call<A, Response> = { ...call, plan: { ...call.plan, folded: false } }
      const { need } = call.plan
      const grants = new Map<number, RetryBudget.Grant>()
      const release = (index: number, outcome: RetryBudget.Outcome): void => grants.get(index)?.release(outcome)

      const mayStart = (index: number, error: Failure | undefined): boolean => {
        const now = clock.unsafeCurrentTimeMillis()
        // a copy for a model that is not there would be a load, and one that waits for a permit would help nobody
        if (need !== undefined && server.residency.lastSeen(need, now) !== "resident") return false
        if (shared.permits?.unsafeHasRoom(now) === false) return false
        if (budget !== undefined) {
          const grant = budget.unsafeAcquire(now, RetryBudget.kindOf(error))
          if (grant === undefined) return false
          grants.set(index, grant)
        }
        running.note("hedged", error === undefined ? "no first value yet" : error._tag)
        return true
      }

      const copy = (
        index: number,
        restoreCopy: typeof restore,
        isDecided: () => boolean
      ): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
        let held: Attempt.Won<A, Response> | undefined
        return Effect.matchCauseEffect(
          restoreCopy(
            Guarded.run(begun, running, server, shared, earlier, (won) => {
              held = won
            })
          ),
          {
            onSuccess: (won) => {
              release(index, "spent")
              return Effect.succeed(won)
            },
            onFailure: (cause) => {
              release(index, !Cause.isInterruptedOnly(cause) ? "failure" : isDecided() ? "spent" : "ignored")
              return Effect.zipRight(held?.close ?? Effect.void, Effect.failCause(cause))
            }
          }
        )
      }

      const race = Staggered.race<Attempt.Won<A, Response>, Failure, never>(
        {
          copies: 1 + value.max,
          delay,
          copy,
          mayStart,
          isFatal,
          discard: (late) => late.close,
          // the client's one timer, in the place of one for each call
          timer: (millis, due) => {
            let at = clock.unsafeCurrentTimeMillis() + millis
            const entry: Watchdog.Entry = {
              check: (now) => {
                if (now < at) return at
                at = Number.POSITIVE_INFINITY
                due()
                return at
              }
            }
            return Effect.as(settings.watchdog.add(clock, entry), () => settings.watchdog.remove(clock, entry))
          }
        },
        restore
      )
      return Effect.map(race, ({ value }) => {
        observe()
        hold(value)
        return value
      })
    })
  )
}
