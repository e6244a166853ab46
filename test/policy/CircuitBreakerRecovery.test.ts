/** How a breaker opens by itself, for how long, and how it is tried again. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, OllamaError } from "effect-ollama"
import {
  call,
  crashed,
  fails,
  held,
  isRefused,
  lasting,
  make,
  nowMillis,
  opensAndWaits,
  refused,
  stateIs,
  waitOf
} from "./breakerSupport.js"

/** Calls that end so, one letter each. */
const outcomes = (breaker: CircuitBreaker.Breaker, letters: string, error: OllamaError.OllamaError = crashed) =>
  Effect.forEach([...letters], (letter) => Effect.exit(breaker.run(letter === "F" ? Effect.fail(error) : Effect.void)))

describe("the defaults", () => {
  const opening = [
    ["FFF", "closed"],
    ["FFFF", "open"],
    ["SFFFFF", "closed"],
    ["SFFFFFF", "open"],
    ["SSFFFFFFF", "closed"],
    ["SSFFFFFFFF", "open"],
    ["SFSFSFSFSFSFSFSFSFSFSFSFSF", "closed"]
  ] as const
  for (const [letters, state] of opening) {
    it.scoped(`of a model: ${letters} leaves it ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(CircuitBreaker.modelDefaults)
        yield* outcomes(breaker, letters)
        yield* stateIs(breaker, state)
      })
    )
  }

  it.scoped("of a model: what is ten minutes old is forgotten", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(CircuitBreaker.modelDefaults)
      yield* outcomes(breaker, "FFF")
      yield* TestClock.adjust("10 minutes")
      yield* outcomes(breaker, "FFF")
      yield* stateIs(breaker, "closed")
      yield* outcomes(breaker, "F")
      yield* stateIs(breaker, "open")
    })
  )

  it.scoped("of a model: 5 seconds, twice as long each time, up to 5 minutes", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(CircuitBreaker.modelDefaults)
      yield* outcomes(breaker, "FFFF")
      const waits: Array<number> = []
      for (let i = 0; i < 8; i++) {
        const wait = yield* waitOf(breaker)
        waits.push(wait / 1000)
        yield* TestClock.adjust(wait)
        yield* fails(breaker, 1)
      }
      assert.deepStrictEqual(waits, [5, 10, 20, 40, 80, 160, 300, 300])
    })
  )

  it.scoped("of a host: five in a row that did not connect, and one that answers ends it", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(CircuitBreaker.hostDefaults, {
        judge: (error) =>
          OllamaError.isOllamaError(error) ? CircuitBreaker.judgeReachability(error) : ("ignored" as const)
      })
      yield* outcomes(breaker, "FFFFSFFFF", refused)
      yield* stateIs(breaker, "closed")
      yield* outcomes(breaker, "F", refused)
      yield* stateIs(breaker, "open")
      yield* TestClock.adjust("1250 millis")
      // a model that is not there is an answer of the host
      yield* outcomes(breaker, "F", new OllamaError.ModelNotFound(call))
      yield* stateIs(breaker, "closed")
    })
  )
})

describe("jitter", () => {
  /** The waits of openings one after the other, by a clock of our own. */
  const waits = (seed: string, patch: CircuitBreaker.Patch) =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: 1, openFactor: 1, ...patch })
      const found: Array<number> = []
      for (let i = 0, now = 0; i < 200; i++) {
        const trial = breaker.unsafeAcquire(now)
        if (trial._tag === "Refusal") return assert.fail("refused")
        trial.settle("failure", now)
        const refusal = breaker.unsafeAcquire(now)
        if (refusal._tag === "Permit") return assert.fail("let through")
        found.push(refusal.retryAfterMillis)
        now += refusal.retryAfterMillis
      }
      return found
    }).pipe(Effect.withRandom(Random.make(seed)))

  it.scoped("changes each wait by up to its share, evenly, and in both directions", () =>
    Effect.gen(function* () {
      const found = yield* waits("a", { openFor: "1 second", openJitter: 0.25 })
      assert.isTrue(found.every((wait) => wait >= 750 && wait <= 1250))
      const quarters = [750, 875, 1000, 1125].map((from) => found.filter((w) => w >= from && w < from + 125).length)
      assert.isTrue(
        quarters.every((count) => count > 25),
        String(quarters)
      )
    })
  )

  it.scoped("comes from Random: the same for the same seed, another for another", () =>
    Effect.gen(function* () {
      const patch = { openFor: "1 minute", openJitter: 0.5 } as const
      const first = yield* waits("a", patch)
      assert.deepStrictEqual(yield* waits("a", patch), first)
      assert.notDeepEqual(yield* waits("b", patch), first)
    })
  )
})

describe("half-open", () => {
  it.scoped("refuses beyond the trials, with what is left until one is given up", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ trials: 2, trialSuccesses: 2, trialLimit: "8 seconds" })
      yield* opensAndWaits(breaker)
      const first = yield* held(breaker)
      yield* TestClock.adjust("3 seconds")
      const second = yield* held(breaker)
      assert.isTrue(first.isTrial && second.isTrial)
      assert.strictEqual(Duration.toMillis((yield* isRefused(breaker)).retryAfter), 5000)
      first.settle("success", yield* nowMillis)
      yield* isRefused(breaker)
      second.settle("success", yield* nowMillis)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("a lost trial is given up, so that it cannot wedge; what it says later is too late", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ trialLimit: "8 seconds" })
      yield* opensAndWaits(breaker)
      const lost = yield* held(breaker)
      yield* TestClock.adjust(7999)
      assert.strictEqual(Duration.toMillis((yield* isRefused(breaker)).retryAfter), 1)
      yield* TestClock.adjust(1)
      const next = yield* held(breaker)
      yield* isRefused(breaker)
      lost.settle("failure", yield* nowMillis)
      yield* stateIs(breaker, "halfOpen")
      next.settle("success", yield* nowMillis)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("however many trials are lost, one more may start", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ trialLimit: "8 seconds" })
      yield* opensAndWaits(breaker)
      for (let i = 0; i < 100; i++) {
        yield* held(breaker)
        yield* isRefused(breaker)
        yield* TestClock.adjust("8 seconds")
      }
      yield* breaker.run(Effect.void)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("closes with an empty memory", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: "off", failures: 3 })
      yield* fails(breaker, 3)
      yield* TestClock.adjust("10 seconds")
      yield* breaker.run(Effect.void)
      yield* fails(breaker, 2)
      yield* stateIs(breaker, "closed")
      yield* fails(breaker, 1)
      yield* stateIs(breaker, "open")
    })
  )
})

describe("slow calls", () => {
  const slow = {
    consecutive: "off",
    slowAfter: "5 seconds",
    slowRate: 0.5,
    minCalls: 4,
    trialLimit: "1 minute"
  } as const

  it.scoped("count while they run: a hang opens before anything has ended", () =>
    Effect.gen(function* () {
      const breaker = yield* make(slow)
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () => Effect.fork(breaker.run(Effect.never)))
      yield* TestClock.adjust(4999)
      yield* stateIs(breaker, "closed")
      yield* TestClock.adjust(1)
      const { slow: count, slowRate, state, total, why } = yield* breaker.state
      assert.deepStrictEqual(
        { count, slowRate, state, total, why },
        { count: 4, slowRate: 1, state: "open", total: 4, why: "slowRate" }
      )
      const error = yield* isRefused(breaker)
      assert.deepStrictEqual(error.lastFailure, {
        tag: "SlowCall",
        phase: "response",
        elapsed: Duration.seconds(5)
      })
      yield* Fiber.interruptAll(fibers)
    })
  )

  it.scoped("are found when a call is let through, too", () =>
    Effect.gen(function* () {
      const breaker = yield* make(slow)
      for (let i = 0; i < 4; i++) yield* held(breaker)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(breaker.unsafeAcquire(yield* nowMillis)._tag, "Refusal")
    })
  )

  it.scoped("are found when another call ends, too", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ ...slow, minCalls: 5 })
      const [quick] = yield* Effect.all([held(breaker), held(breaker), held(breaker), held(breaker), held(breaker)])
      yield* TestClock.adjust("5 seconds")
      quick.settle("success", yield* nowMillis)
      assert.strictEqual(breaker.unsafeWeight(yield* nowMillis), 0)
    })
  )

  it.scoped("count once: running, then ended", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ ...slow, minCalls: 20 })
      const one = yield* held(breaker)
      yield* TestClock.adjust("5 seconds")
      const counts = Effect.map(breaker.state, ({ slow, total }) => [slow, total])
      assert.deepStrictEqual(yield* counts, [1, 1])
      one.settle("success", yield* nowMillis)
      assert.deepStrictEqual(yield* counts, [1, 1])
      const other = yield* held(breaker)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* counts, [2, 2])
      other.settle("ignored", yield* nowMillis)
      assert.deepStrictEqual(yield* counts, [1, 1])
    })
  )

  it.scoped("are no successes of a trial, and a trial that hangs decides before it ends", () =>
    Effect.gen(function* () {
      const breaker = yield* make(slow)
      for (let i = 0; i < 4; i++) yield* held(breaker)
      yield* TestClock.adjust("5 seconds")
      yield* stateIs(breaker, "open")
      yield* TestClock.adjust("10 seconds")
      const fiber = yield* Effect.fork(breaker.run(lasting("6 seconds")))
      yield* TestClock.adjust("5 seconds")
      const { state, why } = yield* breaker.state
      assert.deepStrictEqual([state, why], ["open", "trials"])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      yield* stateIs(breaker, "open")
      yield* TestClock.adjust("9 seconds")
      const unseen = yield* held(breaker)
      yield* TestClock.adjust("20 seconds")
      unseen.settle("success", yield* nowMillis)
      yield* stateIs(breaker, "open")
    })
  )

  it.scoped("need no timer of their own", () =>
    Effect.gen(function* () {
      const breaker = yield* make(slow)
      const fibers = yield* Effect.replicateEffect(Effect.fork(breaker.run(Effect.never)), 100)
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* TestClock.sleeps(), 0)
      assert.strictEqual((yield* breaker.export).state.running, 100)
      yield* Fiber.interruptAll(fibers)
      assert.strictEqual((yield* breaker.export).state.running, 0)
    })
  )
})
