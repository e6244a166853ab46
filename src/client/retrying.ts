/**
 * Attempts on one host, until one is won or the policy says to stop: the calls that wait for a host to come back, the
 * retries, and their budget.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Context from "../internal/context.js"
import { restate } from "../internal/restate.js"
import type * as OllamaError from "../OllamaError.js"
import * as Retry from "../policy/Retry.js"
import * as RetryBudget from "../policy/RetryBudget.js"
import type * as Attempt from "./attempt.js"
import * as Guards from "./guards.js"
import * as Hedged from "./hedged.js"
import type { Hold } from "./journal.js"
import * as Offline from "./offline.js"
import * as Running from "./running.js"
import type * as Server from "./server.js"

type Failure = OllamaError.OllamaError

/** Failures after which certainly nothing was done by the server. */
const nothingWasDone = (error: Failure): boolean =>
  (error._tag === "Unreachable" && (error.reason === "refused" || error.reason === "dns")) ||
  (error._tag === "Timeout" && error.phase === "connect") ||
  (error._tag === "Overloaded" && error.status === 503) ||
  error._tag === "CircuitOpen"

/** Whether this kind of call may be sent again at all after this failure. */
const isSafe = <A, Response>(plan: Attempt.Plan<A, Response>, error: Failure): boolean => {
  if (error.partial !== undefined || plan.payload.isOneShot) return false
  return plan.endpoint.kind !== "write" || nothingWasDone(error)
}

const sameHost = <A, Response>(plan: Attempt.Plan<A, Response>, error: Failure): Retry.SameHost =>
  plan.endpoint.kind === "read" && error._tag === "Timeout" && error.phase === "response"
    ? "backoff"
    : Retry.sameHost(error)

/** A connection that had been kept and was closed meanwhile; the next one is fresh, so there is nothing to wait for. */
const isStale = (error: Failure, hadAnswered: boolean, retries: number): boolean =>
  hadAnswered && retries === 0 && error._tag === "Unreachable" && error.reason === "reset"

/** A host that cannot be reached, also where its breaker says so in its place. */
const isOffline = (error: Failure): boolean =>
  error._tag === "CircuitOpen"
    ? error.lastFailure.tag === "Unreachable" || error.lastFailure.phase === "connect"
    : Offline.isOffline(error)

interface State {
  readonly earlier: ReadonlyArray<OllamaError.Attempt>
  /** Attempts that count against `retry.attempts`. */
  readonly used: number
  readonly backoff: Retry.State
  readonly last: Failure | undefined
  /** When the call was first held for its host. */
  readonly heldAt: number | undefined
}

type Driver = Schedule.ScheduleDriver<unknown, Failure>

/** Runs attempts until one is won; `hold` learns of it before anything can interrupt. */
export const run = <A, Response>(
  call: Running.Call<A, Response>,
  running: Running.Running,
  server: Server.Server,
  shared: Guards.Shared,
  before: ReadonlyArray<OllamaError.Attempt>,
  hold: (won: Attempt.Won<A, Response>) => void
): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
  const { plan } = call
  const { clock, deadline, settings } = running
  const { retry } = settings.policy
  const { gate, host } = server
  const { budget } = settings
  const waits = retry.whileOffline === "wait"
  const now = () => clock.unsafeCurrentTimeMillis()

  return Effect.uninterruptibleMask((restore) => {
    /** The failure with what is known now: the call may have waited since. */
    const stop = (error: Failure, state: State): Effect.Effect<never, Failure> =>
      // the breaker that the call's own attempts opened is not what went wrong
      Effect.fail(error._tag === "CircuitOpen" && state.last !== undefined ? state.last : error)

    const attempt = (
      state: State,
      driver: Driver | undefined,
      grant?: RetryBudget.Grant
    ): Effect.Effect<Attempt.Won<A, Response>, Failure> =>
      Effect.suspend(() => {
        const closed = waits && !plan.payload.isOneShot ? gate.closedBy() : undefined
        if (closed !== undefined) {
          // what is held is sent for the first time when the host is back
          grant?.release("ignored")
          return held(closed, state, driver)
        }
        const attemptAt = now()
        const hadAnswered = host.hasAnswered
        return Effect.matchCauseEffect(restore(Hedged.run(call, running, server, shared, state.earlier, hold)), {
          onSuccess: (won) => {
            grant?.release("success")
            return Effect.succeed(won)
          },
          onFailure: (cause) => {
            const failure = Cause.failureOrCause(cause)
            const wasSent = Either.isLeft(failure) && failure.left._tag !== "CircuitOpen"
            if (grant !== undefined) grant.release(wasSent ? "failure" : "ignored")
            else if (wasSent) budget?.unsafeOutcome("failure")
            if (Either.isRight(failure)) return Effect.failCause(failure.right)
            const error = failure.left
            const after: State = {
              ...state,
              earlier: [...state.earlier, Context.short(error, attemptAt, now())],
              used: state.used + 1,
              last: error._tag === "CircuitOpen" ? state.last : error
            }
            if (waits && isOffline(error) && isSafe(plan, error)) {
              return held(error, { ...after, used: state.used }, driver)
            }
            return driver === undefined ? byPolicy(error, after, hadAnswered) : bySchedule(driver, error, after)
          }
        })
      })

    /** A wait between two attempts; one that is interrupted is still a wait when the call ends. */
    const waiting = <B, E>(why: Hold, wait: Effect.Effect<B, E>): Effect.Effect<B, E> =>
      Effect.suspend(() => {
        running.journal.wait(why, now())
        const over = <C>(ended: C): C => {
          running.journal.go(now())
          return ended
        }
        return Effect.mapBoth(wait, { onFailure: over, onSuccess: over })
      })

    const held = (error: Failure, state: State, driver: Driver | undefined) => {
      const since = state.heldAt ?? now()
      const until = Math.min(deadline ?? Number.POSITIVE_INFINITY, since + Duration.toMillis(retry.offlineLimit))
      running.note("heldOffline", error._tag)
      return Effect.flatMap(restore(waiting("offline", gate.wait(error, until))), (answers) =>
        answers ? attempt({ ...state, heldAt: since }, driver) : Effect.fail(late(error, state))
      )
    }

    /** What it was held for, as far as is known of the host now. */
    const late = (error: Failure, { earlier, last }: State): Failure => {
      const was = last ?? error
      return restate(was, Running.context(call, server, running.startedAt), {
        now: now(),
        phase: "queue",
        attempts: was === last ? earlier.slice(0, -1) : earlier
      })
    }

    /** A part of the budget for one more attempt; nothing where it is spent. */
    const granted = (error: Failure): RetryBudget.Grant | "unlimited" | undefined => {
      if (budget === undefined) return "unlimited"
      const grant = budget.unsafeAcquire(now(), RetryBudget.kindOf(error))
      if (grant === undefined) running.note("notRetried", error._tag)
      return grant
    }

    /** Waits, then sends again; the grant is given back whatever happens. */
    const again = (
      wait: Effect.Effect<unknown, Failure>,
      grant: RetryBudget.Grant | "unlimited",
      state: State,
      driver: Driver | undefined
    ) => {
      const own = grant === "unlimited" ? undefined : grant
      return Effect.matchCauseEffect(restore(waiting("backoff", wait)), {
        onFailure: (cause) => {
          own?.release("ignored")
          return Effect.failCause(cause)
        },
        onSuccess: () => attempt(state, driver, own)
      })
    }

    const byPolicy = (error: Failure, state: State, hadAnswered: boolean) => {
      const decision = sameHost(plan, error)
      const isAgain =
        decision === "backoff" ||
        (decision === "once" && !state.earlier.slice(0, -1).some(({ tag }) => tag === error._tag))
      if (!isAgain || state.used >= retry.attempts || !isSafe(plan, error)) return stop(error, state)
      // the call's own attempts have opened a breaker
      if (Guards.isRefusing(shared, now())) return stop(error, state)
      return Effect.flatMap(Random.next, (unit) => {
        const hint = error._tag === "Overloaded" ? error.retryAfter : undefined
        const isAtOnce = isStale(error, hadAnswered, state.used - 1)
        const [delay, backoff] = isAtOnce
          ? ([Duration.zero, state.backoff] as const)
          : Retry.next(retry, state.backoff, unit, hint)
        const millis = Duration.toMillis(delay)
        // the wait would end when the call has to be over
        if (deadline !== undefined && now() + millis >= deadline) return stop(error, state)
        const grant = granted(error)
        if (grant === undefined) return stop(error, state)
        running.note("retried", error._tag)
        return again(millis === 0 ? Effect.void : Effect.sleep(delay), grant, { ...state, backoff }, undefined)
      })
    }

    const bySchedule = (driver: Driver, error: Failure, state: State) => {
      const isOwnDoing = error._tag === "CircuitOpen" && state.last !== undefined
      if (!error.isRetryable || isOwnDoing || !isSafe(plan, error)) return stop(error, state)
      if (state.last !== undefined && Guards.isRefusing(shared, now())) return stop(error, state)
      const grant = granted(error)
      if (grant === undefined) return stop(error, state)
      const wait = Effect.mapBoth(driver.next(error), {
        onFailure: () => error,
        onSuccess: () => running.note("retried", error._tag)
      })
      return again(wait, grant, state, driver)
    }

    /** The user's schedule, which also ends where a wait would end after the call has to be over. */
    const inTime = (schedule: Running.RetrySchedule): Running.RetrySchedule =>
      deadline === undefined
        ? schedule
        : Schedule.whileOutput(Schedule.delays(schedule), (delay) => now() + Duration.toMillis(delay) < deadline)

    const initial: State = {
      earlier: before,
      used: 0,
      backoff: Retry.initial,
      last: undefined,
      heldAt: undefined
    }
    return settings.retrySchedule === undefined
      ? attempt(initial, undefined)
      : Effect.flatMap(Schedule.driver(inTime(settings.retrySchedule)), (driver) => attempt(initial, driver))
  })
}
