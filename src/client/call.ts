/**
 * A call: attempts under the policy in force, until one is won or the policy says to stop. The values are folded into
 * one answer, or given out as a Stream; either way nothing is sent again once a part of the answer has arrived.
 */
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Context from "../internal/context.js"
import type * as Host from "../internal/host.js"
import * as Reader from "../internal/reader.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import type { Policy } from "../policy/Policy.js"
import * as Retry from "../policy/Retry.js"
import * as Timeouts from "../policy/Timeouts.js"
import * as Attempt from "./attempt.js"
import type * as Residency from "./residency.js"

/** A user's own schedule of retries. */
export type RetrySchedule = Schedule.Schedule<unknown, OllamaError.OllamaError>

export interface Settings {
  readonly host: Host.Host
  readonly residency: Residency.Monitor
  readonly watchdog: Watchdog.Watchdog
  readonly lineLimit: number
  readonly policy: Policy
  readonly retrySchedule: RetrySchedule | undefined
}

/** A call with what automatic clocks want to know of it. */
export interface Call<A, Response> {
  readonly plan: Attempt.Plan<A, Response>
  readonly facts: Timeouts.Request
}

/** Failures after which certainly nothing was done by the server. */
const nothingWasDone = (error: OllamaError.OllamaError): boolean =>
  (error._tag === "Unreachable" && (error.reason === "refused" || error.reason === "dns")) ||
  (error._tag === "Timeout" && error.phase === "connect") ||
  (error._tag === "Overloaded" && error.status === 503)

/** Whether this kind of call may be sent again at all after this failure. */
const isSafe = <A, Response>(plan: Attempt.Plan<A, Response>, error: OllamaError.OllamaError): boolean => {
  if (error.partial !== undefined || plan.payload.isOneShot) return false
  return plan.endpoint.kind !== "write" || nothingWasDone(error)
}

const sameHost = <A, Response>(plan: Attempt.Plan<A, Response>, error: OllamaError.OllamaError): Retry.SameHost =>
  plan.endpoint.kind === "read" && error._tag === "Timeout" && error.phase === "response"
    ? "backoff"
    : Retry.sameHost(error)

/** A connection that had been kept and was closed meanwhile; the next one is fresh, so there is nothing to wait for. */
const isStale = (error: OllamaError.OllamaError, hadAnswered: boolean, retries: number): boolean =>
  hadAnswered && retries === 0 && error._tag === "Unreachable" && error.reason === "reset"

interface State {
  readonly earlier: ReadonlyArray<OllamaError.Attempt>
  readonly backoff: Retry.State
}

/** What the failures of a call say of it. */
export const context = <A, Response>(
  { plan }: Call<A, Response>,
  { host }: Settings,
  startedAt: number
): Context.Call => ({
  host: host.address.url,
  endpoint: plan.path,
  ...(plan.model === undefined ? {} : { model: plan.model }),
  secrets: host.secrets,
  request: plan.request,
  startedAt
})

/** Runs attempts until one is won; `hold` learns of it before anything can interrupt. */
const win = <A, Response>(
  call: Call<A, Response>,
  settings: Settings,
  hold: (won: Attempt.Won<A, Response>) => void
): Effect.Effect<Attempt.Won<A, Response>, OllamaError.OllamaError> =>
  Effect.flatMap(Effect.clock, (clock) => {
    const { plan } = call
    const { host, policy } = settings
    const startedAt = clock.unsafeCurrentTimeMillis()
    const limits = Timeouts.limits(policy.timeouts, call.facts)
    const deadline = limits.total === undefined ? undefined : startedAt + limits.total
    const about = context(call, settings, startedAt)

    /** Sleeps before the next attempt, or fails with what happened when there is none. */
    const pause = (
      error: OllamaError.OllamaError,
      delay: Duration.Duration
    ): Effect.Effect<void, OllamaError.OllamaError> =>
      deadline !== undefined && clock.unsafeCurrentTimeMillis() + Duration.toMillis(delay) >= deadline
        ? Effect.fail(error)
        : Duration.toMillis(delay) === 0
          ? Effect.void
          : Effect.sleep(delay)

    const byPolicy = (
      error: OllamaError.OllamaError,
      state: State,
      hadAnswered: boolean
    ): Effect.Effect<Retry.State, OllamaError.OllamaError> => {
      const { retry } = policy
      const decision = sameHost(plan, error)
      const used = state.earlier.length + 1
      const again = decision === "backoff" || (decision === "once" && !state.earlier.some((e) => e.tag === error._tag))
      if (!again || used >= retry.attempts || !isSafe(plan, error)) return Effect.fail(error)
      if (isStale(error, hadAnswered, state.earlier.length))
        return Effect.as(pause(error, Duration.zero), state.backoff)
      return Effect.flatMap(Random.next, (unit) => {
        const hint = error._tag === "Overloaded" ? error.retryAfter : undefined
        const [delay, backoff] = Retry.next(retry, state.backoff, unit, hint)
        return Effect.as(pause(error, delay), backoff)
      })
    }

    const bySchedule = (
      driver: Schedule.ScheduleDriver<unknown, OllamaError.OllamaError>,
      error: OllamaError.OllamaError
    ): Effect.Effect<unknown, OllamaError.OllamaError> => {
      if (!error.isRetryable || !isSafe(plan, error)) return Effect.fail(error)
      return Effect.mapError(driver.next(error), () => error)
    }

    /** The user's schedule, which also ends where a wait would end after the call has to be over. */
    const inTime = (schedule: RetrySchedule): RetrySchedule =>
      deadline === undefined
        ? schedule
        : Schedule.whileOutput(
            Schedule.delays(schedule),
            (delay) => clock.unsafeCurrentTimeMillis() + Duration.toMillis(delay) < deadline
          )

    const loop = (
      state: State,
      driver: Schedule.ScheduleDriver<unknown, OllamaError.OllamaError> | undefined
    ): Effect.Effect<Attempt.Won<A, Response>, OllamaError.OllamaError> =>
      Effect.suspend(() => {
        const attemptAt = clock.unsafeCurrentTimeMillis()
        const hadAnswered = host.hasAnswered
        const attempt = Attempt.run(
          plan,
          {
            host,
            residency: settings.residency,
            watchdog: settings.watchdog,
            limits,
            lineLimit: settings.lineLimit,
            call: about,
            earlier: state.earlier,
            deadline
          },
          hold
        )
        return Effect.catchAll(attempt, (error) => {
          const earlier = [...state.earlier, Context.short(error, attemptAt, clock.unsafeCurrentTimeMillis())]
          return driver === undefined
            ? Effect.flatMap(byPolicy(error, state, hadAnswered), (backoff) => loop({ earlier, backoff }, driver))
            : Effect.flatMap(bySchedule(driver, error), () => loop({ ...state, earlier }, driver))
        })
      })

    const initial: State = { earlier: [], backoff: Retry.initial }
    return settings.retrySchedule === undefined
      ? loop(initial, undefined)
      : Effect.flatMap(Schedule.driver(inTime(settings.retrySchedule)), (driver) => loop(initial, driver))
  })

/** What is known of an answer beside itself. */
export interface Facts {
  readonly partial: OllamaError.Partial | undefined
  /** The failures of the attempts before. */
  readonly attempts: ReadonlyArray<OllamaError.Attempt>
}

/** The call as one answer, handed on with what is known of it. */
export const foldWith = <A, Response, B, E, R>(
  call: Call<A, Response>,
  settings: Settings,
  finish: (response: Response, facts: Facts) => Effect.Effect<B, E, R>
): Effect.Effect<B, OllamaError.OllamaError | E, R> =>
  Effect.suspend(() => {
    let held: Attempt.Won<A, Response> | undefined
    const answer = Effect.flatMap(
      win(call, settings, (won) => {
        held = won
      }),
      (won) => Effect.zipRight(rest(won), result(won))
    )
    const closed = Effect.ensuring(
      answer,
      Effect.suspend(() => held?.close ?? Effect.void)
    )
    return Effect.flatMap(closed, (response) =>
      finish(response, { partial: held?.codec.fold.partial(), attempts: held?.earlier ?? [] })
    )
  })

/** The call as one answer. */
export const fold = <A, Response>(
  call: Call<A, Response>,
  settings: Settings
): Effect.Effect<Response, OllamaError.OllamaError> => foldWith(call, settings, Effect.succeed)

const rest = <A, Response>(won: Attempt.Won<A, Response>): Effect.Effect<void, OllamaError.OllamaError> =>
  won.first === Reader.done ? Effect.void : Effect.repeat(won.reader.read, { until: (batch) => batch === Reader.done })

const result = <A, Response>(won: Attempt.Won<A, Response>): Effect.Effect<Response> => {
  const response = won.codec.fold.result()
  return response === undefined
    ? Effect.die(new Error("an answer that ended has no last value"))
    : Effect.succeed(response)
}

/** The call as a Stream of its values. */
export const stream = <A, Response>(
  make: Effect.Effect<readonly [Call<A, Response>, Settings], OllamaError.OllamaError>,
  /** Put around everything that happens until the first values. */
  around: <B, E>(effect: Effect.Effect<B, E>) => Effect.Effect<B, E>
): Stream.Stream<A, OllamaError.OllamaError> =>
  Stream.fromChannel(
    Channel.suspend(() => {
      // no more than this is kept while the answer goes on: neither the call nor its first values
      let close: Effect.Effect<void> = Effect.void
      const open = around(
        Effect.flatMap(make, ([call, settings]) =>
          win(call, settings, (won) => {
            close = won.close
          })
        )
      )
      return Channel.ensuring(
        Channel.flatMap(Channel.fromEffect(open), (won) => reading<A>(won.reader.read)(won.first)),
        Effect.suspend(() => close)
      )
    })
  )

/** From one batch of values to the channel that gives them and all that follow. */
const reading = <A>(read: Reader.Reader<A>["read"]) => {
  type Values = Channel.Channel<Chunk.Chunk<A>, unknown, OllamaError.OllamaError>
  const step = (batch: Reader.Batch<A>): Values =>
    batch === Reader.done ? Channel.void : Channel.flatMap(Channel.write(Chunk.unsafeFromArray(batch)), loop)
  // made anew each time: one node that lives on would tie the garbage of all reads together, which made the collector
  // promote half of it (twice the CPU time for a stream in bulk)
  const loop = (): Values => Channel.flatMap(Channel.fromEffect(read), step)
  return step
}
