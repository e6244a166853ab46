import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Concurrency, OllamaError } from "effect-ollama"
import { within } from "../support/clock.js"
import { fill, drain, limited, permitOf, queue, refusalOf } from "./concurrencyPermits.js"

describe("the value", () => {
  const decode = Schema.decodeUnknownEither(Concurrency.Concurrency, { errors: "all", onExcessProperty: "error" })

  it("only orders by default; the bounded one refuses", () => {
    assert.deepStrictEqual(Concurrency.defaults, { limit: "learned", queue: "unbounded", admission: "off" })
    assert.deepStrictEqual(Schema.encodeSync(Concurrency.Concurrency)(Concurrency.bounded), {
      limit: "learned",
      queue: 100,
      admission: { target: 10_000, interval: 10_000 }
    })
  })

  it("comes back from its JSON", () => {
    for (const value of [Concurrency.defaults, Concurrency.bounded, limited(3, { queue: 0 })]) {
      const json: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(Concurrency.Concurrency)(value)))
      assert.deepStrictEqual(Schema.decodeUnknownSync(Concurrency.Concurrency)(json), value)
    }
  })

  it("refuses what is impossible, and says where", () => {
    const good = { limit: 1, queue: 0, admission: { target: "1 second", interval: 1 } }
    assert.strictEqual(decode(good)._tag, "Right")
    const bad: ReadonlyArray<readonly [object, string]> = [
      [{ limit: 0 }, "limit"],
      [{ limit: -1 }, "limit"],
      [{ limit: 1.5 }, "limit"],
      [{ limit: Number.NaN }, "limit"],
      [{ limit: "auto" }, "limit"],
      [{ queue: -1 }, "queue"],
      [{ queue: 0.5 }, "queue"],
      [{ queue: "none" }, "queue"],
      [{ admission: "on" }, "admission"],
      [{ admission: { target: 0, interval: 1 } }, "target"],
      [{ admission: { target: 1, interval: "-1 second" } }, "interval"],
      [{ admission: { target: 1 } }, "interval"],
      [{ extra: 1 }, "extra"]
    ]
    for (const [change, where] of bad) {
      const result = decode({ ...good, ...change })
      assert.strictEqual(result._tag, "Left", JSON.stringify(change))
      if (result._tag === "Left") assert.include(result.left.message, `["${where}"]`)
    }
  })

  it("is changed field by field; admission that was off begins with its defaults", () => {
    const { bounded, defaults, merge } = Concurrency
    assert.deepStrictEqual(merge(defaults, {}), defaults)
    assert.deepStrictEqual(merge(defaults, { limit: 4 }), { ...defaults, limit: 4 })
    assert.deepStrictEqual(merge(bounded, { admission: "off", queue: "unbounded" }), defaults)
    const target = Duration.seconds(1)
    assert.deepStrictEqual(merge(defaults, { admission: { target } }), {
      ...defaults,
      admission: { target, interval: Duration.seconds(10) }
    })
  })
})

describe("run", () => {
  it.scoped("never runs more than the limit at once, and all of them in the end", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(3))
      let running = 0
      let most = 0
      const call = Effect.acquireUseRelease(
        Effect.sync(() => {
          most = Math.max(most, ++running)
        }),
        () => Effect.sleep("1 second"),
        () => Effect.sync(() => running--)
      )
      yield* within(
        Effect.all(
          Array.from({ length: 10 }, () => permits.run(call)),
          { concurrency: "unbounded" }
        ),
        "4 seconds"
      )
      assert.strictEqual(most, 3)
      assert.strictEqual((yield* permits.state).inFlight, 0)
    })
  )

  it.scoped("gives the permit back whatever becomes of the effect", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      assert.strictEqual(yield* permits.run(Effect.succeed(1)), 1)
      assert.strictEqual(yield* Effect.flip(permits.run(Effect.fail("no"))), "no")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(permits.run(Effect.die("bad")))))
      const fiber = yield* Effect.fork(permits.run(Effect.never))
      yield* Effect.yieldNow()
      assert.strictEqual((yield* permits.state).inFlight, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* permits.state).inFlight, 0)
    })
  )

  it.scoped("who is interrupted while waiting leaves the queue, and the others keep their order", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      const gate = yield* Deferred.make<void>()
      const order: Array<number> = []
      const first = yield* Effect.fork(permits.run(Deferred.await(gate)))
      yield* Effect.yieldNow()
      const wait = (n: number) => Effect.fork(permits.run(Effect.sync(() => void order.push(n))))
      const a = yield* wait(1)
      const b = yield* wait(2)
      const c = yield* wait(3)
      yield* Effect.yieldNow()
      assert.strictEqual((yield* permits.state).waiting.normal, 3)
      yield* Fiber.interrupt(b)
      assert.strictEqual((yield* permits.state).waiting.normal, 2)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll([first, a, c])
      assert.deepStrictEqual(order, [1, 3])
      assert.strictEqual((yield* permits.state).inFlight, 0)
    })
  )

  it.scoped("a permit that comes in the same moment as an interruption goes on to the next", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      const [held] = fill(permits)
      const late = yield* Effect.fork(permits.run(Effect.never))
      const next = yield* Effect.fork(permits.run(Effect.succeed("mine")))
      yield* Effect.yieldNow()
      held?.release(0)
      late.unsafeInterruptAsFork(late.id())
      assert.strictEqual(yield* Fiber.join(next), "mine")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(late)))
      assert.strictEqual((yield* permits.state).inFlight, 0)
    })
  )

  it.scoped("hold learns of the permit, and may give it back with what the answer showed", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(2))
      fill(permits)[0]?.release(0)
      let permit: Concurrency.Permit | undefined
      const effect = Effect.sync(() => permit?.release(0, { inFlight: 2, queueSeconds: 0, serviceSeconds: 4 }))
      yield* permits.run(effect, { hold: (granted) => (permit = granted) })
      assert.strictEqual(permit?.inFlight, 2)
      const state = yield* permits.state
      assert.strictEqual(state.inFlight, 1)
      assert.strictEqual(state.learned, 2)
      assert.deepStrictEqual(state.meanService, Duration.seconds(4))
    })
  )
})

describe("runStream", () => {
  const makeTwo = Effect.gen(function* () {
    const permits = yield* Concurrency.make(limited(1))
    const gate = yield* Deferred.make<void>()
    return {
      permits,
      gate,
      stream: Stream.concat(Stream.make(1, 2), Stream.fromEffect(Effect.as(Deferred.await(gate), 3)))
    }
  })

  it.scoped("holds the permit until the stream ends, and takes it when it is run", () =>
    Effect.gen(function* () {
      const { gate, permits, stream } = yield* makeTwo
      const permitted = permits.runStream(stream)
      assert.strictEqual((yield* permits.state).inFlight, 0)
      const seen: Array<number> = []
      const fiber = yield* Effect.fork(Stream.runForEach(permitted, (n) => Effect.sync(() => seen.push(n))))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(seen, [1, 2])
      const second = yield* Effect.fork(Stream.runCollect(permits.runStream(Stream.make(4))))
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* permits.state).waiting.normal, 1)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([...(yield* Fiber.join(second))], [4])
      assert.deepStrictEqual(seen, [1, 2, 3])
      assert.strictEqual((yield* permits.state).inFlight, 0)
    })
  )

  it.scoped("gives it back when the stream fails, is left early, or is interrupted", () =>
    Effect.gen(function* () {
      const { permits, stream } = yield* makeTwo
      const idle = Effect.map(permits.state, ({ inFlight }) => assert.strictEqual(inFlight, 0))
      yield* Effect.flip(Stream.runDrain(permits.runStream(Stream.concat(Stream.make(1), Stream.fail("no")))))
      yield* idle
      yield* Stream.runDrain(Stream.take(permits.runStream(stream), 1))
      yield* idle
      const running = yield* Effect.fork(Stream.runDrain(permits.runStream(stream)))
      yield* TestClock.adjust(0)
      const waiting = yield* Effect.fork(Stream.runDrain(permits.runStream(stream)))
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual((yield* permits.state).waiting.normal, 0)
      yield* Fiber.interrupt(running)
      yield* idle
    })
  )
})

describe("a change of the value", () => {
  it.scoped("gives out what a higher limit allows, at once and in order", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      fill(permits)
      const order: Array<string> = []
      const { wait } = queue(permits, order)
      for (const name of ["a", "b", "c"]) yield* wait(name)
      permits.unsafeRetune(limited(3))
      assert.deepStrictEqual(order, ["a", "b"])
      permits.unsafeRetune(Concurrency.defaults)
      assert.deepStrictEqual(order, ["a", "b", "c"])
    })
  )

  it.scoped("a lower limit lets running calls finish, and keeps what was learned", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(4))
      const held = fill(permits)
      permits.unsafeSample(0, { inFlight: 3, queueSeconds: 0, serviceSeconds: 2 })
      permits.unsafeRetune(limited(2))
      assert.strictEqual((yield* permits.state).inFlight, 4)
      assert.isFalse(permits.unsafeHasRoom(0))
      held[0]?.release(0)
      held[1]?.release(0)
      assert.isFalse(permits.unsafeHasRoom(0))
      held[2]?.release(0)
      assert.isTrue(permits.unsafeHasRoom(0))
      const state = yield* permits.state
      assert.strictEqual(state.limit, 2)
      assert.strictEqual(state.learned, 3)
      assert.deepStrictEqual(state.meanService, Duration.seconds(2))
    })
  )

  it.scoped("a shorter queue lets those who wait keep on waiting", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      const [first] = fill(permits)
      const order: Array<string> = []
      const { held, wait } = queue(permits, order)
      for (const name of ["a", "b", "c"]) yield* wait(name)
      permits.unsafeRetune(limited(1, { queue: 1 }))
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(0)).reason, "queueFull")
      if (first !== undefined) yield* drain(permits, first, order, held)
      assert.deepStrictEqual(order, ["a", "b", "c"])
    })
  )
})

describe("a weight", () => {
  it.scoped("scales the limit, and leaves one permit at least", () =>
    Effect.gen(function* () {
      let weight = 0
      const permits = yield* Concurrency.make(limited(8), { weight: () => weight })
      for (const [next, limit] of [
        [0, 1],
        [0.1, 1],
        [0.25, 2],
        [0.99, 7],
        [1, 8]
      ] as const) {
        weight = next
        assert.strictEqual((yield* permits.state).limit, limit)
      }
      // a share of no limit is one of what is known
      permits.unsafeRetune(Concurrency.defaults)
      permits.unsafeSample(0, { inFlight: 9, queueSeconds: 0, serviceSeconds: 1 })
      weight = 0.5
      assert.strictEqual((yield* permits.state).limit, 5)
    })
  )

  it.scoped("that grows lets those who wait go, though nothing ends", () =>
    Effect.gen(function* () {
      // from nothing to everything in twenty seconds
      const permits = yield* Concurrency.make(limited(4), { weight: (now) => now / 20_000 })
      const order: Array<string> = []
      const { wait } = queue(permits, order)
      for (const name of ["a", "b", "c", "d", "e"]) yield* wait(name)
      assert.isTrue((yield* permits.state).waiting.normal === 4 && order.length === 1)
      // what a weight that has grown allows is for those who wait
      assert.isFalse(permits.unsafeHasRoom(20_000))
      const seen: Array<number> = []
      for (const seconds of [0, 9, 1, 4, 1, 5, 100]) {
        yield* TestClock.adjust(Duration.seconds(seconds))
        seen.push(order.length)
      }
      assert.deepStrictEqual(seen, [1, 1, 2, 2, 3, 4, 4])
      // and nothing keeps a timer when it is over
      assert.deepStrictEqual([...(yield* TestClock.sleeps())], [])
    })
  )
})

describe("the handles", () => {
  it.scoped("a permit is given back once", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(2))
      const [a, b] = fill(permits)
      assert.deepStrictEqual([a?.inFlight, b?.inFlight], [1, 2])
      a?.release(0)
      a?.release(0, { inFlight: 1, queueSeconds: 0, serviceSeconds: 1 })
      const state = yield* permits.state
      assert.strictEqual(state.inFlight, 1)
      assert.isUndefined(state.learned)
    })
  )

  it.scoped("who must wait is told so, and there is no room for who would not", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      assert.isTrue(permits.unsafeHasRoom(0))
      const [held] = fill(permits)
      assert.isFalse(permits.unsafeHasRoom(0))
      assert.isUndefined(permits.unsafeTryAcquire(0))
      held?.release(0)
      assert.isTrue(permits.unsafeHasRoom(0))
    })
  )

  it.scoped("what an answer shows changes the limit at once", () =>
    Effect.gen(function* () {
      const permits: Concurrency.Permits = yield* Concurrency.make(Concurrency.defaults)
      const held = Array.from({ length: 5 }, () => permitOf(permits.unsafeTryAcquire(0)))
      held[0]?.release(0, { inFlight: 1, queueSeconds: 0, serviceSeconds: 10 })
      assert.strictEqual((yield* permits.state).limit, Number.POSITIVE_INFINITY)
      held[1]?.release(0, { inFlight: 2, queueSeconds: 10, serviceSeconds: 10 })
      assert.strictEqual((yield* permits.state).limit, 2)
      assert.isUndefined(permits.unsafeTryAcquire(0))
      const order: Array<string> = []
      const { wait } = queue(permits, order)
      yield* wait("a")
      yield* wait("b")
      for (let i = 0; i < 8; i++) {
        assert.deepStrictEqual(order, [])
        yield* permits.sample({ inFlight: 2, queueSeconds: 0, serviceSeconds: 10 })
      }
      // two at a time, and the next probe is two wide
      assert.deepStrictEqual(order, ["a"])
      assert.strictEqual((yield* permits.state).limit, 4)
    })
  )
})

describe("overloaded", () => {
  it("is a failure that says what to do, and may be sent elsewhere", () => {
    const refusal: Concurrency.Refusal = {
      _tag: "Refusal",
      reason: "target",
      retryAfter: Duration.seconds(3),
      remedy: "wait"
    }
    const error = Concurrency.overloaded(refusal, { model: "m" })
    assert.isTrue(OllamaError.isOllamaError(error))
    assert.strictEqual(error.message, "overloaded (client), retry after 3 s (m). wait")
  })

  it("needs a scope, and nothing else", () => {
    const made: Effect.Effect<Concurrency.Permits, never, Scope.Scope> = Concurrency.make(Concurrency.bounded)
    assert.strictEqual(Effect.runSync(Effect.scoped(Effect.flatMap(made, ({ state }) => state))).inFlight, 0)
  })
})
