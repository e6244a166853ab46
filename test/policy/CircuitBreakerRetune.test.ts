/** What a breaker keeps when its value is changed, and when the clock is set back. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  fails,
  held,
  isRefused,
  listening,
  make,
  nowMillis,
  opens,
  opensAndWaits,
  simple,
  stateIs
} from "./breakerSupport.js"

describe("unsafeRetune", () => {
  it.scoped("keeps what was counted where the window is the same", () =>
    Effect.gen(function* () {
      const rules = { consecutive: "off", failures: 3 } as const
      const breaker = yield* make(rules)
      yield* fails(breaker, 2)
      breaker.unsafeRetune(simple({ ...rules, openFor: "2 seconds" }))
      yield* fails(breaker, 1)
      const { retryAfter, state } = yield* breaker.state
      assert.deepStrictEqual([state, Duration.toMillis(retryAfter)], ["open", 2000])
    })
  )

  it.scoped("begins anew where the window is another", () =>
    Effect.gen(function* () {
      const rules = { consecutive: "off", failures: 3 } as const
      const breaker = yield* make(rules)
      yield* fails(breaker, 2)
      breaker.unsafeRetune(simple({ ...rules, window: { calls: 50 } }))
      assert.strictEqual((yield* breaker.state).total, 0)
      yield* fails(breaker, 2)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("an opening stays, but for no longer than the new value allows", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opens(breaker)
      breaker.unsafeRetune(simple({ openFor: "20 seconds" }))
      assert.strictEqual(Duration.toMillis((yield* breaker.state).retryAfter), 10_000)
      breaker.unsafeRetune(simple({ openFor: "1 second", openMax: "3 seconds" }))
      assert.strictEqual(Duration.toMillis((yield* breaker.state).retryAfter), 3000)
    })
  )

  it.scoped("trials begin anew, so that fewer of them cannot wedge it", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ trials: 5, trialSuccesses: 5 })
      yield* opensAndWaits(breaker)
      for (let i = 0; i < 3; i++) yield* breaker.run(Effect.void)
      yield* held(breaker)
      breaker.unsafeRetune(simple({ trials: 3, trialSuccesses: 3 }))
      for (let i = 0; i < 3; i++) yield* breaker.run(Effect.void)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("the same value changes nothing, not even a trial", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opensAndWaits(breaker)
      const trial = yield* held(breaker)
      breaker.unsafeRetune(simple())
      trial.settle("success", yield* nowMillis)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("a changed mode is a command; one that did not change leaves a command alone", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* breaker.force("disabled")
      breaker.unsafeRetune(simple({ openFor: "1 second" }))
      yield* stateIs(breaker, "disabled")
      breaker.unsafeRetune(simple({ mode: "forcedOpen" }))
      yield* stateIs(breaker, "forcedOpen")
      const heard = yield* listening(Stream.runHead(breaker.changes))
      breaker.unsafeRetune(simple())
      yield* stateIs(breaker, "closed")
      assert.deepInclude(Option.getOrThrow(yield* Fiber.join(heard)), { to: "closed", why: "command" })
    })
  )
})

describe("a clock that is set back", () => {
  it.scoped("takes an opening with it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_000_000)
      const breaker = yield* make()
      yield* opens(breaker)
      yield* TestClock.setTime(1_000_000)
      assert.strictEqual(Duration.toMillis((yield* isRefused(breaker)).retryAfter), 10_000)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(Duration.toMillis((yield* isRefused(breaker)).retryAfter), 6000)
      yield* TestClock.adjust("6 seconds")
      yield* breaker.run(Effect.void)
    })
  )

  it.scoped("takes a trial with it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_000_000)
      const breaker = yield* make({ trialLimit: "5 seconds" })
      yield* opensAndWaits(breaker)
      yield* held(breaker)
      yield* TestClock.setTime(1_000_000)
      yield* isRefused(breaker)
      yield* TestClock.adjust("5 seconds")
      yield* breaker.run(Effect.void)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("takes what was counted with it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_000_000)
      const window = { duration: "1 minute", slices: 1 } as const
      const breaker = yield* make({ consecutive: "off", failures: 3, window })
      yield* fails(breaker, 2)
      yield* TestClock.setTime(1_000_000)
      yield* fails(breaker, 1)
      yield* stateIs(breaker, "open")
      yield* breaker.force("closed")
      yield* fails(breaker, 2)
      yield* TestClock.setTime(0)
      yield* breaker.run(Effect.void)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* breaker.state).failed, 0)
    })
  )
})
