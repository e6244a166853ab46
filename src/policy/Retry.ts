/**
 * Whether, when and how often a failed call is sent again, as a value.
 *
 * A call is sent again only while nothing of its answer was delivered to the caller.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import * as Schema from "effect/Schema"
import * as Durations from "../internal/durations.js"
import * as RetryAfter from "../internal/retryAfter.js"
import * as OllamaError from "../OllamaError.js"

/**
 * - `attempts`: how often a call is sent at most, the first time included.
 * - `backoff`: how the wait grows: `exponential` (`baseDelay * factor ^ n`), `linear` (`baseDelay * (n + 1)`), `constant`.
 * - `baseDelay`, `maxDelay`: the first wait, and the longest.
 * - `jitter`: `full` (between zero and the wait), `equal` (half of it fixed), `decorrelated` (spread evenly without
 *   spikes, after Polly's second version), `none`.
 * - `whileOffline`: what happens while the host cannot be reached: `fail` (an attempt like any other), or `wait`: the call
 *   is held, and goes on as soon as the host answers a small request (`GET /api/version`) that one prober sends for all
 *   who wait; it is no attempt, and ends with the last failure at `offlineLimit` or at the call's `total` limit.
 * - `offlineLimit`: how long a call is held at most, from the first time it was.
 *
 * A server's Retry-After is kept within the computed wait and 5 seconds more (AWS SDK retry behaviour, revision 2.1).
 *
 * @since 0.1.0
 * @category models
 */
export const Retry = Schema.Struct({
  attempts: Schema.Int.pipe(Schema.between(1, 100)),
  backoff: Schema.Literal("exponential", "linear", "constant"),
  baseDelay: Durations.Positive,
  factor: Schema.Finite.pipe(Schema.between(1, 100)),
  maxDelay: Durations.Positive,
  jitter: Schema.Literal("none", "full", "equal", "decorrelated"),
  whileOffline: Schema.Literal("fail", "wait"),
  offlineLimit: Durations.Positive
}).annotations({ identifier: "effect-ollama/Retry" })

/**
 * @since 0.1.0
 * @category models
 */
export type Retry = typeof Retry.Type

/**
 * Some fields, as a change of others; durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export type Patch = {
  readonly [K in keyof Retry]?: (Retry[K] extends Duration.Duration ? Duration.DurationInput : Retry[K]) | undefined
}

/**
 * Three attempts; 250 milliseconds, doubled each time, at most 8 seconds, full jitter.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Retry = {
  attempts: 3,
  backoff: "exponential",
  baseDelay: Duration.millis(250),
  factor: 2,
  maxDelay: Duration.seconds(8),
  jitter: "full",
  whileOffline: "fail",
  offlineLimit: Duration.minutes(10)
}

/**
 * One attempt.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Retry = { ...defaults, attempts: 1 }

/**
 * Where a sequence of waits stands: how many there were, and what decorrelated jitter remembers of the last.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  readonly retries: number
  readonly spread: number
}

/**
 * Before the first wait.
 *
 * @since 0.1.0
 * @category constants
 */
export const initial: State = { retries: 0, spread: 0 }

/** Scales the median of the decorrelated waits to the plain exponential ones (Polly `RetryHelper`). */
const spreadScale = 1 / 1.4
const spreadShape = 4

const plain = (retry: Retry, n: number): number => {
  const base = Duration.toMillis(retry.baseDelay)
  switch (retry.backoff) {
    case "exponential":
      return base * retry.factor ** n
    case "linear":
      return base * (n + 1)
    case "constant":
      return base
  }
}

/**
 * The next wait and where the sequence stands after it. Pure: `unit` is the chance, in [0, 1).
 *
 * @param retryAfter what the server asked for; the wait is kept between the computed one and 5 seconds more
 *
 * @since 0.1.0
 * @category combinators
 */
export const next = (
  retry: Retry,
  state: State,
  unit: number,
  retryAfter?: Duration.Duration | undefined
): readonly [delay: Duration.Duration, state: State] => {
  const cap = Duration.toMillis(retry.maxDelay)
  const wait = Math.min(cap, plain(retry, state.retries))
  let spread = state.spread
  let millis = wait
  if (retry.jitter === "full") millis = unit * wait
  else if (retry.jitter === "equal") millis = wait / 2 + (unit * wait) / 2
  else if (retry.jitter === "decorrelated") {
    const exponent = state.retries + unit
    spread = 2 ** exponent * Math.tanh(Math.sqrt(spreadShape * exponent))
    const difference = (spread - state.spread) * spreadScale * Duration.toMillis(retry.baseDelay)
    millis = Number.isFinite(difference) ? Math.min(cap, Math.max(0, difference)) : cap
  }
  return [
    Duration.millis(retryAfter === undefined ? millis : withinHint(millis, Duration.toMillis(retryAfter))),
    { retries: state.retries + 1, spread }
  ]
}

const hintSlack = Duration.toMillis("5 seconds")

const withinHint = (computed: number, hint: number): number => Math.min(computed + hintSlack, Math.max(computed, hint))

/**
 * What a server or proxy asks for in its headers (names in lower case): `retry-after-ms`, else `retry-after` in seconds
 * or as a date (RFC 9110, 10.2.3). What cannot be read, is negative, or is longer than `maximum`, counts as no wish.
 *
 * @param now milliseconds since the epoch, from Clock
 *
 * @since 0.1.0
 * @category getters
 */
export const retryAfter = (
  headers: Readonly<Record<string, string | undefined>>,
  now: number,
  options?: { readonly maximum?: Duration.DurationInput | undefined }
): Duration.Duration | undefined => {
  const millis = RetryAfter.parse(headers, now)
  if (millis === undefined) return undefined
  if (options?.maximum !== undefined && millis > Duration.toMillis(options.maximum)) return undefined
  return Duration.millis(millis)
}

/**
 * A server's pushback in the strict sense of gRPC (proposal A6): one readable, non-negative number of milliseconds is a
 * wait; anything else, or more than one value, forbids a retry.
 *
 * @since 0.1.0
 * @category getters
 */
export const pushback = (values: ReadonlyArray<string>): Duration.Duration | "forbidden" | undefined => {
  if (values.length === 0) return undefined
  const [value] = values
  return values.length === 1 && value !== undefined && /^\d+$/.test(value)
    ? Duration.millis(Number(value))
    : "forbidden"
}

/**
 * What becomes of a failure on the same host: not sent again, sent again once, or as often as the attempts allow; after a
 * wait. (The client sends at once where a kept connection had gone stale.)
 *
 * @since 0.1.0
 * @category models
 */
export type SameHost = "no" | "once" | "backoff"

/**
 * The retry table for one host. A failure that came after a chunk is never sent again.
 *
 * @since 0.1.0
 * @category getters
 */
export const sameHost = (error: OllamaError.OllamaError): SameHost => {
  if (error.partial !== undefined) return "no"
  switch (error._tag) {
    case "Unreachable":
      return error.isRetryable ? "backoff" : "no"
    case "Timeout":
      // leaving a load throws it away, and a prompt sent again is work doubled
      return error.phase === "connect" ? "backoff" : "no"
    case "Overloaded":
      return error.isRetryable ? "backoff" : "no"
    case "ServerError":
      return error.isRetryable ? "once" : "no"
    case "StreamInterrupted":
      return "backoff"
    default:
      return "no"
  }
}

/**
 * What becomes of a failure where there are other hosts (`Fleet`): another one is not asked, asked once, or as long as there
 * are attempts and hosts left; at once.
 *
 * @since 0.1.0
 * @category models
 */
export type OtherHost = "no" | "once" | "yes"

/**
 * The retry table for several hosts: whether another one may do better. A failure that came after a chunk is never sent
 * again.
 *
 * | failure | another host |
 * |---|---|
 * | `Unreachable`, `Blocked`, `Unauthorized`, `ModelNotFound`, `CircuitOpen`, `StreamInterrupted` | yes |
 * | `Timeout` | connect, load, firstToken, response |
 * | `Overloaded` | not `quota`: the limits of an account hold on every host |
 * | `LoadFailed` | once |
 * | `ServerError` | crashed or passing |
 * | `InvalidRequest`, `ProtocolError`, `MalformedOutput` | no |
 *
 * @since 0.1.0
 * @category getters
 */
export const otherHost = (error: OllamaError.OllamaError): OtherHost => {
  if (error.partial !== undefined) return "no"
  switch (error._tag) {
    case "Unreachable":
    case "Blocked":
    case "Unauthorized":
    case "ModelNotFound":
    case "CircuitOpen":
    case "StreamInterrupted":
      return "yes"
    case "Timeout":
      return error.phase === "gap" || error.phase === "total" ? "no" : "yes"
    case "Overloaded":
      return error.by === "quota" ? "no" : "yes"
    case "LoadFailed":
      return "once"
    case "ServerError":
      return error.isRetryable ? "yes" : "no"
    case "InvalidRequest":
    case "ProtocolError":
    case "MalformedOutput":
      return "no"
  }
}

/**
 * The policy as a Schedule for `Effect.retry` around a program of your own: it goes on for retryable failures of this
 * library and stops at anything else, honours Retry-After, and gives the waits as its output.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { OllamaClient, Retry } from "effect-ollama"
 *
 * const program = OllamaClient.version().pipe(
 *   Effect.flatMap(({ version }) => Effect.log(version)),
 *   Effect.retry(Retry.toSchedule({ ...Retry.defaults, attempts: 5 }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const toSchedule = (retry: Retry): Schedule.Schedule<Duration.Duration, unknown> =>
  Schedule.makeWithState<State, unknown, Duration.Duration>(initial, (now, input, state) => {
    if (!OllamaError.isOllamaError(input) || !input.isRetryable || state.retries + 1 >= retry.attempts) {
      return Effect.succeed([state, Duration.zero, ScheduleDecision.done])
    }
    const hint = input._tag === "Overloaded" ? input.retryAfter : undefined
    return Effect.map(Random.next, (unit) => {
      const [delay, after] = next(retry, state, unit, hint)
      return [
        after,
        delay,
        ScheduleDecision.continueWith(ScheduleInterval.after(now + Duration.toMillis(delay)))
      ] as const
    })
  })
