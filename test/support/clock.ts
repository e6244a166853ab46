/** Virtual time: what ends when, to the millisecond. */
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { OllamaError } from "effect-ollama"

/** The effect must fail exactly so long after its start, and not a millisecond before. */
export const failsAt = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  after: Duration.DurationInput
): Effect.Effect<E, never, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.either(effect))
    const millis = Duration.toMillis(after)
    if (millis > 0) {
      yield* TestClock.adjust(millis - 1)
      const early = yield* Fiber.poll(fiber)
      assert.isTrue(Option.isNone(early), `ended before ${millis} ms`)
      yield* TestClock.adjust(1)
    } else {
      yield* TestClock.adjust(0)
    }
    const polled = yield* Fiber.poll(fiber)
    assert.isTrue(Option.isSome(polled), `still running after ${millis} ms`)
    const result = yield* Fiber.join(fiber)
    if (result._tag === "Right") return assert.fail("succeeded, where it had to fail")
    return result.left
  })

/** Runs the effect while the clock goes on as far as need be, up to `limit`. */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limit: Duration.DurationInput = "1 hour"
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust(limit)
    const polled = yield* Fiber.poll(fiber)
    assert.isTrue(Option.isSome(polled), `still running after ${Duration.format(limit)}`)
    return yield* Fiber.join(fiber)
  })

type Tag = OllamaError.OllamaError["_tag"]

/** The failure is of this class; gives it with the class's own fields. */
export const expectTag = <const T extends Tag>(
  error: unknown,
  tag: T
): Extract<OllamaError.OllamaError, { _tag: T }> => {
  const isTagged = (e: unknown): e is Extract<OllamaError.OllamaError, { _tag: T }> =>
    OllamaError.isOllamaError(e) && e._tag === tag
  if (isTagged(error)) return error
  return assert.fail(`expected ${tag}, got ${String(error)}`)
}

/** A Timeout with this phase and limit. */
export const expectTimeout = (
  error: unknown,
  phase: OllamaError.Phase,
  limit: Duration.DurationInput
): OllamaError.Timeout => {
  const timeout = expectTag(error, "Timeout")
  assert.strictEqual(timeout.phase, phase)
  assert.strictEqual(Duration.toMillis(timeout.limit), Duration.toMillis(limit))
  return timeout
}
