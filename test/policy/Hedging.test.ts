import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { Hedging, OllamaError, Retry, RetryBudget } from "effect-ollama"
import { within } from "../support/clock.js"
import { fewest, interruptedAtEveryStep, yields } from "./everyStep.js"
import { after100, copies, fails, timed, well } from "./hedgedCopies.js"
import * as StillClock from "./stillClock.js"

const busy = new OllamaError.Overloaded({ by: "server" })
const refused = new OllamaError.Unreachable({ reason: "refused" })
const missing = new OllamaError.ModelNotFound({})

const strict = { errors: "all", onExcessProperty: "error" } as const
const decode = Schema.decodeUnknownEither(Hedging.Hedging, strict)

describe("the value", () => {
  it("is JSON, and comes back as it was", () => {
    for (const value of [Hedging.defaults, { after: Duration.seconds(2), max: 3 } as const]) {
      assert.deepStrictEqual(decode(Schema.encodeSync(Hedging.Hedging)(value)), Either.right(value))
    }
    assert.deepStrictEqual(decode({ after: "2 seconds", max: 1 }), Either.right({ after: Duration.seconds(2), max: 1 }))
  })

  it("refuses what is impossible, once", () => {
    for (const [value, path, words] of [
      [{ after: "none", max: 1 }, "after", /write "off"/],
      [{ after: "soon", max: 1 }, "after", /not a duration/],
      [{ after: 0, max: 1 }, "after", /zero/],
      [{ after: 1, max: 0 }, "max", /./],
      [{ after: 1, max: 4 }, "max", /./]
    ] as const) {
      const problems = Either.match(decode(value), {
        onLeft: ParseResult.ArrayFormatter.formatErrorSync,
        onRight: () => assert.fail(JSON.stringify(value))
      })
      assert.lengthOf(problems, 1)
      assert.strictEqual(problems[0]?.path.join("."), path)
      assert.match(problems[0]?.message ?? "", words)
    }
  })
})

describe("run", () => {
  it.scoped("sends nothing twice where the first is in time", () =>
    Effect.gen(function* () {
      const { effect, sentAt } = copies([well(99)])
      assert.deepStrictEqual(yield* timed((yield* after100()).run(effect)), { exit: Exit.succeed(0), at: 99 })
      assert.deepStrictEqual(sentAt, [0])
    })
  )

  it.scoped("sends one more after the delay; the first success wins, and the other is interrupted then", () =>
    Effect.gen(function* () {
      const { effect, leftAt, sentAt } = copies([well(5000), well(50)])
      assert.deepStrictEqual(yield* timed((yield* after100()).run(effect)), { exit: Exit.succeed(1), at: 150 })
      assert.deepStrictEqual(sentAt, [0, 100])
      assert.deepStrictEqual(leftAt, [150])
    })
  )

  it.scoped("the first may still win, and then the copy is interrupted", () =>
    Effect.gen(function* () {
      const { effect, leftAt } = copies([well(120), well(50)])
      assert.deepStrictEqual(yield* timed((yield* after100()).run(effect)), { exit: Exit.succeed(0), at: 120 })
      assert.deepStrictEqual(leftAt, [undefined, 120])
    })
  )

  it.scoped("nobody waits for the loser's finalizers", () =>
    Effect.gen(function* () {
      let isClosed = false
      const slowly = Effect.zipRight(
        Effect.sleep("1 minute"),
        Effect.sync(() => {
          isClosed = true
        })
      )
      const { effect } = copies([well(5000), well(50)], slowly)
      assert.deepStrictEqual(yield* timed((yield* after100()).run(effect)), { exit: Exit.succeed(1), at: 150 })
      yield* TestClock.adjust("1 minute")
      assert.isTrue(isClosed)
    })
  )

  it.scoped("sends up to max more, one after each delay", () =>
    Effect.gen(function* () {
      const { effect, leftAt, sentAt } = copies([well(5000), well(5000), well(5000), well(5000)])
      assert.deepStrictEqual(yield* timed((yield* after100(3)).run(effect)), { exit: Exit.succeed(0), at: 5000 })
      assert.deepStrictEqual(sentAt, [0, 100, 200, 300])
      assert.deepStrictEqual(leftAt, [undefined, 5000, 5000, 5000])
    })
  )

  it.scoped("a failure that is not fatal sends the next at once, and the delay begins anew", () =>
    Effect.gen(function* () {
      const { effect, sentAt } = copies([fails(30), well(5000), well(10)])
      assert.deepStrictEqual(yield* timed((yield* after100(2)).run(effect)), { exit: Exit.succeed(2), at: 140 })
      assert.deepStrictEqual(sentAt, [0, 30, 130])
    })
  )

  it.scoped("fails as the first did when all have failed", () =>
    Effect.gen(function* () {
      const { effect, sentAt } = copies([fails(150, refused), fails(10, busy)])
      assert.deepStrictEqual(yield* timed((yield* after100()).run(effect)), { exit: Exit.fail(refused), at: 150 })
      assert.deepStrictEqual(sentAt, [0, 100])
    })
  )

  it.scoped("a fatal failure, a defect and an interruption from within end it whatever the others do", () =>
    Effect.gen(function* () {
      const hedging = yield* after100()
      for (const [ends, exit] of [
        [missing, Exit.fail(missing)],
        ["defect", Exit.die("bug")]
      ] as const) {
        const { effect, leftAt, sentAt } = copies([well(5000), { takes: 50, ends }])
        assert.deepStrictEqual(yield* timed(hedging.run(effect)), { exit, at: 150 })
        assert.deepStrictEqual(leftAt, [(sentAt[0] ?? 0) + 150])
      }
      const left = yield* timed(hedging.run(Effect.zipRight(Effect.sleep(10), Effect.interrupt)))
      assert.isTrue(Exit.isInterrupted(left.exit))
      assert.strictEqual(left.at, 10)
      // what is not ours is nothing that we know to be passing
      assert.deepStrictEqual(yield* timed(hedging.run(Effect.fail("mine"))), { exit: Exit.fail("mine"), at: 0 })
    })
  )

  it.scoped("judges failures of one's own", () =>
    Effect.gen(function* () {
      const hedging = yield* Hedging.make(
        { after: Duration.millis(100), max: 1 },
        { isFatal: (error) => error === "over" }
      )
      let sent = 0
      const failing = (error: string) =>
        Effect.suspend(() => {
          sent++
          return Effect.fail(error)
        })
      yield* timed(hedging.run(failing("again")))
      assert.strictEqual(sent, 2)
      yield* timed(hedging.run(failing("over")))
      assert.strictEqual(sent, 3)
    })
  )

  it.scoped("what the winner set in its fiber is kept", () =>
    Effect.gen(function* () {
      const ref = yield* FiberRef.make("before")
      const hedging = yield* after100()
      yield* within(Effect.zipRight(hedging.run(FiberRef.set(ref, "by the winner")), FiberRef.get(ref))).pipe(
        Effect.map((value) => assert.strictEqual(value, "by the winner"))
      )
    })
  )
})

describe("a scheduler that lets others have their turn at any moment", () => {
  /** Its sleeps are over before anybody waits for them. */
  const { clock: hasty } = StillClock.make(Effect.void)

  it.scoped("loses neither an answer nor a delay that comes before it is waited for", () =>
    Effect.gen(function* () {
      for (let operations = 12; operations < 50; operations++) {
        const hedging = yield* after100(3)
        const atOnce = hedging.run(Effect.succeed("at once"))
        assert.strictEqual(yield* Effect.withMaxOpsBeforeYield(atOnce, operations), "at once")

        let sent = 0
        const fourth = Effect.suspend(() => (++sent === 4 ? Effect.succeed(sent) : Effect.never))
        const run = Effect.withClock(hedging.run(fourth), hasty)
        assert.strictEqual(yield* Effect.withMaxOpsBeforeYield(run, operations), 4)
      }
    })
  )
})

describe("interruption", () => {
  it.scoped("ends all copies, and waits for their finalizers", () =>
    Effect.gen(function* () {
      let closed = 0
      const close = Effect.zipRight(
        Effect.sleep(10),
        Effect.sync(() => {
          closed++
        })
      )
      const { effect } = copies([well(5000), well(5000), well(5000)], close)
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      const hedging = yield* Hedging.make({ after: Duration.millis(100), max: 2 }, { budget })
      const fiber = yield* Effect.fork(hedging.run(effect))
      yield* TestClock.adjust(250)
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust(10)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interrupting)))
      assert.strictEqual(closed, 3)
      assert.deepInclude(yield* budget.state, { granted: 0, tokens: 100 })
    })
  )

  for (const operations of fewest) {
    it.scoped(`at any step gives back every part of the budget (${operations})`, () =>
      Effect.gen(function* () {
        const subject = Effect.gen(function* () {
          const budget = yield* RetryBudget.make(RetryBudget.defaults)
          const hedging = yield* Hedging.make({ after: Duration.millis(100), max: 3 }, { budget })
          let sent = 0
          let running = 0
          const effect = Effect.acquireUseRelease(
            Effect.sync(() => {
              running++
              return sent++
            }),
            // two that fail, so that the next is sent at once, and two that end in either order
            (copy) => Effect.zipRight(yields(copy), copy < 2 ? Effect.fail(busy) : Effect.void),
            () =>
              Effect.zipRight(
                yields(1),
                Effect.sync(() => {
                  running--
                })
              )
          )
          return {
            run: hedging.run(effect),
            check: (exit: Exit.Exit<unknown, unknown>) =>
              Effect.gen(function* () {
                yield* yields(40)
                const { granted, tokens } = yield* budget.state
                assert.deepStrictEqual({ granted, running }, { granted: 0, running: 0 })
                if (Exit.isSuccess(exit)) assert.strictEqual(tokens, 100 - (sent - 1))
                else assert.isAtLeast(tokens ?? 0, 100 - Math.max(0, sent - 1))
              })
          }
        })
        assert.isAbove(yield* interruptedAtEveryStep(subject, operations), 10)
      })
    )
  }
})

describe("the budget", () => {
  it.scoped("a copy that it refuses is not sent, nor asked for again", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, floor: 0 })
      const hedging = yield* Hedging.make({ after: Duration.millis(100), max: 3 }, { budget })
      const { effect, sentAt } = copies([well(5000)])
      assert.deepStrictEqual(yield* timed(hedging.run(effect)), { exit: Exit.succeed(0), at: 5000 })
      assert.deepStrictEqual(sentAt, [0])
      const failing = copies([fails(200, refused)])
      const fiber = yield* Effect.fork(Effect.exit(hedging.run(failing.effect)))
      yield* TestClock.adjust(100)
      budget.unsafeRetune(RetryBudget.defaults)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.fail(refused))
    })
  )

  it.scoped("a copy's part is held until it has really ended, and is spent", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      const hedging = yield* Hedging.make({ after: Duration.millis(100), max: 1 }, { budget })
      const { effect } = copies([well(150), well(5000)], Effect.sleep(1000))
      const fiber = yield* Effect.fork(hedging.run(effect))
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* budget.state, { granted: 1, tokens: 99 })
      yield* TestClock.adjust(50)
      assert.strictEqual(yield* Fiber.join(fiber), 0)
      assert.deepInclude(yield* budget.state, { granted: 1, tokens: 99 })
      yield* TestClock.adjust(1000)
      assert.deepInclude(yield* budget.state, { granted: 0, tokens: 99 })
    })
  )

  it.scoped("retries and copies share it, and a call is one call", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, floor: 1 })
      const hedging = yield* Hedging.make({ after: Duration.millis(100), max: 1 }, { budget })
      const { effect, sentAt } = copies([fails(10), fails(10), well(500)])
      const call = budget.retry(hedging.run(effect), { ...Retry.defaults, jitter: "none" })
      const fiber = yield* Effect.fork(call)
      yield* TestClock.adjust(20)
      assert.deepInclude(yield* budget.state, { inFlight: 1, granted: 1 })
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* Fiber.join(fiber), 2)
      // the second at once, as a copy; the third after 250 ms, as a retry, whose own copy was one too many
      assert.deepStrictEqual(sentAt, [0, 10, 270])
      assert.deepInclude(yield* budget.state, { inFlight: 0, granted: 0 })
    })
  )
})

describe("auto", () => {
  const auto = Hedging.make(Hedging.defaults)

  it.scoped("sends nothing twice until it has seen twenty calls, then after the 95th of 100", () =>
    Effect.gen(function* () {
      const hedging = yield* auto
      for (let call = 1; call <= 19; call++) yield* timed(hedging.run(Effect.sleep(call * 10)))
      assert.isUndefined(hedging.unsafeDelay())
      const slow = copies([well(5000)])
      yield* timed(hedging.run(slow.effect))
      assert.deepStrictEqual(slow.sentAt, [slow.sentAt[0]])
      assert.strictEqual(hedging.unsafeDelay(), 190)
      assert.deepStrictEqual(yield* hedging.state, { delay: Duration.millis(190) })
    })
  )

  it.scoped("a call that a copy has won counts as slow, or the delay would shrink", () =>
    Effect.gen(function* () {
      const hedging = yield* auto
      for (let call = 0; call < 40; call++) hedging.unsafeObserve(100)
      const delays: Array<number | undefined> = []
      for (let call = 0; call < 4; call++) {
        const { effect } = copies([well(5000), well(20)])
        yield* timed(hedging.run(effect))
        delays.push(hedging.unsafeDelay())
      }
      // as soon as more than one in twenty is slow, it waits longer
      assert.deepStrictEqual(delays, [100, 100, 120, 120])
    })
  )

  it.scoped("failures and interruptions teach nothing; a new value keeps what was learned", () =>
    Effect.gen(function* () {
      const hedging = yield* Hedging.make({ after: Duration.seconds(1), max: 1 })
      for (let call = 0; call < 20; call++) yield* timed(hedging.run(Effect.sleep(50)))
      for (let call = 0; call < 50; call++) {
        yield* Effect.exit(hedging.run(Effect.fail(missing)))
        yield* Effect.exit(hedging.run(Effect.interrupt))
      }
      assert.strictEqual(hedging.unsafeDelay(), 1000)
      hedging.unsafeRetune(Hedging.defaults)
      assert.strictEqual(hedging.unsafeDelay(), 50)
    })
  )

  it.scoped("is a millisecond at least", () =>
    Effect.gen(function* () {
      const hedging = yield* auto
      for (let call = 0; call < 20; call++) hedging.unsafeObserve(0)
      assert.strictEqual(hedging.unsafeDelay(), 1)
    })
  )

  it.scoped.prop(
    "is the nearest rank of the last 200",
    { times: FastCheck.array(FastCheck.integer({ min: 1, max: 10_000 }), { maxLength: 500, size: "max" }) },
    ({ times }) =>
      Effect.gen(function* () {
        const hedging = yield* auto
        times.forEach((millis, i) => {
          hedging.unsafeObserve(millis)
          const last = times.slice(Math.max(0, i - 199), i + 1).sort((a, b) => a - b)
          const wanted = last.length < 20 ? undefined : last[Math.ceil(0.95 * last.length) - 1]
          assert.strictEqual(hedging.unsafeDelay(), wanted)
        })
      }),
    { fastCheck: { numRuns: 30 } }
  )
})
