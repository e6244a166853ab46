import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaError, Throttle } from "effect-ollama"
import { expectTag } from "../support/clock.js"
import { fewest, interruptedAtEveryStep, yields } from "./everyStep.js"
import * as StillClock from "./stillClock.js"

const shed = new OllamaError.Overloaded({ by: "server" })
const busyGateway = new OllamaError.Overloaded({ by: "gateway" })

const strict = { errors: "all", onExcessProperty: "error" } as const

describe("the value", () => {
  it("is JSON, and comes back as it was", () => {
    const json = Schema.encodeSync(Throttle.Throttle)(Throttle.defaults)
    assert.deepStrictEqual(json, { k: 2, window: 120_000 })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Throttle.Throttle)(json), Throttle.defaults)
  })

  it("refuses what is impossible", () => {
    for (const value of [
      { k: 0.9, window: 1 },
      { k: 2, window: 0 },
      { k: 2, window: "-1 second" },
      { k: 2, window: 1, x: 1 },
      { k: Number.NaN, window: 1 }
    ]) {
      assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(Throttle.Throttle, strict)(value)), JSON.stringify(value))
    }
  })
})

describe("rejection", () => {
  const count = FastCheck.nat(1_000_000)

  it.prop(
    "is a probability, falls with accepts, and is zero up to k requests for each",
    [count, count, FastCheck.double({ min: 1, max: 100, noNaN: true })],
    ([requests, some, k]) => {
      const accepts = Math.min(requests, some)
      const probability = Throttle.rejection(requests, accepts, k)
      assert.isAtLeast(probability, 0)
      assert.isBelow(probability, 1)
      assert.isAtMost(Throttle.rejection(requests, accepts + 1, k), probability)
      assert.strictEqual(probability === 0, requests <= k * accepts)
    }
  )
})

describe("isRejection", () => {
  it("is what the server or a gateway shed, and nothing else", () => {
    assert.isTrue(Throttle.isRejection(shed))
    assert.isTrue(Throttle.isRejection(busyGateway))
    for (const error of [
      new OllamaError.Overloaded({ by: "client" }),
      new OllamaError.Overloaded({ by: "quota" }),
      new OllamaError.Timeout({ phase: "load", limit: Duration.seconds(1) }),
      new OllamaError.Unreachable({ reason: "refused" }),
      { _tag: "Overloaded", by: "server" },
      undefined
    ]) {
      assert.isFalse(Throttle.isRejection(error))
    }
  })
})

/** Sends so many that are all shed, whatever the chance. */
const fill = (throttle: Throttle.Throttler, count: number, now = 0) => {
  for (let i = 0; i < count; i++) {
    const ticket = throttle.unsafeAcquire(now, 1)
    if (ticket._tag === "Refusal") return assert.fail("held back at a chance of one")
    ticket.rejected()
  }
}

describe("run", () => {
  it.scoped("holds back with Overloaded by client, whose remedy says that it was the throttle", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      fill(throttle, 99)
      let sent = 0
      const call = Effect.sync(() => {
        sent++
      })
      const calls = Array.from({ length: 50 }, () => Effect.either(throttle.run(call)))
      const results = yield* Effect.all(calls).pipe(Effect.withRandom(Random.make("seed")))
      assert.isBelow(sent, 10)
      const held = results.filter(Either.isLeft)
      assert.strictEqual(held.length + sent, 50)
      const error = expectTag(held[0]?.left, "Overloaded")
      assert.strictEqual(error.by, "client")
      assert.strictEqual(error.phase, "prepare")
      assert.isFalse(error.isRetryable)
      assert.match(error.remedy, /the server took 0 of the last 99 calls.*throttle/)
    })
  )

  it.scoped("holds nothing back while half of the calls are accepted", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      for (let i = 0; i < 200; i++) {
        const result = yield* Effect.either(throttle.run(i % 2 === 0 ? Effect.void : Effect.fail(shed)))
        if (i % 2 !== 0) assert.deepStrictEqual(result, Either.left(shed))
      }
      assert.deepStrictEqual(yield* throttle.state, { requests: 200, accepts: 100, probability: 0 })
    })
  )

  it.scoped("sends about k times what a server takes that takes one in ten", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      const offered = 20_000
      let sent = 0
      let taken = 0
      for (let i = 0; i < offered; i++) {
        // one call each millisecond, and the server takes one each ten
        const ticket = throttle.unsafeAcquire(i, yield* Random.next)
        if (ticket._tag === "Refusal") continue
        sent++
        if (taken <= i / 10) taken++
        else ticket.rejected()
      }
      assert.approximately(sent / taken, 2, 0.2)
      assert.isAbove(taken, 0.95 * (offered / 10))
    }).pipe(Effect.withRandom(Random.make("seed")))
  )

  it.scoped("counts a call when it is sent, so that calls longer than the window are seen", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make({ ...Throttle.defaults, window: Duration.seconds(10) })
      const long = Effect.zipRight(Effect.sleep("60 seconds"), Effect.fail(shed))
      const fiber = yield* Effect.fork(Effect.flip(throttle.run(long)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* throttle.state, { requests: 1, accepts: 1, probability: 0 })
      yield* TestClock.adjust("59 seconds")
      // its slice has gone, and its rejection with it: it is not taken out of what came later
      assert.strictEqual(yield* Fiber.join(fiber), shed)
      assert.deepStrictEqual(yield* throttle.state, { requests: 0, accepts: 0, probability: 0 })
    })
  )

  it.scoped("forgets what is older than the window, a slice at a time", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      fill(throttle, 10, 0)
      yield* TestClock.adjust("1 minute")
      fill(throttle, 5, 60_000)
      assert.strictEqual((yield* throttle.state).requests, 15)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* throttle.state).requests, 5)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* throttle.state, { requests: 0, accepts: 0, probability: 0 })
    })
  )

  it.scoped("other failures and defects are accepts, and an interruption never was", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      yield* Effect.exit(throttle.run(Effect.fail("mine")))
      yield* Effect.exit(throttle.run(Effect.die("bug")))
      yield* Effect.exit(throttle.run(Effect.interrupt))
      assert.deepStrictEqual(yield* throttle.state, { requests: 2, accepts: 2, probability: 0 })
    })
  )

  it.scoped("judges failures of one's own", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults, { isRejection: (error) => error === "full" })
      yield* Effect.exit(throttle.run(Effect.fail("full")))
      yield* Effect.exit(throttle.run(Effect.fail("other")))
      assert.deepInclude(yield* throttle.state, { requests: 2, accepts: 1 })
    }).pipe(Effect.withRandom(Random.fixed([0.999])))
  )
})

describe("runStream", () => {
  it.scoped("learns at the end of the stream; one that is left never was", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make({ k: 100, window: Duration.minutes(2) })
      const counts = Effect.map(throttle.state, ({ accepts, requests }) => [requests, accepts])
      yield* Stream.runDrain(throttle.runStream(Stream.make(1, 2)))
      assert.deepStrictEqual(yield* counts, [1, 1])
      const late = throttle.runStream(Stream.concat(Stream.make(1), Stream.fail(shed)))
      yield* Stream.runForEach(late, () => Effect.map(counts, (now) => assert.deepStrictEqual(now, [2, 2]))).pipe(
        Effect.flip
      )
      assert.deepStrictEqual(yield* counts, [2, 1])
      yield* Stream.runHead(throttle.runStream(Stream.make(1, 2)))
      assert.deepStrictEqual(yield* counts, [2, 1])
    })
  )

  it.scoped("holds back before anything is run", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      fill(throttle, 1000)
      const stream = throttle.runStream(Stream.dieMessage("it was run"))
      const error = yield* Effect.flip(Stream.runDrain(stream)).pipe(Effect.withRandom(Random.make("seed")))
      assert.strictEqual(expectTag(error, "Overloaded").by, "client")
    })
  )
})

describe("unsafeRetune", () => {
  it.scoped("keeps the counts, unless the window is another", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      fill(throttle, 10)
      throttle.unsafeRetune({ ...Throttle.defaults, k: 3 })
      assert.strictEqual((yield* throttle.state).requests, 10)
      const late = throttle.unsafeAcquire(0, 1)
      throttle.unsafeRetune({ k: 3, window: Duration.minutes(1) })
      fill(throttle, 2)
      if (late._tag === "Ticket") late.rejected()
      assert.deepInclude(yield* throttle.state, { requests: 2, accepts: 0 })
    })
  )
})

describe("unsafeAcquire", () => {
  it.scoped("lets every chance pass where the probability is zero", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      assert.strictEqual(throttle.unsafeAcquire(0, 0)._tag, "Ticket")
    })
  )

  it.scoped("a clock that goes back takes nothing out of the window, and brings nothing back into it", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.make(Throttle.defaults)
      fill(throttle, 4, 0)
      fill(throttle, 3, 60_000)
      fill(throttle, 2, 30_000)
      yield* TestClock.adjust(150_000)
      // the last two were counted where the clock had been
      assert.strictEqual((yield* throttle.state).requests, 5)
    })
  )
})

describe("any sequence of steps", () => {
  const step = FastCheck.oneof(
    FastCheck.record({
      do: FastCheck.constant("ask" as const),
      unit: FastCheck.double({ min: 0, max: 1, noNaN: true })
    }),
    FastCheck.record({ do: FastCheck.constantFrom("reject" as const, "ignore" as const), which: FastCheck.nat(20) }),
    FastCheck.record({ do: FastCheck.constant("wait" as const), millis: FastCheck.nat(300) })
  )
  const slices = 24
  const width = 50

  it.prop(
    "counts what a model counts that keeps every call",
    [FastCheck.array(step, { maxLength: 150, size: "max" })],
    ([steps]) => {
      const clock = StillClock.make()
      const window = Duration.millis(slices * width)
      const throttle = clock.runSync(Effect.scoped(Throttle.make({ k: 1.5, window })))
      const calls: Array<{ readonly slice: number; fate: "accepted" | "rejected" | "held" | "ignored" }> = []
      const tickets: Array<{ readonly ticket: Throttle.Ticket; readonly call: (typeof calls)[number] }> = []
      const expected = () => {
        const now = Math.floor(clock.now() / width)
        const recent = calls.filter(({ fate, slice }) => slice > now - slices && fate !== "ignored")
        const requests = recent.length
        const accepts = recent.filter(({ fate }) => fate === "accepted").length
        return { requests, accepts, probability: Throttle.rejection(requests, accepts, 1.5) }
      }
      for (const step of steps) {
        if (step.do === "wait") clock.advance(step.millis)
        else if (step.do === "ask") {
          const { probability } = expected()
          const answer = throttle.unsafeAcquire(clock.now(), step.unit)
          assert.strictEqual(answer._tag, step.unit < probability ? "Refusal" : "Ticket")
          const call = {
            slice: Math.floor(clock.now() / width),
            fate: answer._tag === "Ticket" ? "accepted" : "held"
          } as const
          calls.push({ ...call })
          const kept = calls.at(-1)
          if (answer._tag === "Ticket" && kept !== undefined) tickets.push({ ticket: answer, call: kept })
        } else {
          const one = tickets[step.which % Math.max(1, tickets.length)]
          if (one === undefined) continue
          if (step.do === "reject") one.ticket.rejected()
          else one.ticket.ignored()
          if (one.call.fate === "accepted") one.call.fate = step.do === "reject" ? "rejected" : "ignored"
        }
        assert.deepStrictEqual(clock.runSync(throttle.state), expected())
      }
    }
  )
})

describe("interruption", () => {
  for (const operations of fewest) {
    it.scoped(`at any step leaves either a whole call or none (${operations})`, () =>
      Effect.gen(function* () {
        const subject = Effect.gen(function* () {
          const throttle = yield* Throttle.make(Throttle.defaults)
          let hasFailed = false
          const call = Effect.zipRight(
            yields(3),
            Effect.suspend(() => {
              hasFailed = true
              return Effect.fail(shed)
            })
          )
          return {
            run: Effect.zipRight(
              Effect.ignore(throttle.run(call)),
              Effect.ignore(Stream.runDrain(throttle.runStream(call)))
            ),
            check: (exit: Exit.Exit<unknown, unknown>) =>
              Effect.map(throttle.state, ({ accepts, requests }) => {
                assert.strictEqual(accepts, 0)
                if (!hasFailed) assert.strictEqual(requests, 0)
                if (exit._tag === "Success") assert.strictEqual(requests, 2)
              })
          }
        })
        assert.isAbove(yield* interruptedAtEveryStep(subject, operations), 20)
      }).pipe(Effect.withRandom(Random.fixed([0.999])))
    )
  }
})
