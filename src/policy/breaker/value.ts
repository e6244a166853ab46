/** A circuit breaker as a value: its Schema, its defaults, and changes of it. */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Durations from "../../internal/durations.js"

const decodePositive = ParseResult.decodeUnknownEither(Durations.Positive)

/** A positive duration or one word. Problems are said once, not once for each of the two. */
const durationOr = <const Word extends string>(word: Word) =>
  Schema.transformOrFail(
    Schema.Union(Schema.String, Schema.Number).annotations({
      message: () => ({
        message: `not a duration: write it as "30 seconds", in milliseconds, or "${word}"`,
        override: true
      })
    }),
    Schema.Union(Schema.DurationFromSelf, Schema.Literal(word)),
    {
      strict: true,
      decode: (input): Either.Either<Duration.Duration | Word, ParseResult.ParseIssue> =>
        input === word ? Either.right(word) : decodePositive(input),
      encode: (value) => ParseResult.succeed(Duration.isDuration(value) ? Duration.toMillis(value) : value)
    }
  )

const numberOr = <const Word extends string>(word: Word, number: Schema.Schema<number>, what: string) =>
  Schema.Union(number, Schema.Literal(word)).annotations({
    message: () => ({ message: `${what}, or "${word}"`, override: true })
  })

const count = (most: number) => Schema.Int.pipe(Schema.between(1, most))

const countOrOff = numberOr("off", count(1000), "a whole number from 1 to 1000")

const shareOrOff = numberOr(
  "off",
  Schema.Finite.pipe(Schema.greaterThan(0), Schema.lessThanOrEqualTo(1)),
  "a share above 0, up to 1"
)

/**
 * Who decides: `automatic` (what is counted), `forcedOpen` (nothing passes), `disabled` (everything passes, nothing is
 * counted), `observeOnly` (everything passes and is counted).
 *
 * @since 0.1.0
 * @category models
 */
export const Mode = Schema.Literal("automatic", "forcedOpen", "disabled", "observeOnly").annotations({
  identifier: "effect-ollama/CircuitBreaker/Mode"
})

/**
 * @since 0.1.0
 * @category models
 */
export type Mode = typeof Mode.Type

/**
 * Which outcomes are looked at: the last `calls` (or `"all"`), not older than `duration` (or `"none"`), to the precision
 * of `duration / slices`.
 *
 * @since 0.1.0
 * @category models
 */
export const Window = Schema.Struct({
  calls: numberOr("all", count(1000), "a whole number from 1 to 1000"),
  duration: durationOr("none"),
  slices: count(1000)
}).annotations({ identifier: "effect-ollama/CircuitBreaker/Window" })

/**
 * @since 0.1.0
 * @category models
 */
export type Window = typeof Window.Type

/**
 * When a breaker opens, for how long, and how it closes again. Whichever rule is reached first opens it; `"off"` switches
 * a rule off.
 *
 * The rules:
 * - `consecutive`: so many failures, and no success between them.
 * - `failures`: so many failures in the window.
 * - `failureRate`: this share of the outcomes in the window failed (or more), of at least `minCalls`.
 * - `slowRate`: this share took `slowAfter` or longer, of at least `minCalls`. Calls that are still running count as soon
 *   as they have taken that long.
 * - `strict`: the two rates have to be exceeded, not reached.
 * - `belief`: so sure that more than half of the calls fail, when every failure rate was equally likely before. At 0.95
 *   it opens after 4 failures of 4, 6 of 7, 8 of 10; so few calls are enough because nothing is said about the rate.
 *
 * Open:
 * - `openFor`, `openFactor`, `openMax`: the first wait, how it grows with each wait that did not help, and the longest.
 * - `openJitter`: each wait is changed by up to this share of itself, in either direction.
 *
 * Half-open, after the wait:
 * - `trials`: so many calls are let through and judged; the others are refused. An ignored outcome is no trial.
 * - `trialSuccesses`: so many of them have to succeed for the breaker to close. With `slowRate`, a slow trial has not.
 * - `trialVerdict`: `early` (as soon as it is certain, as failsafe-go), or `complete` (after all trials, as resilience4j).
 * - `trialLimit`: a trial that takes longer is given up and another may start, so that half-open cannot be for ever.
 *
 * Closed again:
 * - `ramp`: for so long, calls come back gradually, as `max(rampFrom, (t / ramp) ^ (1 / rampCurve))` of the calls that
 *   were in flight at once before (Envoy's slow start). A breaker that opens again meanwhile had not recovered: its wait
 *   grows on.
 *
 * @since 0.1.0
 * @category models
 */
export const CircuitBreaker = Schema.Struct({
  mode: Mode,
  window: Window,
  minCalls: count(1_000_000),
  failureRate: shareOrOff,
  strict: Schema.Boolean,
  slowRate: shareOrOff,
  slowAfter: durationOr("off"),
  consecutive: countOrOff,
  failures: countOrOff,
  belief: numberOr(
    "off",
    Schema.Finite.pipe(Schema.greaterThanOrEqualTo(0.5), Schema.lessThan(1)),
    "a probability from 0.5 to below 1"
  ),
  openFor: Durations.Positive,
  openFactor: Schema.Finite.pipe(Schema.between(1, 100)),
  openMax: Durations.Positive,
  openJitter: Schema.Finite.pipe(Schema.between(0, 1)),
  trials: count(100),
  trialSuccesses: count(100),
  trialVerdict: Schema.Literal("early", "complete"),
  trialLimit: Durations.Positive,
  ramp: durationOr("off"),
  rampFrom: Schema.Finite.pipe(Schema.greaterThan(0), Schema.lessThanOrEqualTo(1)),
  rampCurve: Schema.Finite.pipe(Schema.between(0.1, 10))
}).annotations({ identifier: "effect-ollama/CircuitBreaker" })

/**
 * @since 0.1.0
 * @category models
 */
export type CircuitBreaker = typeof CircuitBreaker.Type

type Written<A> = A extends Duration.Duration ? Duration.DurationInput : A

/**
 * Some fields, as a change of others; durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export type Patch = {
  readonly [K in Exclude<keyof CircuitBreaker, "window">]?: Written<CircuitBreaker[K]> | undefined
} & {
  readonly window?: { readonly [K in keyof Window]?: Written<Window[K]> | undefined } | undefined
}

/**
 * The Schema of a change: every field may be absent, those of the window too.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Changes = Schema.partialWith(
  Schema.Struct({ ...CircuitBreaker.fields, window: Schema.partialWith(Window, { exact: true }) }),
  { exact: true }
)

/**
 * For whether a host can be reached: opens after five failures to connect in a row, for 1 second, twice as long each
 * time up to 30 seconds, give or take a quarter; one call tries.
 *
 * Five, because a lone caller may use up the attempts of a call before it finds that nobody is there. With other hosts to
 * go to, one is enough.
 *
 * @since 0.1.0
 * @category constants
 */
export const hostDefaults: CircuitBreaker = {
  mode: "automatic",
  window: { calls: 20, duration: Duration.minutes(10), slices: 10 },
  minCalls: 20,
  failureRate: "off",
  strict: false,
  slowRate: "off",
  slowAfter: "off",
  consecutive: 5,
  failures: "off",
  belief: "off",
  openFor: Duration.seconds(1),
  openFactor: 2,
  openMax: Duration.seconds(30),
  openJitter: 0.25,
  trials: 1,
  trialSuccesses: 1,
  trialVerdict: "early",
  trialLimit: Duration.seconds(5),
  ramp: "off",
  rampFrom: 0.1,
  rampCurve: 1
}

/**
 * For whether a host generates with a model: opens when the last 20 outcomes, or those of the last 10 minutes, leave a
 * chance of 5 % or less that half of the calls or more succeed; for 5 seconds, twice as long each time up to 5 minutes.
 * One call tries, and is given up after 30 seconds; then calls come back over 20 seconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const modelDefaults: CircuitBreaker = {
  ...hostDefaults,
  consecutive: "off",
  belief: 0.95,
  openFor: Duration.seconds(5),
  openMax: Duration.minutes(5),
  openJitter: 0,
  trialLimit: Duration.seconds(30),
  ramp: Duration.seconds(20)
}

/**
 * What cannot be meant, though every field is possible by itself: rules that no number of calls can ever reach, waits
 * that shrink, more successes than trials. For the filter of a Schema.
 *
 * @since 0.1.0
 * @category guards
 */
export const contradictions = (value: CircuitBreaker): ReadonlyArray<Schema.FilterIssue> => {
  const found: Array<Schema.FilterIssue> = []
  const unless = (isSound: boolean, path: ReadonlyArray<PropertyKey>, message: string): void => {
    if (!isSound) found.push({ path, message })
  }
  const { calls } = value.window
  const size = calls === "all" ? Number.POSITIVE_INFINITY : calls
  const usesRate = value.failureRate !== "off" || value.slowRate !== "off"
  unless(!usesRate || value.minCalls <= size, ["minCalls"], "the window never holds so many calls")
  unless(value.failures === "off" || value.failures <= size, ["failures"], "the window never holds so many calls")
  unless(!value.strict || value.failureRate !== 1, ["failureRate"], "a rate of 1 cannot be exceeded")
  unless(!value.strict || value.slowRate !== 1, ["slowRate"], "a rate of 1 cannot be exceeded")
  unless(value.slowRate === "off" || value.slowAfter !== "off", ["slowAfter"], "slowRate needs to know what is slow")
  unless(
    value.belief === "off" || 1 - 0.5 ** (size + 1) >= value.belief,
    ["belief"],
    "the window never holds enough calls to be so sure"
  )
  unless(Duration.lessThanOrEqualTo(value.openFor, value.openMax), ["openMax"], "less than openFor")
  unless(value.trialSuccesses <= value.trials, ["trialSuccesses"], "more than there are trials")
  return found
}

const Sound = Schema.typeSchema(CircuitBreaker).pipe(Schema.filter(contradictions))

const options = { errors: "all", onExcessProperty: "error" } as const
const decodeChanges = ParseResult.decodeUnknownEither(Changes, options)
const validate = ParseResult.validateEither(Sound, options)

/**
 * A value out of some of its parts; the rest is `base`, by default `modelDefaults`. Throws a `ParseError` on an
 * impossible value, as constructors of Schema do.
 *
 * @example
 * ```ts
 * import { CircuitBreaker } from "effect-ollama"
 *
 * const eager = CircuitBreaker.of({ consecutive: 3, belief: "off", openFor: "2 seconds" })
 * console.log(eager.openFactor) // 2
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (patch: Patch, base: CircuitBreaker = modelDefaults): CircuitBreaker =>
  decodeChanges(Durations.written(patch)).pipe(
    Either.map(({ window, ...rest }): CircuitBreaker => ({ ...base, ...rest, window: { ...base.window, ...window } })),
    Either.flatMap((value) => validate(value)),
    Either.getOrThrowWith(ParseResult.parseError)
  )

/**
 * Whether two values say the same.
 *
 * @since 0.1.0
 * @category getters
 */
export const equivalence = Schema.equivalence(CircuitBreaker)
