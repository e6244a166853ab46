/** How calls come back to a target that has recovered. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { CircuitBreaker } from "effect-ollama"
import { held, make, nowMillis, opens, opensAndWaits, stateIs, waitOf } from "./breakerSupport.js"

describe("the ramp", () => {
  /** Ten calls at once, then it opens, and has just recovered. */
  const recovered = (patch: CircuitBreaker.Patch = {}) =>
    Effect.gen(function* () {
      const breaker = yield* make({ ramp: "20 seconds", openFactor: 2, ...patch })
      const before = yield* Effect.forEach(Array.from({ length: 10 }), () => held(breaker))
      for (const permit of before) permit.settle("success", yield* nowMillis)
      yield* opensAndWaits(breaker)
      assert.strictEqual(breaker.unsafeWeight(yield* nowMillis), 0)
      const trial = yield* held(breaker)
      assert.strictEqual(breaker.unsafeWeight(yield* nowMillis), 0.1)
      trial.settle("success", yield* nowMillis)
      yield* stateIs(breaker, "closed")
      return breaker
    })

  /** Lets through what passes now, and gives the number and the wait of what does not. */
  const fill = (breaker: CircuitBreaker.Breaker) =>
    Effect.map(nowMillis, (now) => {
      const permits: Array<CircuitBreaker.Permit> = []
      for (;;) {
        const permit = breaker.unsafeAcquire(now)
        if (permit._tag === "Refusal") return { permits, wait: permit.retryAfterMillis }
        permits.push(permit)
        if (permits.length === 50) return { permits, wait: 0 }
      }
    })

  it.scoped("lets calls come back as the weight grows, and says soon when to ask again", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered()
      const seen: Array<readonly [number, number, number]> = []
      for (let s = 0; s <= 20; s += 4) {
        const { permits, wait } = yield* fill(breaker)
        seen.push([breaker.unsafeWeight(yield* nowMillis), permits.length, wait])
        for (const permit of permits) permit.settle("ignored", yield* nowMillis)
        yield* TestClock.adjust("4 seconds")
      }
      assert.deepStrictEqual(seen, [
        [0.1, 1, 1000],
        [0.2, 2, 1000],
        [0.4, 4, 1000],
        [0.6, 6, 1000],
        [0.8, 8, 1000],
        [1, 50, 0]
      ])
    })
  )

  it.scoped("says exactly when one more may pass, where that is soon", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered()
      yield* TestClock.adjust(3400)
      const { permits, wait } = yield* fill(breaker)
      assert.deepStrictEqual([permits.length, wait], [1, 600])
      yield* TestClock.adjust(wait)
      assert.lengthOf((yield* fill(breaker)).permits, 1)
    })
  )

  it.scoped("and so along another curve", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered({ rampCurve: 2 })
      yield* TestClock.adjust(500)
      // a fifth of ten, where (t / 20 s) ^ (1 / 2) is a fifth: after 800 ms
      const { permits, wait } = yield* fill(breaker)
      assert.strictEqual(permits.length, 1)
      assert.approximately(wait, 300, 1e-6)
      yield* TestClock.adjust(300)
      assert.lengthOf((yield* fill(breaker)).permits, 1)
    })
  )

  it.scoped("limits nobody who goes by the weight", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered()
      const now = yield* nowMillis
      for (let i = 0; i < 30; i++) assert.strictEqual(breaker.unsafeAcquire(now, { ramp: false })._tag, "Permit")
      assert.isTrue(breaker.unsafeIsRefusing(now))
      assert.isFalse(breaker.unsafeIsRefusing(now, { ramp: false }))
    })
  )

  it.scoped("one call after the other is never refused", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered()
      for (let i = 0; i < 30; i++) {
        yield* breaker.run(Effect.void)
        yield* TestClock.adjust("1 second")
      }
    })
  )

  it.scoped("a breaker that opens meanwhile had not recovered: the wait grows on, and the peak is that of before", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered()
      yield* opens(breaker)
      assert.strictEqual(yield* waitOf(breaker), 20_000)
      yield* TestClock.adjust("20 seconds")
      yield* breaker.run(Effect.void)
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf((yield* fill(breaker)).permits, 5)
    })
  )

  it.scoped("after it, the first wait is the first again", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered()
      yield* TestClock.adjust("20 seconds")
      yield* opens(breaker)
      assert.strictEqual(yield* waitOf(breaker), 10_000)
    })
  )

  it.scoped("without one, the breaker is as before at once", () =>
    Effect.gen(function* () {
      const breaker = yield* recovered({ ramp: "off" })
      assert.strictEqual(breaker.unsafeWeight(yield* nowMillis), 1)
      assert.strictEqual((yield* breaker.export).state.peak, 0)
      assert.lengthOf((yield* fill(breaker)).permits, 50)
      yield* opens(breaker)
      assert.strictEqual(yield* waitOf(breaker), 10_000)
    })
  )
})
