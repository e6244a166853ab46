/** Interruption at every step: the same program again and again, ended one operation later each time. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/** A program, and what has to hold whenever it has ended. */
export interface Subject<R> {
  readonly run: Effect.Effect<unknown, unknown, R>
  readonly check: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

/** No program under test has as many operations. */
const limit = 5000

/** To yield is ten operations itself: these leave five and eight for the program, and meet different boundaries. */
export const fewest = [15, 18]

/**
 * Gives how many times the program was interrupted before it came to its end.
 *
 * @param operations how many it may do before others have their turn; one of `fewest`
 */
export const interruptedAtEveryStep = <R>(
  make: Effect.Effect<Subject<R>, never, R>,
  operations: number
): Effect.Effect<number, never, R> =>
  Effect.gen(function* () {
    for (let steps = 0; steps < limit; steps++) {
      const { check, run } = yield* make
      const fiber = yield* Effect.fork(Effect.withMaxOpsBeforeYield(run, operations))
      for (let step = 0; step < steps && Option.isNone(yield* Fiber.poll(fiber)); step++) yield* Effect.yieldNow()
      const polled = yield* Fiber.poll(fiber)
      const exit = yield* Fiber.interrupt(fiber)
      yield* check(exit)
      if (Option.isSome(polled)) {
        assert.isFalse(Exit.isInterrupted(exit))
        return steps
      }
    }
    return assert.fail("the program did not end")
  })

/** Takes its time without a clock. */
export const yields = (count: number): Effect.Effect<void> =>
  count <= 0 ? Effect.void : Effect.zipRight(Effect.yieldNow(), yields(count - 1))
