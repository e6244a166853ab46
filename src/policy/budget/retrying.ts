/** Effects and streams under a budget: what is counted when, and the loop of retries. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import * as Bracket from "../../internal/bracket.js"
import * as Opened from "../../internal/opened.js"
import * as Retry from "../Retry.js"
import type { Budget, Grant, Kind, Outcome } from "../RetryBudget.js"

type Handles = Pick<Budget, "unsafeBegin" | "unsafeEnd" | "unsafeOutcome" | "unsafeAcquire">

const outcomeOf = (ending: Bracket.Ending<unknown>): Outcome =>
  ending === undefined ? "ignored" : ending._tag === "Success" ? "success" : "failure"

const driverOf = <E, R>(
  by: Retry.Retry | Schedule.Schedule<unknown, E, R>
): Effect.Effect<Schedule.ScheduleDriver<unknown, E, R>> =>
  Schedule.driver<unknown, E, R>(Schedule.isSchedule(by) ? by : Retry.toSchedule(by))

export const make = (
  handles: Handles,
  kindOf: (error: unknown) => Kind
): Pick<Budget, "run" | "runStream" | "retry" | "retryStream"> => {
  const settle = (grant: Grant | undefined, outcome: Outcome): void => {
    if (grant === undefined) handles.unsafeOutcome(outcome)
    else grant.release(outcome)
  }

  /**
   * Attempts until one succeeds, or the budget or the schedule ends them. The grant of the one that did is still held.
   * To be run where nothing can interrupt but what `restore` is around.
   */
  const win = <A, E, R, R2>(
    effect: Effect.Effect<A, E, R>,
    driver: Schedule.ScheduleDriver<unknown, E, R2>,
    clock: Clock.Clock,
    restore: Opened.Restore
  ): Effect.Effect<{ readonly value: A; readonly grant: Grant | undefined }, E, R | R2> => {
    const attempt = (grant: Grant | undefined): ReturnType<typeof again> =>
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => {
          settle(grant, Cause.isInterruptedOnly(cause) ? "ignored" : "failure")
          return Either.match(Cause.failureOrCause(cause), {
            onLeft: (error) => again(error, cause),
            onRight: Effect.failCause
          })
        },
        onSuccess: (value) => Effect.succeed({ value, grant })
      })

    const again = (
      error: E,
      cause: Cause.Cause<E>
    ): Effect.Effect<{ readonly value: A; readonly grant: Grant | undefined }, E, R | R2> => {
      const now = clock.unsafeCurrentTimeMillis()
      const grant = handles.unsafeAcquire(now, kindOf(error))
      if (grant === undefined) return Effect.failCause(cause)
      return Effect.matchCauseEffect(restore(driver.next(error)), {
        onFailure: (ended) => {
          settle(grant, "ignored")
          // the schedule says with None that it is done; anything else is what happened to us
          return Either.match(Cause.failureOrCause(ended), {
            onLeft: () => Effect.failCause(cause),
            onRight: Effect.failCause
          })
        },
        onSuccess: () => attempt(grant)
      })
    }

    return attempt(undefined)
  }

  const begin = (clock: Clock.Clock): void => handles.unsafeBegin(clock.unsafeCurrentTimeMillis())

  /** Begins a call of one attempt; gives what ends it. */
  const single = (clock: Clock.Clock) => {
    begin(clock)
    return (ending: Bracket.Ending<unknown>): void => {
      handles.unsafeOutcome(outcomeOf(ending))
      handles.unsafeEnd()
    }
  }

  return {
    run: (effect) => Bracket.effect(Effect.clock, (clock) => ({ effect, end: single(clock) })),

    runStream: (stream) => Bracket.stream(Effect.clock, (clock) => ({ stream, end: single(clock) })),

    retry: (effect, by) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Effect.zip(Effect.clock, driverOf(by)), ([clock, driver]) => {
          begin(clock)
          return Effect.matchCauseEffect(win(restore(effect), driver, clock, restore), {
            onFailure: (cause) => {
              handles.unsafeEnd()
              return Effect.failCause(cause)
            },
            onSuccess: ({ grant, value }) => {
              settle(grant, "success")
              handles.unsafeEnd()
              return Effect.succeed(value)
            }
          })
        })
      ),

    retryStream: <A, E, R, Out, R2>(
      stream: Stream.Stream<A, E, R>,
      by: Retry.Retry | Schedule.Schedule<Out, NoInfer<E>, R2>
    ) =>
      Bracket.stream(Effect.zip(Effect.clock, driverOf<E, R2>(by)), ([clock, driver]): Bracket.Begun<A, E, R | R2> => {
        begin(clock)
        let won: { readonly grant: Grant | undefined } | undefined
        return {
          stream: Opened.stream<A, E, R, E, R | R2>((hold) =>
            Effect.uninterruptibleMask((restore) =>
              Effect.map(win(Opened.open(stream, restore), driver, clock, restore), (winner) => {
                won = winner
                hold(winner.value)
                return winner.value
              })
            )
          ),
          end: (ending) => {
            // without a winner every attempt has settled its own
            if (won !== undefined) settle(won.grant, outcomeOf(ending))
            handles.unsafeEnd()
          }
        }
      })
  }
}
