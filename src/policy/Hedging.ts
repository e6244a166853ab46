/**
 * A second copy of a call that takes longer than most, as a value: whichever answers first is used, the other is ended
 * (Dean and Barroso, "The Tail at Scale").
 *
 * A copy is work sent twice: it helps where calls are short and another host, or another slot, is idle. It is off by
 * default, and is sent only while nothing has been delivered.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Durations from "../internal/durations.js"
import * as Opened from "../internal/opened.js"
import * as Quantile from "../internal/quantile.js"
import * as Staggered from "../internal/staggered.js"
import * as OllamaError from "../OllamaError.js"
import * as RetryBudget from "./RetryBudget.js"

const After = Durations.Clock.pipe(
  Schema.filter((after): after is Duration.Duration | "auto" => after !== "none", {
    message: () => 'for no hedging write "off" in the place of the whole'
  })
)

/**
 * - `after`: how long a copy is waited for before the next is sent; `auto` is the time within which 95 of 100 calls had
 *   their first value, and nothing is sent twice until 20 calls were seen.
 * - `max`: how many copies are sent beside the first.
 *
 * @since 0.1.0
 * @category models
 */
export const Hedging = Schema.Struct({
  after: After,
  max: Schema.Int.pipe(Schema.between(1, 3))
}).annotations({ identifier: "effect-ollama/Hedging" })

/**
 * @since 0.1.0
 * @category models
 */
export type Hedging = typeof Hedging.Type

/**
 * Some fields, as a change of others; durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export interface Patch {
  readonly after?: Duration.DurationInput | "auto" | undefined
  readonly max?: number | undefined
}

/**
 * One copy, when a call takes longer than 95 of 100 do ("The Tail at Scale": two percent more requests).
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Hedging = { after: "auto", max: 1 }

/**
 * What a hedger may be told beside its value.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Copies are taken from it, and none is sent when it is spent. */
  readonly budget?: RetryBudget.Budget | undefined
  /** A failure that ends the call whatever its copies do; by default all but the retryable failures of this library. */
  readonly isFatal?: ((error: unknown) => boolean) | undefined
}

/**
 * Hedging at work.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hedger {
  /** The delay in force; undefined while `auto` has not seen enough. */
  readonly state: Effect.Effect<{ readonly delay: Duration.Duration | undefined }>

  /**
   * The first success of the effect and its copies; the others are interrupted, and nobody waits for their finalizers. A
   * failure that is not fatal sends the next copy at once (gRPC proposal A6). Fails as the first copy did when all have
   * failed, or with a fatal failure.
   */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

  /**
   * The same for a stream, up to its first value: the copy that gave it goes on, the others are closed, and no value of
   * theirs is seen.
   */
  readonly runStream: <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R>

  /** How long to wait for a copy, in milliseconds; undefined: nothing is to be sent twice. */
  readonly unsafeDelay: () => number | undefined

  /** Learns how long a call took to its first value, in milliseconds, or how long it had waited when a copy was faster. */
  readonly unsafeObserve: (millis: number) => void

  /** Changes the value; what was learned stays. */
  readonly unsafeRetune: (value: Hedging) => void
}

const isFatalByDefault = (error: unknown): boolean => !OllamaError.isOllamaError(error) || !error.isRetryable

/** Milliseconds; Finagle's too. */
const leastDelay = 1

/** Twenty samples are the fewest of which one is the slowest 5 percent. */
const samples = { least: 20, most: 200 }

/**
 * Hedging with a memory of its own, for calls that take about the same time.
 *
 * With a budget, let what is hedged run under it (`budget.retry(hedging.run(effect), retry)`, or `budget.run`): the
 * copies are a share of the calls that the budget sees.
 *
 * @example
 * ```ts
 * import { Duration, Effect } from "effect"
 * import { Hedging, OllamaClient, Retry, RetryBudget } from "effect-ollama"
 *
 * const embed = OllamaClient.embed({ model: "nomic-embed-text", input: "Why is the sky blue?" })
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const budget = yield* RetryBudget.make(RetryBudget.defaults)
 *     const hedging = yield* Hedging.make({ after: Duration.millis(200), max: 1 }, { budget })
 *     return yield* budget.retry(hedging.run(embed), Retry.defaults)
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: Hedging, options: Options = {}): Effect.Effect<Hedger, never, Scope.Scope> =>
  Effect.sync(() => unsafeMake(value, options))

const unsafeMake = (initial: Hedging, { budget, isFatal = isFatalByDefault }: Options): Hedger => {
  let value = initial
  const learned = Quantile.make(0.95, samples)

  const unsafeDelay = (): number | undefined => {
    if (value.after !== "auto") return Duration.toMillis(value.after)
    const delay = learned.get()
    return delay === undefined ? undefined : Math.max(leastDelay, delay)
  }

  /** Observes how long it took; a failure and an interruption say nothing of it. */
  const observed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.clock, (clock) => {
      const startedAt = clock.unsafeCurrentTimeMillis()
      return Effect.map(effect, (result) => {
        // also where a copy was faster: without the slow ones the delay would shrink from call to call
        learned.add(clock.unsafeCurrentTimeMillis() - startedAt)
        return result
      })
    })

  /**
   * @param copy has to release what it holds of the budget when it succeeds; nothing but what `restore` is around can
   * interrupt it
   */
  const race = <A, E, R>(
    delay: number,
    restore: Opened.Restore,
    copy: (restore: Opened.Restore, release: (outcome: RetryBudget.Outcome) => void) => Effect.Effect<A, E, R>,
    discard: (value: A) => Effect.Effect<void>
  ): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.clock, (clock) => {
      const grants = new Map<number, RetryBudget.Grant>()
      const running = Staggered.race<A, E, R>(
        {
          copies: 1 + value.max,
          delay,
          copy: (index, restore, isDecided) => {
            const release = (outcome: RetryBudget.Outcome) => grants.get(index)?.release(outcome)
            return Effect.tapErrorCause(copy(restore, release), (cause) =>
              Effect.sync(() =>
                release(!Cause.isInterruptedOnly(cause) ? "failure" : isDecided() ? "spent" : "ignored")
              )
            )
          },
          mayStart: (index, error) => {
            if (budget === undefined) return true
            const grant = budget.unsafeAcquire(clock.unsafeCurrentTimeMillis(), RetryBudget.kindOf(error))
            if (grant === undefined) return false
            grants.set(index, grant)
            return true
          },
          isFatal,
          discard
        },
        restore
      )
      return Effect.map(running, (winner) => winner.value)
    })

  return {
    state: Effect.sync(() => {
      const delay = unsafeDelay()
      return { delay: delay === undefined ? undefined : Duration.millis(delay) }
    }),

    run: (effect) =>
      Effect.suspend(() => {
        const delay = unsafeDelay()
        if (delay === undefined) return observed(effect)
        return Effect.uninterruptibleMask((restore) =>
          observed(
            race(
              delay,
              restore,
              (restore, release) => Effect.tap(restore(effect), () => Effect.sync(() => release("spent"))),
              () => Effect.void
            )
          )
        )
      }),

    runStream: (stream) =>
      Opened.stream((hold) =>
        Effect.uninterruptibleMask((restore) => {
          const delay = unsafeDelay()
          const opening =
            delay === undefined
              ? Opened.open(stream, restore)
              : race(
                  delay,
                  restore,
                  (restore, release) =>
                    Effect.map(Opened.open(stream, restore), (opened) => ({
                      ...opened,
                      // its part of the budget is held as long as it runs
                      close: Effect.ensuring(
                        opened.close,
                        Effect.sync(() => release("spent"))
                      )
                    })),
                  (late) => late.close
                )
          return Effect.map(observed(opening), (opened) => {
            hold(opened)
            return opened
          })
        })
      ),

    unsafeDelay,
    unsafeObserve: learned.add,
    unsafeRetune: (next) => {
      value = next
    }
  }
}
