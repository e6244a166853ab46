/**
 * Attempts, until one is won or the policy says to stop: the calls that wait for a host to come back, the retries, on the
 * same host or on another one, and their budget.
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
import type { Place } from "./routes.js"
import * as Target from "./target.js"

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
  /** What went wrong last; a breaker that refused only where nothing else did. */
  readonly last: Failure | undefined
  readonly newest: Failure | undefined
  /** When the call was first held for its host. */
  readonly heldAt: number | undefined
  /** Addresses of the hosts at which it has failed, and of those that it does not ask again. */
  readonly tried: ReadonlySet<string>
  readonly barred: ReadonlySet<string>
}

const nowhere: ReadonlySet<string> = new Set()

/** A host that does not have the model, or that is known not to answer, costs nothing: to look further is no retry. */
const isSearch = (error: Failure): boolean => error._tag === "ModelNotFound" || error._tag === "CircuitOpen"

type Driver = Schedule.ScheduleDriver<unknown, Failure>

/** Runs attempts until one is won. */
export const run = <A, Response>(
  aim: Target.Aim<A, Response>,
  running: Running.Running,
  before: ReadonlyArray<OllamaError.Attempt>
): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
  const asked = aim._tag === "One" ? aim.target.call : aim.call
  const { plan } = asked
  const { clock, deadline, settings } = running
  const { retry } = settings.policy
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
      aim._tag === "Several"
        ? placed(aim, state, driver, grant)
        : Effect.suspend(() => {
            const { target } = aim
            const closed = waits && !plan.payload.isOneShot ? target.server.gate.closedBy() : undefined
            if (closed === undefined) return on(target, state, driver, grant)
            // what is held is sent for the first time when the host is back
            grant?.release("ignored")
            return held(closed, state, driver, target)
          })

    /** At the server that the fleet finds for it. */
    const placed = (
      several: Target.Several<A, Response>,
      state: State,
      driver: Driver | undefined,
      grant: RetryBudget.Grant | undefined
    ): Effect.Effect<Attempt.Won<A, Response>, Failure> =>
      Effect.suspend(() => {
        let place: Place | undefined
        const find = several.routes.place(Target.asked(several, running, state), (found) => {
          place = found
        })
        const lost = (cause: Cause.Cause<Failure>) => {
          grant?.release("ignored")
          place?.leave()
          return Effect.failCause(cause)
        }
        return Effect.matchCauseEffect(restore(waiting("place", find)), {
          onFailure: lost,
          onSuccess: () => {
            if (place === undefined) {
              grant?.release("ignored")
              const { last, newest } = state
              return newest === undefined
                ? Effect.die(new Error("no server, and no failure"))
                : stop(last ?? newest, state)
            }
            return Effect.matchCauseEffect(several.at(place), {
              onFailure: lost,
              onSuccess: (target) => on(target, state, driver, grant)
            })
          }
        })
      })

    const on = (
      target: Target.Target<A, Response>,
      state: State,
      driver: Driver | undefined,
      grant: RetryBudget.Grant | undefined
    ): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
      const { server } = target
      const attemptAt = now()
      const hadAnswered = server.host.hasAnswered
      const tried =
        target.place === undefined
          ? Hedged.run(target.call, target.running, server, target.shared, state.earlier, target.hold)
          : Target.unlessLost(target, target.place, state.earlier)
      return Effect.matchCauseEffect(restore(tried), {
        onSuccess: (won) => {
          grant?.release("success")
          return Effect.succeed(won)
        },
        onFailure: (cause) => {
          target.place?.leave()
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
            last: error._tag === "CircuitOpen" ? state.last : error,
            newest: error
          }
          if (aim._tag === "Several") return elsewhere(aim, target, error, after, driver)
          if (waits && isOffline(error) && isSafe(plan, error)) {
            return held(error, { ...after, used: state.used }, driver, target)
          }
          return driver === undefined
            ? byPolicy(error, after, target, hadAnswered)
            : bySchedule(driver, error, after, target)
        }
      })
    }

    /** What follows a failure where there are other servers: they come first, and at once. */
    const elsewhere = (
      several: Target.Several<A, Response>,
      target: Target.Target<A, Response>,
      error: Failure,
      failed: State,
      driver: Driver | undefined
    ): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
      const { url } = target.server.host.address
      const stays = sameHost(plan, error) === "no" || (sameHost(plan, error) === "once" && hasFailedSo(error, failed))
      const state: State = {
        ...failed,
        used: isSearch(error) ? failed.used - 1 : failed.used,
        tried: new Set([...failed.tried, url]),
        barred: stays ? new Set([...failed.barred, url]) : failed.barred
      }
      const question = Target.asked(several, running, state)
      several.routes.failed(target.server, question, error)
      const moves = Retry.otherHost(error)
      const mayMove = moves === "yes" || (moves === "once" && !hasFailedSo(error, failed))
      if (!isSafe(plan, error) || !mayMove || !several.routes.hasOther(question)) {
        if (waits && isOffline(error) && isSafe(plan, error)) {
          return heldForAny(several, error, { ...state, used: failed.used - 1 }, driver, target)
        }
        return driver === undefined
          ? byPolicy(error, state, target, target.server.host.hasAnswered)
          : bySchedule(driver, error, state, target)
      }
      if (driver !== undefined && !isSearch(error)) return bySchedule(driver, error, state, target)
      const isFree = isSearch(error) && retry.attempts > 1
      if (!isFree && state.used >= retry.attempts) return stop(error, state)
      if (deadline !== undefined && now() >= deadline) return stop(error, state)
      const grant = isFree ? "unlimited" : granted(error)
      if (grant === undefined) return stop(error, state)
      running.note("moved", `${error._tag} on ${url}`)
      return attempt(state, driver, grant === "unlimited" ? undefined : grant)
    }

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

    const untilHeld = (state: State): number =>
      Math.min(deadline ?? Number.POSITIVE_INFINITY, (state.heldAt ?? now()) + Duration.toMillis(retry.offlineLimit))

    const held = (
      error: Failure,
      state: State,
      driver: Driver | undefined,
      target: Target.Target<A, Response>,
      wait: (until: number) => Effect.Effect<boolean> = (until) => target.server.gate.wait(error, until)
    ) => {
      const heldAt = state.heldAt ?? now()
      running.note("heldOffline", error._tag)
      return Effect.flatMap(restore(waiting("offline", wait(untilHeld(state)))), (answers) =>
        answers ? attempt({ ...state, heldAt }, driver) : Effect.fail(late(error, state, target))
      )
    }

    /** Until any of the servers answers. */
    const heldForAny = (
      { routes }: Target.Several<A, Response>,
      error: Failure,
      state: State,
      driver: Driver | undefined,
      target: Target.Target<A, Response>
    ) => held(error, { ...state, tried: nowhere }, driver, target, routes.answering)

    /** What it was held for, as far as is known of the host now. */
    const late = (error: Failure, { earlier, last }: State, { call, server }: Target.Target<A, Response>): Failure => {
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

    /** Whether a breaker of the one host refuses; of several, the fleet knows which to ask. */
    const isRefusing = ({ place, shared }: Target.Target<A, Response>): boolean =>
      place === undefined && Guards.isRefusing(shared, now())

    const byPolicy = (
      error: Failure,
      state: State,
      target: Target.Target<A, Response>,
      hadAnswered: boolean
    ): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
      const decision = sameHost(plan, error)
      const isAgain = decision === "backoff" || (decision === "once" && !hasFailedSo(error, state))
      if (!isAgain || state.used >= retry.attempts || !isSafe(plan, error)) return stop(error, state)
      // the call's own attempts have opened a breaker
      if (isRefusing(target)) return stop(error, state)
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

    const bySchedule = (driver: Driver, error: Failure, state: State, target: Target.Target<A, Response>) => {
      const isOwnDoing = error._tag === "CircuitOpen" && state.last !== undefined
      if (!error.isRetryable || isOwnDoing || !isSafe(plan, error)) return stop(error, state)
      if (state.last !== undefined && isRefusing(target)) return stop(error, state)
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
      newest: undefined,
      heldAt: undefined,
      tried: nowhere,
      barred: nowhere
    }
    return settings.retrySchedule === undefined
      ? attempt(initial, undefined)
      : Effect.flatMap(Schedule.driver(inTime(settings.retrySchedule)), (driver) => attempt(initial, driver))
  })
}

/** Whether the same had gone wrong before the last time. */
const hasFailedSo = (error: Failure, { earlier }: State): boolean =>
  earlier.slice(0, -1).some(({ tag }) => tag === error._tag)
