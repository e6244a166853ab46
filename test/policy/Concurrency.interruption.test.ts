import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Concurrency } from "effect-ollama"
import { fill, limited } from "./concurrencyPermits.js"
import { interruptedAtEveryStep, yields } from "./everyStep.js"

describe("interruption at every step", () => {
  /** One permit that is given back after a while, and who wants it. */
  const subject = (use: (permits: Concurrency.Permits) => Effect.Effect<unknown, unknown>, isFree: boolean) =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      const [held] = isFree ? [] : fill(permits)
      if (held !== undefined)
        yield* Effect.fork(
          Effect.zipRight(
            yields(20),
            Effect.sync(() => held.release(0))
          )
        )
      return {
        run: use(permits),
        check: () =>
          Effect.gen(function* () {
            yield* yields(60)
            const state = yield* permits.state
            assert.deepStrictEqual(state.waiting, { interactive: 0, normal: 0, batch: 0 })
            assert.strictEqual(state.inFlight, 0)
            assert.isTrue(permits.unsafeHasRoom(0))
          })
      }
    })

  const uses: ReadonlyArray<readonly [string, (permits: Concurrency.Permits) => Effect.Effect<unknown, unknown>]> = [
    ["an effect", (permits) => permits.run(yields(3))],
    ["an effect that fails", (permits) => permits.run(Effect.fail("no")).pipe(Effect.ignore)],
    ["a stream", (permits) => Stream.runDrain(permits.runStream(Stream.fromEffect(yields(3))))],
    [
      "a loop of one's own",
      (permits) =>
        Effect.suspend(() => {
          let permit: Concurrency.Permit | undefined
          const hold = (granted: Concurrency.Permit): void => {
            permit = granted
          }
          return Effect.ensuring(
            Effect.zipRight(permits.acquire({ hold }), yields(3)),
            Effect.sync(() => permit?.release(0))
          )
        })
    ],
    [
      "a resource",
      (permits) =>
        Effect.acquireUseRelease(
          permits.acquire(),
          () => yields(3),
          (permit) => Effect.sync(() => permit.release(0))
        )
    ]
  ]
  for (const [name, use] of uses) {
    for (const operations of [13, 15, 18]) {
      for (const isFree of [true, false]) {
        it.scoped(`${name}, ${isFree ? "at once" : "after a wait"}, ${operations} at a time`, () =>
          Effect.gen(function* () {
            const steps = yield* interruptedAtEveryStep(subject(use, isFree), operations)
            assert.isAbove(steps, 3)
          })
        )
      }
    }
  }
})
