/** One call after the other through a breaker: what passes, what counts, what a refusal says. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, OllamaError } from "effect-ollama"
import {
  call,
  crashed,
  fails,
  held,
  isRefused,
  make,
  nowMillis,
  opens,
  opensAndWaits,
  stateIs
} from "./breakerSupport.js"

/** What was counted, and whether nothing is left in flight. */
const counted = (breaker: CircuitBreaker.Breaker) =>
  Effect.map(breaker.export, ({ state }) => ({
    total: state.window.total,
    failed: state.window.failed,
    running: state.running,
    trials: state.trials.length
  }))

const idle = { running: 0, trials: 0 }

describe("run", () => {
  it.scoped("gives what the effect gives, and counts how it ends", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      assert.strictEqual(yield* breaker.run(Effect.succeed(1)), 1)
      assert.strictEqual(yield* Effect.flip(breaker.run(Effect.fail(crashed))), crashed)
      assert.deepStrictEqual(yield* counted(breaker), { total: 2, failed: 1, ...idle })
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("is an effect that may be run often, each time anew", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const effect = Effect.flip(breaker.run(Effect.fail(crashed)))
      assert.strictEqual(yield* effect, crashed)
      assert.strictEqual(yield* effect, crashed)
      assert.strictEqual((yield* effect)._tag, "CircuitOpen")
    })
  )

  it.scoped("refuses without running, and says for how long and why", () =>
    Effect.gen(function* () {
      const breaker = yield* make({}, { host: call.host, model: call.model })
      yield* fails(breaker, 1)
      const last = breaker.run(Effect.delay(Effect.fail(crashed), "3 seconds"))
      const fiber = yield* Effect.fork(Effect.flip(last))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(fiber)
      yield* TestClock.adjust("1 millis")
      const error = yield* isRefused(breaker)
      assert.deepInclude(error, { host: call.host, model: call.model, phase: "prepare", isRetryable: true })
      assert.strictEqual(Duration.toMillis(error.retryAfter), 9999)
      assert.deepStrictEqual(error.lastFailure, {
        tag: "ServerError",
        phase: "prepare",
        elapsed: Duration.seconds(3),
        host: call.host
      })
    })
  )

  it.scoped("keeps of an error that is not ours no more than its name", () =>
    Effect.gen(function* () {
      const named = [
        [new TypeError("secret"), "TypeError"],
        [{ _tag: "Mine", secret: "secret" }, "Mine"],
        ["secret", "Failure"]
      ] as const
      for (const [error, tag] of named) {
        const breaker = yield* make({ consecutive: 1 })
        yield* Effect.flip(breaker.run(Effect.fail(error)))
        const refusal = yield* isRefused(breaker)
        assert.deepStrictEqual(refusal.lastFailure, { tag, phase: "response", elapsed: Duration.zero })
        assert.notInclude(JSON.stringify(yield* breaker.export), "secret")
      }
    })
  )

  it.scoped("counts neither defects nor interruption nor the caller's mistakes", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: 1 })
      const invalid = new OllamaError.InvalidRequest({ ...call, issue: "option" })
      for (const effect of [Effect.die("bug"), Effect.interrupt, Effect.fail(invalid)]) {
        const exit = yield* Effect.exit(breaker.run(effect))
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(yield* counted(breaker), { total: 0, failed: 0, ...idle })
      }
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("counts a failure that is accompanied by a defect or an interruption", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: 1 })
      const cause = Cause.parallel(Cause.fail(crashed), Cause.die("bug"))
      yield* Effect.exit(breaker.run(Effect.failCause(cause)))
      yield* stateIs(breaker, "open")
    })
  )

  it.scoped("goes by the judge that it is given", () =>
    Effect.gen(function* () {
      const judged: Array<unknown> = []
      const breaker = yield* make(
        { consecutive: 1 },
        {
          judge: (error) => {
            judged.push(error)
            return error === "bad" ? "failure" : error === "fine" ? "success" : "ignored"
          }
        }
      )
      for (const error of ["fine", "mine"]) yield* Effect.flip(breaker.run(Effect.fail(error)))
      assert.deepStrictEqual(yield* counted(breaker), { total: 1, failed: 0, ...idle })
      yield* Effect.flip(breaker.run(Effect.fail("bad")))
      yield* stateIs(breaker, "open")
      assert.deepStrictEqual(judged, ["fine", "mine", "bad"])
    })
  )

  it.scoped("a judge that throws is a defect of the caller's, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const breaker = yield* make(
        { consecutive: 1 },
        {
          judge: () => {
            throw new Error("no idea")
          }
        }
      )
      const exit = yield* Effect.exit(breaker.run(Effect.fail("x")))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.deepStrictEqual(yield* counted(breaker), { total: 0, failed: 0, ...idle })
    })
  )

  it.scoped("late results of calls from before the opening neither close nor prolong it", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const [good, bad, later] = yield* Effect.all([held(breaker), held(breaker), held(breaker)])
      yield* opens(breaker)
      yield* TestClock.adjust("4 seconds")
      good.settle("success", yield* nowMillis)
      bad.settle("failure", yield* nowMillis)
      const { retryAfter, state } = yield* breaker.state
      assert.deepStrictEqual([state, Duration.toMillis(retryAfter)], ["open", 6000])
      yield* TestClock.adjust("6 seconds")
      const trial = yield* held(breaker)
      later.settle("success", yield* nowMillis)
      yield* stateIs(breaker, "halfOpen")
      trial.settle("failure", yield* nowMillis)
      yield* stateIs(breaker, "open")
    })
  )
})

/** A call that takes several steps, and says which it has reached. */
const steps = (reached: Array<number>) =>
  Effect.forEach([1, 2, 3], (step) =>
    Effect.zipRight(
      Effect.yieldNow(),
      Effect.sync(() => reached.push(step))
    )
  )

describe("interruption", () => {
  for (const kind of ["run", "runStream"] as const) {
    it.scoped(`of ${kind} at any step leaves calls and trials as they were`, () =>
      Effect.gen(function* () {
        const ends = new Set<string>()
        for (let after = 0; after < 30; after++) {
          for (const isTrial of [false, true]) {
            const breaker = yield* make()
            if (isTrial) yield* opensAndWaits(breaker)
            const before = yield* breaker.export
            const reached: Array<number> = []
            const work =
              kind === "run"
                ? breaker.run(steps(reached))
                : Stream.runDrain(breaker.runStream(Stream.fromEffect(steps(reached))))
            const fiber = yield* Effect.fork(work)
            for (let i = 0; i < after; i++) yield* Effect.yieldNow()
            const exit = yield* Fiber.interrupt(fiber)
            const { state } = yield* breaker.export
            assert.deepInclude(state, { running: 0, runningSlow: 0, trials: [] })
            if (Exit.isSuccess(exit)) {
              ends.add("done")
              assert.strictEqual(state.window.total, isTrial ? 0 : 1)
              assert.strictEqual(state.state, "closed")
            } else if (reached.length === 3) {
              // the work had ended; whether its end was heard before the interruption is all the same
              ends.add("late")
              assert.isAtMost(state.window.total, 1)
            } else {
              ends.add(reached.length === 0 ? "early" : "midway")
              assert.deepStrictEqual(state.window, before.state.window)
              assert.include(isTrial ? ["open", "halfOpen"] : ["closed"], state.state)
              // the trial that was interrupted was none: the next call is
              assert.strictEqual(breaker.unsafeIsRefusing(yield* nowMillis), false)
            }
          }
        }
        assert.includeMembers([...ends], ["early", "midway", "done"])
      })
    )
  }
})

describe("runStream", () => {
  const numbers = Stream.make(1, 2, 3).pipe(Stream.rechunk(1))

  it.scoped("gives what the stream gives, and counts at its end", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const totals: Array<number> = []
      const seen = numbers.pipe(
        breaker.runStream,
        Stream.tap(() => Effect.map(counted(breaker), ({ running, total }) => totals.push(total, running)))
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(seen)), [1, 2, 3])
      assert.deepStrictEqual(totals, [0, 1, 0, 1, 0, 1])
      assert.deepStrictEqual(yield* counted(breaker), { total: 1, failed: 0, ...idle })
    })
  )

  it.scoped("counts a failure after elements", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: 1 })
      const broken = breaker.runStream(Stream.concat(numbers, Stream.fail(crashed)))
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(broken)), crashed)
      yield* stateIs(breaker, "open")
      const error = yield* Effect.flip(Stream.runDrain(breaker.runStream(Stream.die("ran"))))
      assert.strictEqual(error._tag, "CircuitOpen")
    })
  )

  it.scoped("counts nothing when it is left early, dies, or is interrupted", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: 1 })
      const nothing = { total: 0, failed: 0, ...idle }
      yield* Stream.runDrain(Stream.take(breaker.runStream(numbers), 2))
      assert.deepStrictEqual(yield* counted(breaker), nothing)
      yield* Effect.exit(Stream.runDrain(breaker.runStream(Stream.concat(numbers, Stream.die("bug")))))
      assert.deepStrictEqual(yield* counted(breaker), nothing)
      const fiber = yield* Effect.fork(Stream.runDrain(breaker.runStream(Stream.concat(numbers, Stream.never))))
      yield* Effect.yieldNow()
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* counted(breaker)).running, 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* counted(breaker), nothing)
    })
  )

  it.scoped("counts nothing when the consumer fails", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: 1 })
      yield* Effect.flip(Stream.runForEach(breaker.runStream(numbers), () => Effect.fail("mine")))
      assert.deepStrictEqual(yield* counted(breaker), { total: 0, failed: 0, ...idle })
    })
  )

  it.scoped("is a trial until it ends", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opensAndWaits(breaker)
      const gate = yield* Deferred.make<void>()
      const slow = Stream.concat(numbers, Stream.drain(Stream.fromEffect(Deferred.await(gate))))
      const fiber = yield* Effect.fork(Stream.runDrain(breaker.runStream(slow)))
      yield* TestClock.adjust("1 second")
      yield* stateIs(breaker, "halfOpen")
      // until the trial is given up
      assert.strictEqual(Duration.toMillis((yield* isRefused(breaker)).retryAfter), 29_000)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(fiber)
      yield* stateIs(breaker, "closed")
    })
  )
})

describe("unsafeAcquire", () => {
  it.scoped("gives a permit that settles once, or a refusal that knows why", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const permit = breaker.unsafeAcquire(0)
      if (permit._tag === "Refusal") return assert.fail("refused")
      assert.isFalse(permit.isTrial)
      const { settle } = permit
      settle("failure", 5)
      settle("failure", 6)
      settle("success", 7)
      assert.deepStrictEqual(yield* counted(breaker), { total: 1, failed: 1, ...idle })
      const second = breaker.unsafeAcquire(8)
      if (second._tag === "Permit") second.settle("failure", 10)
      assert.isFalse(breaker.unsafeIsRefusing(10_010))
      assert.isTrue(breaker.unsafeIsRefusing(10_009))
      const refusal = breaker.unsafeAcquire(1010)
      if (refusal._tag === "Permit") return assert.fail("let through")
      assert.deepInclude(refusal, { state: "open", retryAfterMillis: 9000 })
      // nothing was said of the failure but that it took two milliseconds
      const failure = { tag: "Failure", phase: "response", elapsed: Duration.millis(2) } as const
      assert.deepStrictEqual(refusal.lastFailure, failure)
    })
  )

  it.scoped("of two breakers, the one that is let go gives its trial back", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opensAndWaits(breaker)
      const trial = yield* held(breaker)
      assert.isTrue(trial.isTrial)
      yield* isRefused(breaker)
      trial.settle("ignored", yield* nowMillis)
      assert.isTrue((yield* held(breaker)).isTrial)
    })
  )
})

describe("types", () => {
  it.scoped("add one failure and nothing else", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const effect: Effect.Effect<number, "mine" | OllamaError.CircuitOpen> = breaker.run(
        Effect.filterOrFail(Effect.succeed(1), Number.isInteger, () => "mine" as const)
      )
      const stream: Stream.Stream<number, OllamaError.CircuitOpen> = breaker.runStream(Stream.make(1))
      assert.strictEqual(yield* effect, 1)
      assert.deepStrictEqual(yield* Stream.runHead(stream), Option.some(1))
    })
  )
})
