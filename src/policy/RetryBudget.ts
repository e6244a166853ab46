/**
 * How much of what is sent may be sent again, as a value: retries and hedges of all calls share one budget, so that a
 * server that fails is not buried under attempts.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Durations from "../internal/durations.js"
import * as OllamaError from "../OllamaError.js"
import * as Ledger from "./budget/ledger.js"
import * as Retrying from "./budget/retrying.js"
import type * as Retry from "./Retry.js"

const price = Schema.Finite.pipe(Schema.between(0, 1000))
const positive = Schema.Finite.pipe(Schema.greaterThan(0), Schema.lessThanOrEqualTo(1000))

/**
 * A pool of tokens, against a fault that lasts: it empties while retries fail and fills while calls succeed.
 *
 * - `size`: how many it holds; `initial`: how many at first.
 * - `cost`: what a retry takes, or one price for each kind of failure that it follows.
 * - `perSuccess`: what a success brings.
 * - `refund`: `lastRetry` gives back what a retry took when it succeeds, in place of `perSuccess` (AWS SDK retry
 *   behaviour, revision 2.1); `none` does not.
 * - `charge`: `retries` pay when they are granted; with `failures` every failed attempt pays, the first one too, at the
 *   price for `transient` (gRPC proposal A6).
 * - `threshold`: the share of `size` that has to be exceeded for a retry (gRPC: 0.5).
 *
 * @since 0.1.0
 * @category models
 */
export const Pool = Schema.Struct({
  size: positive,
  initial: Schema.Union(Schema.Literal("full"), price),
  cost: Schema.Union(price, Schema.Struct({ transient: price, throttling: price })),
  perSuccess: positive,
  refund: Schema.Literal("none", "lastRetry"),
  charge: Schema.Literal("retries", "failures"),
  threshold: Schema.Finite.pipe(Schema.greaterThanOrEqualTo(0), Schema.lessThan(1))
}).annotations({ identifier: "effect-ollama/RetryBudget/Pool" })

/**
 * @since 0.1.0
 * @category models
 */
export type Pool = typeof Pool.Type

/**
 * Retries as a share of the calls that began within `window`, and `perSecond` of it beside (Finagle, `RetryBudget`).
 *
 * @since 0.1.0
 * @category models
 */
export const Deposit = Schema.Struct({
  share: Schema.Finite.pipe(Schema.between(0, 10)),
  window: Durations.Positive,
  perSecond: price
}).annotations({ identifier: "effect-ollama/RetryBudget/Deposit" })

/**
 * @since 0.1.0
 * @category models
 */
export type Deposit = typeof Deposit.Type

/**
 * A retry or a hedge is granted when each of these allows it.
 *
 * - `share`, `floor`: how many wait or run at once, as a share of the calls in flight, and how many at least.
 * - `pool`: tokens, or `off`.
 * - `deposit`: a share of the calls of the last while, or `off`.
 *
 * @since 0.1.0
 * @category models
 */
export const RetryBudget = Schema.Struct({
  share: Schema.Finite.pipe(Schema.between(0, 10)),
  floor: Schema.Int.pipe(Schema.between(0, 10_000)),
  pool: Schema.Union(Schema.Literal("off"), Pool),
  deposit: Schema.Union(Schema.Literal("off"), Deposit)
}).annotations({ identifier: "effect-ollama/RetryBudget" })

/**
 * @since 0.1.0
 * @category models
 */
export type RetryBudget = typeof RetryBudget.Type

type Written<A> = {
  readonly [K in keyof A]?: (A[K] extends Duration.Duration ? Duration.DurationInput : A[K]) | undefined
}

/**
 * Some fields, as a change of others; durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export interface Patch extends Written<Pick<RetryBudget, "share" | "floor">> {
  readonly pool?: Written<Pool> | "off" | undefined
  readonly deposit?: Written<Deposit> | "off" | undefined
}

/**
 * 100 tokens; a retry takes one, a success brings a fifth: in the long run one retry for five successes.
 *
 * @since 0.1.0
 * @category constants
 */
export const poolDefaults: Pool = {
  size: 100,
  initial: "full",
  cost: 1,
  perSuccess: 0.2,
  refund: "none",
  charge: "retries",
  threshold: 0
}

/**
 * A fifth of the calls of the last ten seconds, and ten a second (Finagle).
 *
 * @since 0.1.0
 * @category constants
 */
export const depositDefaults: Deposit = { share: 0.2, window: Duration.seconds(10), perSecond: 10 }

/**
 * A fifth of the calls in flight, at least three (failsafe-go, Envoy), and the pool.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: RetryBudget = { share: 0.2, floor: 3, pool: poolDefaults, deposit: "off" }

interface Change extends Partial<Pick<RetryBudget, "share" | "floor">> {
  readonly pool?: Partial<Pool> | "off"
  readonly deposit?: Partial<Deposit> | "off"
}

const mergePart = <A extends object>(base: A | "off", ifOff: A, change: Partial<A> | "off" | undefined): A | "off" =>
  change === undefined ? base : change === "off" ? "off" : { ...(base === "off" ? ifOff : base), ...change }

/**
 * A budget with some fields changed. A part that was `off` begins with its defaults.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (budget: RetryBudget, change: Change): RetryBudget => ({
  ...budget,
  ...change,
  pool: mergePart(budget.pool, poolDefaults, change.pool),
  deposit: mergePart(budget.deposit, depositDefaults, change.deposit)
})

/**
 * What a retry follows, by which its price may differ: the server shed the call, or anything else.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind = "transient" | "throttling"

/**
 * `throttling` for an `Overloaded`, `transient` for everything else.
 *
 * @since 0.1.0
 * @category getters
 */
export const kindOf = (error: unknown): Kind =>
  OllamaError.isOllamaError(error) && error._tag === "Overloaded" ? "throttling" : "transient"

/**
 * How an attempt ended: `ignored` gives everything back (it was interrupted, or never sent), `spent` nothing (a copy
 * that was sent and is not needed any more).
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = "success" | "failure" | "spent" | "ignored"

/**
 * The right to one more attempt, held while it waits and while it runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /** Only the first release counts. */
  readonly release: (outcome: Outcome) => void
}

/**
 * Where a budget stands; `tokens` and `deposits` are undefined when that part is off.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  /** Calls that have begun and not ended. */
  readonly inFlight: number
  /** Retries and hedges that wait or run. */
  readonly granted: number
  /** How many of them may, at this number of calls in flight. */
  readonly limit: number
  readonly tokens: number | undefined
  readonly deposits: number | undefined
}

/**
 * A budget at work.
 *
 * The `unsafe…` members are its synchronous steps, for a loop of one's own: `now` is in milliseconds on Clock. A call is
 * `unsafeBegin`, then for its first attempt `unsafeOutcome`, for each further one `unsafeAcquire` and the grant's
 * `release`, at last `unsafeEnd`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Budget {
  /** Where it stands now. */
  readonly state: Effect.Effect<State>

  /** Counts the effect as a call in flight, and how it ended as an outcome. Fails as the effect does. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

  /** Counts the stream as a call in flight until it ends; left before its end it has no outcome. */
  readonly runStream: <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R>

  /**
   * One call, and its retries as long as both the schedule and the budget say so; a grant is held while its attempt
   * waits and runs. A `Retry` value retries only retryable failures of this library. Fails with the last failure.
   */
  readonly retry: <A, E, R, Out = Duration.Duration, R2 = never>(
    effect: Effect.Effect<A, E, R>,
    by: Retry.Retry | Schedule.Schedule<Out, NoInfer<E>, R2>
  ) => Effect.Effect<A, E, R | R2>

  /** The same for a stream, up to its first value: what comes after it is never asked for again. */
  readonly retryStream: <A, E, R, Out = Duration.Duration, R2 = never>(
    stream: Stream.Stream<A, E, R>,
    by: Retry.Retry | Schedule.Schedule<Out, NoInfer<E>, R2>
  ) => Stream.Stream<A, E, R | R2>

  /** A call begins. */
  readonly unsafeBegin: (now: number) => void
  /** A call that has begun is over. */
  readonly unsafeEnd: () => void
  /** How an attempt without a grant ended. */
  readonly unsafeOutcome: (outcome: Outcome) => void
  /** The right to one more attempt; undefined when there is none left. */
  readonly unsafeAcquire: (now: number, kind: Kind) => Grant | undefined
  /** Changes the value; tokens, and what has begun, stay. */
  readonly unsafeRetune: (value: RetryBudget) => void
}

/**
 * A budget with a state of its own, for all calls that are to share it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { OllamaClient, Retry, RetryBudget } from "effect-ollama"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, floor: 1 })
 *     const versions = Array.from({ length: 100 }, () => budget.retry(OllamaClient.version(), Retry.defaults))
 *     return yield* Effect.all(versions, { concurrency: 16 })
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: RetryBudget): Effect.Effect<Budget, never, Scope.Scope> =>
  Effect.sync(() => {
    const ledger = Ledger.make(value)
    return { ...ledger, ...Retrying.make(ledger, kindOf) }
  })

/**
 * The same retry with no more attempts than a ceiling of one's own: for a retry that came from elsewhere. Without a
 * ceiling, or with one that is not positive, it is 5 (gRPC proposal A6).
 *
 * @since 0.1.0
 * @category combinators
 */
export const cap = (retry: Retry.Retry, ceiling?: number): Retry.Retry => ({
  ...retry,
  attempts: Math.min(retry.attempts, ceiling !== undefined && ceiling > 0 ? ceiling : defaultCeiling)
})

const defaultCeiling = 5
