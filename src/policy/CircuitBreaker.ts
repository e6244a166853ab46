/**
 * A circuit breaker as a value: when a target counts as sick, how long it is left alone, and how it is tried again.
 *
 * The state machine is pure (`transition`, `permits`, `weight`) and its state is plain JSON. `make` puts a state and the
 * clock around it, for any effect or stream. The outcome of a stream is that of its end; interruption and the caller's
 * own mistakes count as nothing, and late results of calls from before an opening neither close it nor prolong it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Bracket from "../internal/bracket.js"
import * as Context from "../internal/context.js"
import { defined } from "../internal/defined.js"
import * as ErrorName from "../internal/errorName.js"
import * as OllamaError from "../OllamaError.js"
import type { Event } from "./breaker/event.js"
import * as Handle from "./breaker/handle.js"
import { judge as judgeAny, type Outcome } from "./breaker/judge.js"
import { restore } from "./breaker/machine.js"
import { failureOf, type Reading } from "./breaker/reading.js"
import { initial, State, type StateName, type Why } from "./breaker/state.js"
import type { CircuitBreaker } from "./breaker/value.js"

export { belief } from "./breaker/belief.js"
export type { Event } from "./breaker/event.js"
export type { Permit, Refusal } from "./breaker/handle.js"
export { judge, judgeGeneration, judgeReachability, type Outcome } from "./breaker/judge.js"
export { retune, transition } from "./breaker/machine.js"
export { type Permission, permits, weight } from "./breaker/permits.js"
export { read, type Reading } from "./breaker/reading.js"
export { initial, State, StateName, Why } from "./breaker/state.js"
export {
  Changes,
  CircuitBreaker,
  contradictions,
  equivalence,
  hostDefaults,
  Mode,
  modelDefaults,
  of,
  type Patch,
  Window
} from "./breaker/value.js"

/**
 * A breaker's state to write down, and to begin with in another process or after a restart. Encodes as JSON.
 *
 * @since 0.1.0
 * @category models
 */
export const Snapshot = Schema.Struct({ version: Schema.Literal(1), state: State }).annotations({
  identifier: "effect-ollama/CircuitBreaker/Snapshot"
})

/**
 * @since 0.1.0
 * @category models
 */
export type Snapshot = typeof Snapshot.Type

/**
 * A change of state.
 *
 * @since 0.1.0
 * @category models
 */
export interface Change {
  readonly name?: string
  readonly host?: string
  readonly model?: string
  readonly from: StateName
  readonly to: StateName
  /** Milliseconds on `Clock`. */
  readonly at: number
  readonly why: Why
  /** How long it stays open, where it opened by itself. */
  readonly retryAfter?: Duration.Duration
  /** The failure that opened it, where it opened by itself. */
  readonly lastFailure?: OllamaError.Attempt
}

/**
 * What somebody may order: a `Mode`, or `closed`: closed now, with an empty memory, and automatic from then on.
 * `automatic` ends what was forced and changes nothing else. `halfOpen`: the next calls are trials that decide, whether it
 * was closed or open; what was forced stays.
 *
 * @since 0.1.0
 * @category models
 */
export type Command = "forcedOpen" | "disabled" | "observeOnly" | "automatic" | "closed" | "halfOpen"

/**
 * A breaker with its state.
 *
 * @since 0.1.0
 * @category models
 */
export interface Breaker {
  /**
   * Runs the effect if the breaker lets it pass, and counts how it ends; else it fails with `CircuitOpen`, which knows
   * what is left of the wait. A defect and an interruption count as nothing.
   */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | OllamaError.CircuitOpen, R>
  /** As `run`. What counts is how the stream ends; a stream that is left early counts as nothing. */
  readonly runStream: <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.Stream<A, E | OllamaError.CircuitOpen, R>
  readonly state: Effect.Effect<Reading>
  /** The changes of state from the moment on in which the stream is run, until the breaker's Scope closes. */
  readonly changes: Stream.Stream<Change>
  readonly force: (command: Command) => Effect.Effect<void>
  readonly export: Effect.Effect<Snapshot>
  /**
   * Synchronously, for loops in which an Effect for each step is too much: lets a call pass, which has to be settled
   * then, or not.
   *
   * @param options `ramp: false` does not limit calls while they come back gradually: for a caller that goes by
   *   `unsafeWeight`
   */
  readonly unsafeAcquire: (
    nowMillis: number,
    options?: { readonly ramp?: boolean | undefined }
  ) => Handle.Permit | Handle.Refusal
  /** Whether a call would be refused; asking changes nothing. */
  readonly unsafeIsRefusing: (nowMillis: number, options?: { readonly ramp?: boolean | undefined }) => boolean
  /** The share of its usual calls that the target should get now, from 0 to 1. */
  readonly unsafeWeight: (nowMillis: number) => number
  /** The name of its state, as it is. */
  readonly unsafeState: () => StateName
  /** Until a call may pass, in milliseconds; zero when one may now. */
  readonly unsafeWait: (nowMillis: number, options?: { readonly ramp?: boolean | undefined }) => number
  /** Goes on under another value; what was counted stays where the window is the same. */
  readonly unsafeRetune: (value: CircuitBreaker) => void
}

/**
 * - `name`, `host`, `model`: what the breaker is for, in its failures (`host`, `model`) and changes.
 * - `restore`: a state to begin with.
 * - `judge`: what an error of a call says of the target; by default `CircuitBreaker.judge`.
 * - `onChange`: learns of every change of state at once, in the middle of it; it has to be quick and must not throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly name?: string | undefined
  readonly host?: string | undefined
  readonly model?: string | undefined
  readonly restore?: Snapshot | undefined
  readonly judge?: ((error: unknown) => Outcome) | undefined
  readonly onChange?: ((change: Change) => void) | undefined
}

const events: { readonly [K in Command]: Event } = {
  forcedOpen: { _tag: "ForceOpen" },
  disabled: { _tag: "Disable" },
  observeOnly: { _tag: "ObserveOnly" },
  automatic: { _tag: "Automatic" },
  closed: { _tag: "Close" },
  halfOpen: { _tag: "Doubt" }
}

const inShort = (error: unknown, startedAt: number, now: number): OllamaError.Attempt =>
  OllamaError.isOllamaError(error)
    ? Context.short(error, startedAt, now)
    : { tag: ErrorName.of(error, "Failure"), phase: "response", elapsed: Duration.millis(Math.max(0, now - startedAt)) }

/** Counts how a call ended that began at `startedAt`. */
const settle = (
  permit: Handle.Permit,
  startedAt: number,
  now: number,
  ending: Bracket.Ending<unknown>,
  judge: (error: unknown) => Outcome
): void => {
  if (ending !== undefined && Exit.isSuccess(ending)) return permit.settle("success", now)
  const error = ending === undefined ? Option.none() : Cause.failureOption(ending.cause)
  if (Option.isNone(error)) return permit.settle("ignored", now)
  let outcome: Outcome = "ignored"
  try {
    outcome = judge(error.value)
  } finally {
    // a judge that throws has not judged; what it throws is the caller's defect
    permit.settle(outcome, now, outcome === "failure" ? inShort(error.value, startedAt, now) : undefined)
  }
}

/**
 * A breaker for any effect or stream, beginning closed, or where `restore` left off. Its state lasts as long as it is
 * kept; the Scope ends the stream of its changes. It never fails.
 *
 * The chances of its waits come from `Random`, as a seed that is drawn here.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { CircuitBreaker, OllamaClient } from "effect-ollama"
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make(CircuitBreaker.of({ consecutive: 3, openFor: "10 seconds" }))
 *   const version = breaker.run(OllamaClient.version())
 *   return yield* version.pipe(
 *     Effect.catchTag("CircuitOpen", (open) => Effect.as(Effect.log(open.message), { version: "unknown" }))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: CircuitBreaker, options: Options = {}): Effect.Effect<Breaker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const about = defined({ host: options.host, model: options.model })
    const judge = options.judge ?? judgeAny
    const ownClock = yield* Effect.clock
    const now = ownClock.unsafeCurrentTimeMillis()
    const seed = yield* Random.nextIntBetween(0, 2 ** 31)
    // the end is a message, so that nobody misses what was published before it
    const changes = yield* PubSub.unbounded<Change | undefined>()
    let hasEnded = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        hasEnded = true
        changes.unsafeOffer(undefined)
      })
    )

    const first =
      options.restore === undefined ? initial(value, now, seed) : restore(value, options.restore.state, now, seed)

    const handle = Handle.make(value, first, (from, after) => {
      const opened = after.state === "open"
      const change: Change = {
        ...defined({ name: options.name, ...about }),
        from,
        to: after.state,
        at: after.at,
        why: after.why ?? "command",
        ...defined({
          retryAfter: opened ? Duration.millis(after.wait) : undefined,
          lastFailure: opened ? failureOf(after) : undefined
        })
      }
      changes.unsafeOffer(change)
      options.onChange?.(change)
    })

    /** A call that passes or is refused, and what is to be done when it has ended. */
    const begin = (clock: Clock.Clock) => {
      const startedAt = clock.unsafeCurrentTimeMillis()
      const permit = handle.acquire(startedAt, true)
      if (permit._tag === "Permit") {
        return {
          refusal: undefined,
          end: (ending: Bracket.Ending<unknown>) =>
            settle(permit, startedAt, clock.unsafeCurrentTimeMillis(), ending, judge)
        }
      }
      const retryAfter = Duration.millis(permit.retryAfterMillis)
      const fields = { ...about, retryAfter, lastFailure: permit.lastFailure }
      // checking what is right by its types costs ten times as much as the failure itself
      const refusal = new OllamaError.CircuitOpen(fields, { disableValidation: true })
      return { refusal, end: constVoid }
    }

    const self: Breaker = {
      run: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Bracket.effect<Clock.Clock, A, E | OllamaError.CircuitOpen, R, never, never>(Effect.clock, (clock) => {
          const { end, refusal } = begin(clock)
          return { effect: refusal ?? effect, end }
        }),
      runStream: <A, E, R>(stream: Stream.Stream<A, E, R>) =>
        Bracket.stream<Clock.Clock, A, E | OllamaError.CircuitOpen, R, never, never>(Effect.clock, (clock) => {
          const { end, refusal } = begin(clock)
          return { stream: refusal === undefined ? stream : Stream.fail(refusal), end }
        }),
      state: Effect.map(Effect.clock, (clock) => handle.read(clock.unsafeCurrentTimeMillis())),
      changes: Stream.suspend(() =>
        hasEnded ? Stream.empty : Stream.takeWhile(Stream.fromPubSub(changes), Predicate.isNotUndefined)
      ),
      force: (command) =>
        Effect.map(Effect.clock, (clock) => handle.tell(events[command], clock.unsafeCurrentTimeMillis())),
      export: Effect.sync(() => ({ version: 1, state: handle.state() })),
      unsafeAcquire: (nowMillis, options) => handle.acquire(nowMillis, options?.ramp ?? true),
      unsafeIsRefusing: (nowMillis, options) => handle.isRefusing(nowMillis, options?.ramp ?? true),
      unsafeWeight: handle.weight,
      unsafeState: () => handle.state().state,
      unsafeWait: (nowMillis, options) => handle.wait(nowMillis, options?.ramp ?? true),
      unsafeRetune: (next) => handle.retune(next, ownClock.unsafeCurrentTimeMillis())
    }
    return self
  })
