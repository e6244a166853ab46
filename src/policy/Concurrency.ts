/**
 * How many calls of a model are at a server at once, and in which order the others wait, as a value.
 *
 * A server of Ollama takes any number of calls and lets them wait unseen, in the order they came. Those that wait here
 * instead have an order, can leave, and can be refused in time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as OllamaError from "../OllamaError.js"
import { type Ask, Gate, type Permit } from "./concurrency/gate.js"
import type { Learning, Sample } from "./concurrency/learning.js"
import * as Permitted from "./concurrency/permitted.js"
import type { Priority } from "./concurrency/queue.js"
import { overloaded, type Refusal } from "./concurrency/refusal.js"
import type { Concurrency } from "./concurrency/value.js"

export type { Ask, Permit } from "./concurrency/gate.js"
export { learn, type Learning, limitOf, nothingLearned, type Sample } from "./concurrency/learning.js"
export type { Priority } from "./concurrency/queue.js"
export { overloaded, type Refusal } from "./concurrency/refusal.js"
export { Admission, bounded, Concurrency, defaults, merge, Patch } from "./concurrency/value.js"

/**
 * Where the permits stand.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  /** The limit in force; infinity is none. */
  readonly limit: number
  /** Permits that are held. */
  readonly inFlight: number
  readonly waiting: Readonly<Record<Priority, number>>
  /** How many calls the server was seen to work on at once; undefined before the first answer. */
  readonly learned: number | undefined
  /** What an answer takes on average, load and wait apart; undefined before the first. */
  readonly meanService: Duration.Duration | undefined
}

/**
 * With what a permit is acquired. `hold` learns of the permit in the step that grants it, before anything can interrupt:
 * whoever releases what it was told leaks none.
 *
 * @since 0.1.0
 * @category models
 */
export interface AcquireOptions extends Ask {
  readonly hold?: ((permit: Permit) => void) | undefined
}

/**
 * - `name`: what the permits are for, in the words of a refusal.
 * - `model`, `host`: what its failure says.
 * - `weight`: a share of the limit, from 0 to 1, of which at least one permit is left: for a server that comes back and is
 *   not to get everything at once.
 * - `onLearn`: learns that something was learned from an answer (`unsafeLearned`), at once; it must not throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly name?: string | undefined
  readonly model?: string | undefined
  readonly host?: string | undefined
  readonly weight?: ((now: number) => number) | undefined
  readonly onLearn?: (() => void) | undefined
}

/**
 * Permits at work.
 *
 * The `unsafe…` members are synchronous steps, for a loop of one's own: `now` is in milliseconds on Clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Permits {
  /** Where they stand now. */
  readonly state: Effect.Effect<State>

  /**
   * Runs the effect with a permit, and waits for it first. Fails as the effect does, and with `Overloaded` by `client`
   * where the value says that a call may be refused.
   */
  readonly run: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: AcquireOptions
  ) => Effect.Effect<A, E | OllamaError.Overloaded, R>

  /** The same for a stream; the permit is held until the stream ends. */
  readonly runStream: <A, E, R>(
    stream: Stream.Stream<A, E, R>,
    options?: AcquireOptions
  ) => Stream.Stream<A, E | OllamaError.Overloaded, R>

  /**
   * A permit, to be released by the caller; waits for it, and leaves the queue when interrupted. Fails with the refusal.
   * Release what `hold` was told: an interruption that comes right after the grant takes the permit that this succeeds
   * with.
   */
  readonly acquire: (options?: AcquireOptions) => Effect.Effect<Permit, Refusal>

  /** Learns from an answer whose permit was released without one. */
  readonly sample: (sample: Sample) => Effect.Effect<void>

  /** A permit or a refusal, at once; undefined when the call has to wait (`acquire`). */
  readonly unsafeTryAcquire: (now: number, ask?: Ask) => Permit | Refusal | undefined

  /** Whether a permit is to be had at once. */
  readonly unsafeHasRoom: (now: number) => boolean

  /** What was learned from answers, as it is. */
  readonly unsafeLearned: () => Learning

  /** As `sample`. */
  readonly unsafeSample: (now: number, sample: Sample) => void

  /**
   * Changes the value: a higher limit is used at once, running calls finish under a lower one, and who waits keeps on
   * waiting in a shorter queue. What was learned is kept.
   */
  readonly unsafeRetune: (value: Concurrency) => void
}

/**
 * Permits with a state of their own, for all calls that are to share them: those of one model at one server.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Concurrency, OllamaClient } from "effect-ollama"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const permits = yield* Concurrency.make({ ...Concurrency.defaults, limit: 2 })
 *     const ask = (content: string) =>
 *       permits.run(OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content }] }), {
 *         priority: "batch"
 *       })
 *     return yield* Effect.forEach(["What is a monad?", "And a monoid?", "Why?"], ask, { concurrency: "unbounded" })
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: Concurrency, options: Options = {}): Effect.Effect<Permits, never, Scope.Scope> =>
  Effect.map(Effect.zip(Effect.clock, Effect.scope), ([ownClock, scope]) => {
    const gate = new Gate(value, options.name, options.weight, options.onLearn)
    return {
      ...Permitted.make(gate, scope, (refusal) => overloaded(refusal, options)),
      state: Effect.map(Clock.currentTimeMillis, (now) => stateOf(gate, now)),
      sample: (sample) => Effect.map(Clock.currentTimeMillis, (now) => gate.sample(now, sample)),
      unsafeTryAcquire: (now, ask) => gate.tryAcquire(now, ask),
      unsafeHasRoom: (now) => gate.hasRoom(now),
      unsafeLearned: () => gate.learning,
      unsafeSample: (now, sample) => gate.sample(now, sample),
      unsafeRetune: (next) => gate.retune(ownClock.unsafeCurrentTimeMillis(), next)
    }
  })

const stateOf = (gate: Gate, now: number): State => {
  const { inFlight, learning, queue } = gate
  return {
    limit: gate.limitAt(now),
    inFlight,
    waiting: {
      interactive: queue.waiting("interactive"),
      normal: queue.waiting("normal"),
      batch: queue.waiting("batch")
    },
    learned: learning.parallelism === 0 ? undefined : learning.parallelism,
    meanService: learning.serviceSeconds === undefined ? undefined : Duration.seconds(learning.serviceSeconds)
  }
}
