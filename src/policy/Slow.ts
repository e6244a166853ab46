/**
 * When a call counts as slow while it still runs, as a value: after a part of the limit that would end it, or after a
 * multiple of what calls like it take. Such a call is told of at that moment, and goes on.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Durations from "../internal/durations.js"
import type * as OllamaError from "../OllamaError.js"
import type { Prediction } from "../record/CallRecord.js"
import * as Timeouts from "./Timeouts.js"

const factorOrOff = Schema.Union(
  Schema.Finite.pipe(Schema.greaterThan(1), Schema.lessThanOrEqualTo(1000)),
  Schema.Literal("off")
).annotations({ message: () => ({ message: 'a number above 1, up to 1000, or "off"', override: true }) })

/**
 * Absolute, from the beginning of a phase; `"auto"` is half of the limit that the same clock has in `timeouts`, `"none"`
 * never:
 *
 * - `queue`: waits in the client, for a permit or for a host that is offline (auto: never, because nothing limits it).
 * - `load`: until a cold model is in memory.
 * - `firstToken`: until the first chunk of a model in memory, or the answer of a call that does not generate.
 * - `gap`: since the last chunk, while somebody waits for the next.
 * - `total`: the whole call.
 *
 * Relative, for the load, the first token, and the generation so far:
 *
 * - `factor`: so many times as long as expected, and longer than nineteen of twenty calls.
 * - `samples`: what is expected counts from so many earlier calls of the same host and model on.
 * - `least`: no phase is slow before it has taken so long, whatever was expected.
 *
 * And:
 *
 * - `log`: whether it is logged, as a warning with annotations and without a word of the prompt or the answer.
 *
 * @since 0.1.0
 * @category models
 */
export const Slow = Schema.Struct({
  queue: Timeouts.Clock,
  load: Timeouts.Clock,
  firstToken: Timeouts.Clock,
  gap: Timeouts.Clock,
  total: Timeouts.Clock,
  factor: factorOrOff,
  samples: Schema.Int.pipe(Schema.between(1, 1000)),
  least: Durations.Positive,
  log: Schema.Boolean
}).annotations({ identifier: "effect-ollama/Slow" })

/**
 * @since 0.1.0
 * @category models
 */
export type Slow = typeof Slow.Type

/**
 * Some fields, as a change of others; durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export interface Patch {
  readonly queue?: Timeouts.ClockInput | undefined
  readonly load?: Timeouts.ClockInput | undefined
  readonly firstToken?: Timeouts.ClockInput | undefined
  readonly gap?: Timeouts.ClockInput | undefined
  readonly total?: Timeouts.ClockInput | undefined
  readonly factor?: number | "off" | undefined
  readonly samples?: number | undefined
  readonly least?: Duration.DurationInput | undefined
  readonly log?: boolean | undefined
}

/**
 * Quiet: half of each limit, so that a call is told of before it dies of it; and four times what is expected after ten
 * calls, but never within two seconds. Where predictions err by a factor of 1.5 (a standard deviation of 0.4 of their
 * logarithm; `resilience.md` 2.8), one phase in 4,000 takes four times as long by chance; where they err by 1.8, one in
 * 100.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Slow = {
  queue: "auto",
  load: "auto",
  firstToken: "auto",
  gap: "auto",
  total: "auto",
  factor: 4,
  samples: 10,
  least: Duration.seconds(2),
  log: true
}

/**
 * The phases that have a threshold; the first chunk of a call that does not generate is `response`.
 *
 * @since 0.1.0
 * @category models
 */
export type Phase = Extract<OllamaError.Phase, "queue" | "load" | "firstToken" | "response" | "gap" | "total">

/**
 * The absolute thresholds in force for a call, in milliseconds; infinity is none.
 *
 * @since 0.1.0
 * @category models
 */
export type Thresholds = { readonly [K in Phase]: number }

const half = (limit: number | undefined): number => (limit === undefined ? Number.POSITIVE_INFINITY : limit / 2)

const threshold = (clock: Timeouts.Clock, auto: number): number =>
  clock === "none" ? Number.POSITIVE_INFINITY : clock === "auto" ? auto : Duration.toMillis(clock)

/**
 * The thresholds of a call that has these limits.
 *
 * @example
 * ```ts
 * import { Slow, Timeouts } from "effect-ollama"
 *
 * const limits = Timeouts.limits(Timeouts.defaults, { characters: 1000, hasTools: false, isTransfer: false })
 * console.log(limits.firstToken, Slow.thresholds(Slow.defaults, limits).firstToken) // 40000 20000
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const thresholds = (slow: Slow, limits: Timeouts.Limits): Thresholds => {
  const firstToken = threshold(slow.firstToken, half(limits.firstToken))
  return {
    queue: threshold(slow.queue, Number.POSITIVE_INFINITY),
    load: threshold(slow.load, half(limits.load)),
    firstToken,
    response: firstToken,
    gap: threshold(slow.gap, half(limits.gap)),
    total: threshold(slow.total, half(limits.total))
  }
}

/**
 * From when on a phase is slow of which this is expected, in milliseconds; infinity where too little is known.
 *
 * @since 0.1.0
 * @category getters
 */
export const relative = ({ factor, least, samples }: Slow, predicted: Prediction | undefined): number =>
  factor === "off" || predicted === undefined || predicted.samples < samples
    ? Number.POSITIVE_INFINITY
    : Math.max(
        Duration.toMillis(least),
        factor * Duration.toMillis(predicted.expected),
        Duration.toMillis(predicted.high)
      )
