/**
 * A client that holds itself back, as a value: the more of its calls the server sheds, the fewer it sends (client-side
 * throttling, Google SRE book, ch. 21).
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Bracket from "../internal/bracket.js"
import * as Durations from "../internal/durations.js"
import * as Slices from "../internal/slices.js"
import * as OllamaError from "../OllamaError.js"

/**
 * - `k`: how many calls are sent for each that is accepted, before any is held back: 2 lets through twice as many.
 * - `window`: how far back is counted; at least twice as long as a long call takes.
 *
 * @since 0.1.0
 * @category models
 */
export const Throttle = Schema.Struct({
  k: Schema.Finite.pipe(Schema.between(1, 100)),
  window: Durations.Positive
}).annotations({ identifier: "effect-ollama/Throttle" })

/**
 * @since 0.1.0
 * @category models
 */
export type Throttle = typeof Throttle.Type

/**
 * Some fields, as a change of others; durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export interface Patch {
  readonly k?: number | undefined
  readonly window?: Duration.DurationInput | undefined
}

/**
 * Twice what is accepted, over two minutes (Google SRE book, ch. 21).
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Throttle = { k: 2, window: Duration.minutes(2) }

/**
 * The probability that a call is held back: max(0, (requests - k * accepts) / (requests + 1)) (Google SRE book, eq. 21-1).
 *
 * @example
 * ```ts
 * import { Throttle } from "effect-ollama"
 *
 * console.log(Throttle.rejection(100, 50, 2)) // 0
 * console.log(Throttle.rejection(1, 0, 2)) // 0.5
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const rejection = (requests: number, accepts: number, k: number): number =>
  Math.max(0, (requests - k * accepts) / (requests + 1))

/**
 * A call that may be sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ticket {
  readonly _tag: "Ticket"
  /** The server shed it: it was not accepted after all. Only the first of `rejected` and `ignored` counts. */
  readonly rejected: () => void
  /** It was interrupted: as though it had never been. */
  readonly ignored: () => void
}

/**
 * A call that is held back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly probability: number
  /** One sentence that says what to do. */
  readonly remedy: string
}

/**
 * What a throttle has counted within its window, and the probability that follows.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  readonly requests: number
  readonly accepts: number
  readonly probability: number
}

/**
 * A throttle at work.
 *
 * @since 0.1.0
 * @category models
 */
export interface Throttler {
  /** What it has counted. */
  readonly state: Effect.Effect<State>

  /**
   * Runs the effect or holds it back. Fails as the effect does, or with `Overloaded` by `client` in phase `prepare`.
   */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | OllamaError.Overloaded, R>

  /** The same for a stream; whether it was shed is known when it ends. */
  readonly runStream: <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.Stream<A, E | OllamaError.Overloaded, R>

  /**
   * One call, at `now` in milliseconds on Clock; `unit` is the chance, in [0, 1). A call is counted when it is sent, and
   * as accepted until it is known that it was not: counted at its end, a call longer than the window would be missed.
   */
  readonly unsafeAcquire: (now: number, unit: number) => Ticket | Refusal

  /** Changes the value; what was counted stays, unless the window is another. */
  readonly unsafeRetune: (value: Throttle) => void
}

/**
 * What counts as shed by default: `Overloaded` by the server or by a gateway. A model that loads, a clock that ran out,
 * a connection refused say nothing of load.
 *
 * @since 0.1.0
 * @category getters
 */
export const isRejection = (error: unknown): boolean =>
  OllamaError.isOllamaError(error) && error._tag === "Overloaded" && (error.by === "server" || error.by === "gateway")

const refusal = ({ accepts, probability, requests }: State): Refusal => ({
  _tag: "Refusal",
  probability,
  remedy:
    `Nothing was sent: the server took ${accepts} of the last ${requests} calls, and the throttle of this client holds ` +
    "back what would only be shed; send fewer calls, add a host, or change throttle in the policy"
})

const sliceCount = 24

/**
 * A throttle with a memory of its own, for all calls to one server.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { OllamaClient, Throttle } from "effect-ollama"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const throttle = yield* Throttle.make({ ...Throttle.defaults, k: 1.5 })
 *     return yield* throttle.run(OllamaClient.list())
 *   })
 * )
 * ```
 *
 * @param options `isRejection`: which failures say that the server shed the call, for effects of one's own
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  value: Throttle,
  options?: { readonly isRejection?: ((error: unknown) => boolean) | undefined }
): Effect.Effect<Throttler, never, Scope.Scope> =>
  Effect.sync(() => unsafeMake(value, options?.isRejection ?? isRejection))

const prepare = Effect.zip(Effect.clock, Random.next)

const windowOf = ({ window }: Throttle) => ({
  requests: Slices.make(Duration.toMillis(window), sliceCount),
  accepts: Slices.make(Duration.toMillis(window), sliceCount)
})

const unsafeMake = (initial: Throttle, isShed: (error: unknown) => boolean): Throttler => {
  let value = initial
  let window = windowOf(value)

  const look = (now: number): State => {
    window.requests.at(now)
    window.accepts.at(now)
    const requests = window.requests.sum()
    const accepts = window.accepts.sum()
    return { requests, accepts, probability: rejection(requests, accepts, value.k) }
  }

  const unsafeAcquire = (now: number, unit: number): Ticket | Refusal => {
    const before = look(now)
    const held = window
    const slice = held.requests.at(now)
    held.requests.add(slice, 1)
    if (unit < before.probability) return refusal(before)
    held.accepts.add(slice, 1)
    let isOpen = true
    return {
      _tag: "Ticket",
      rejected: () => {
        if (isOpen) held.accepts.add(slice, -1)
        isOpen = false
      },
      ignored: () => {
        if (isOpen) {
          held.accepts.add(slice, -1)
          held.requests.add(slice, -1)
        }
        isOpen = false
      }
    }
  }

  /** Asks for a ticket: the failure of a call that is held back, or what is to be done with the end of one that is not. */
  const ask = ([clock, unit]: readonly [Clock.Clock, number]) => {
    const answer = unsafeAcquire(clock.unsafeCurrentTimeMillis(), unit)
    if (answer._tag === "Refusal") {
      return { refused: new OllamaError.Overloaded({ by: "client", remedy: answer.remedy }), end: () => {} }
    }
    return {
      refused: undefined,
      end: (ending: Bracket.Ending<unknown>): void => {
        if (ending === undefined) answer.ignored()
        else if (ending._tag === "Failure" && Option.exists(Cause.failureOption(ending.cause), isShed))
          answer.rejected()
      }
    }
  }

  return {
    state: Effect.map(Clock.currentTimeMillis, look),
    run: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Bracket.effect<readonly [Clock.Clock, number], A, E | OllamaError.Overloaded, R, never, never>(
        prepare,
        (prepared) => {
          const { end, refused } = ask(prepared)
          return { effect: refused ?? effect, end }
        }
      ),
    runStream: <A, E, R>(stream: Stream.Stream<A, E, R>) =>
      Bracket.stream<readonly [Clock.Clock, number], A, E | OllamaError.Overloaded, R, never, never>(
        prepare,
        (prepared) => {
          const { end, refused } = ask(prepared)
          return { stream: refused === undefined ? stream : Stream.fail(refused), end }
        }
      ),
    unsafeAcquire,
    unsafeRetune: (next) => {
      if (!Duration.equals(next.window, value.window)) window = windowOf(next)
      value = next
    }
  }
}
