/**
 * Runs a program on a clock of its own, which is moved by `time`: a day passes in some milliseconds. This is what
 * `it.effect` of @effect/vitest does for tests, by hand.
 */
import { type Duration, Effect, Fiber, TestClock, TestContext } from "effect"

export const onVirtualClock =
  (time: Duration.DurationInput) =>
  <A, E, R>(program: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(program)
      yield* TestClock.adjust(time)
      return yield* Fiber.join(fiber)
    }).pipe(Effect.provide(TestContext.TestContext))
