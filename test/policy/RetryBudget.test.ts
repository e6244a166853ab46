import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as ParseResult from "effect/ParseResult"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaError, Policy, Retry, RetryBudget } from "effect-ollama"
import { within } from "../support/clock.js"
import { fewest, interruptedAtEveryStep, yields } from "./everyStep.js"

const refused = new OllamaError.Unreachable({ reason: "refused" })
const shed = new OllamaError.Overloaded({ by: "server" })
const missing = new OllamaError.ModelNotFound({})

const { retry: three } = Policy.make({ retry: { attempts: 3, jitter: "none" } })

const strict = { errors: "all", onExcessProperty: "error" } as const

describe("the value", () => {
  it("is JSON, and comes back as it was", () => {
    for (const value of [
      RetryBudget.defaults,
      { ...RetryBudget.defaults, pool: "off", deposit: RetryBudget.depositDefaults } as const,
      RetryBudget.merge(RetryBudget.defaults, { pool: { cost: { transient: 14, throttling: 5 } } })
    ]) {
      const json: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(RetryBudget.RetryBudget)(value)))
      assert.deepStrictEqual(Schema.decodeUnknownSync(RetryBudget.RetryBudget, strict)(json), value)
    }
  })

  it("refuses what is impossible, all of it, with its path", () => {
    const patch = {
      share: -1,
      floor: 1.5,
      pool: { size: 0, perSuccess: 0, threshold: 1, cost: -1, sizes: 3 },
      deposit: { window: "-1 seconds", perSecond: -1 }
    }
    const problems = ParseResult.ArrayFormatter.formatErrorSync(
      Either.getOrThrow(Either.flip(Policy.decodeUnknownPatch({ budget: patch })))
    ).map(({ path }) => path.join("."))
    for (const path of [
      "share",
      "floor",
      "pool.size",
      "pool.perSuccess",
      "pool.threshold",
      "pool.cost",
      "pool.sizes",
      "deposit.window",
      "deposit.perSecond"
    ]) {
      assert.include(problems, `budget.${path}`)
    }
  })

  it("is changed part by part, and a part that was off begins with its defaults", () => {
    const { defaults, depositDefaults, merge, poolDefaults } = RetryBudget
    assert.deepStrictEqual(merge(defaults, { floor: 1 }), { ...defaults, floor: 1 })
    assert.deepStrictEqual(merge(defaults, { pool: { size: 5 } }), { ...defaults, pool: { ...poolDefaults, size: 5 } })
    const off = merge(defaults, { pool: "off" })
    assert.strictEqual(off.pool, "off")
    assert.deepStrictEqual(merge(off, { pool: { cost: 2 } }).pool, { ...poolDefaults, cost: 2 })
    assert.deepStrictEqual(merge(off, { deposit: {} }).deposit, depositDefaults)
    assert.deepStrictEqual(merge(off, {}), off)
  })

  it("a retry follows a shed call, or any other failure", () => {
    assert.strictEqual(RetryBudget.kindOf(shed), "throttling")
    for (const error of [refused, missing, new Error("mine"), undefined]) {
      assert.strictEqual(RetryBudget.kindOf(error), "transient")
    }
  })
})

describe("the share of calls in flight", () => {
  const held = (budget: RetryBudget.Budget) => {
    const grants: Array<RetryBudget.Grant> = []
    for (;;) {
      const grant = budget.unsafeAcquire(0, "transient")
      if (grant === undefined) return grants
      grants.push(grant)
    }
  }

  for (const [inFlight, grants] of [
    [0, 3],
    [15, 3],
    [19, 3],
    [20, 4],
    [100, 20]
  ] as const) {
    it.scoped(`${grants} retries at once, of ${inFlight} calls`, () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make(RetryBudget.defaults)
        for (let i = 0; i < inFlight; i++) budget.unsafeBegin(0)
        const all = held(budget)
        assert.lengthOf(all, grants)
        all[0]?.release("failure")
        all[0]?.release("failure")
        assert.lengthOf(held(budget), 1)
      })
    )
  }
})

describe("the threshold", () => {
  it.scoped("gRPC's twelve calls: retries only above half of 10 tokens, a failure costs 1, a success brings 0.5", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make({
        share: 1,
        floor: 1,
        deposit: "off",
        pool: { ...RetryBudget.poolDefaults, size: 10, perSuccess: 0.5, charge: "failures", threshold: 0.5 }
      })
      // grpc-go, test/retry_test.go, TestRetryThrottling
      const good = new Set([0, 3, 6, 10, 11, 12, 13, 14, 16, 18])
      let last = -1
      const server = Effect.suspend(() => (good.has(++last) ? Effect.void : refused))
      const { retry } = Policy.make({ retry: { attempts: 4, baseDelay: 10, jitter: "none" } })
      const found: Array<readonly [isGood: boolean, last: number, tokens: number | undefined]> = []
      for (let call = 0; call < 12; call++) {
        const result = yield* within(Effect.either(budget.retry(server, retry)))
        found.push([Either.isRight(result), last, (yield* budget.state).tokens])
      }
      assert.deepStrictEqual(found, [
        [true, 0, 10],
        [true, 3, 8.5],
        [true, 6, 7],
        [false, 8, 5],
        [false, 9, 4],
        [true, 10, 4.5],
        [true, 11, 5],
        [true, 12, 5.5],
        [true, 13, 6],
        [true, 14, 6.5],
        [true, 16, 6],
        [false, 17, 5]
      ])
    })
  )
})

describe("retry", () => {
  it.scoped("honours the schedule, and gives an unused grant back whole", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      let attempts = 0
      const failing = Effect.suspend(() => {
        attempts++
        return Effect.fail("mine")
      })
      const error = yield* within(Effect.flip(budget.retry(failing, Schedule.recurs(2))))
      assert.strictEqual(error, "mine")
      assert.strictEqual(attempts, 3)
      assert.strictEqual((yield* budget.state).tokens, 98)
      // a Retry value stops at what is not ours, or not retryable
      assert.strictEqual(yield* within(Effect.flip(budget.retry(failing, Retry.defaults))), "mine")
      assert.strictEqual(yield* within(Effect.flip(budget.retry(Effect.fail(missing), Retry.defaults))), missing)
      assert.strictEqual((yield* budget.state).tokens, 98)
    })
  )

  it.scoped("holds the grant while it waits and while it runs", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, floor: 1 })
      const { retry } = Policy.make({ retry: { attempts: 2, baseDelay: "4 seconds", jitter: "none" } })
      const slow = Effect.zipRight(Effect.sleep("3 seconds"), Effect.fail(refused))
      const fiber = yield* Effect.fork(Effect.either(budget.retry(slow, retry)))
      const granted = (millis: number) => Effect.zipRight(TestClock.adjust(millis), budget.state)
      assert.strictEqual((yield* granted(2999)).granted, 0)
      assert.strictEqual((yield* granted(1)).granted, 1)
      // another call's retry is not granted meanwhile: it ends with its own failure
      const other = yield* Effect.fork(Effect.flip(budget.retry(Effect.fail(shed), retry)))
      assert.strictEqual(yield* Fiber.join(other), shed)
      assert.strictEqual((yield* granted(6999)).granted, 1)
      assert.strictEqual((yield* granted(1)).granted, 0)
      yield* Fiber.join(fiber)
    })
  )

  it.scoped("is left at once while it waits", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      const slowly = Schedule.addDelay(Schedule.forever, () => "1 hour")
      const fiber = yield* Effect.fork(budget.retry(Effect.fail("down"), slowly))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* budget.state).granted, 1)
      const exit = yield* Effect.raceFirst(
        Fiber.interrupt(fiber),
        Effect.zipRight(yields(100), Effect.fail("still waits"))
      )
      assert.isTrue(Exit.isInterrupted(exit))
      assert.deepInclude(yield* budget.state, { granted: 0, inFlight: 0, tokens: 100 })
    })
  )

  it.scoped("a defect is not sent again", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      const exit = yield* Effect.exit(budget.retry(Effect.die("bug"), Schedule.forever))
      assert.deepStrictEqual(exit, Exit.die("bug"))
      assert.strictEqual((yield* budget.state).inFlight, 0)
    })
  )

  it.scoped("a failure whose siblings were interrupted is a failure", () =>
    Effect.gen(function* () {
      const pool = { ...RetryBudget.poolDefaults, charge: "failures" } as const
      const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, pool })
      const both = Effect.failCause(Cause.parallel(Cause.fail(refused), Cause.interrupt(Cause.empty as never)))
      yield* Effect.exit(budget.run(both))
      assert.strictEqual((yield* budget.state).tokens, 99)
    })
  )
})

describe("streams", () => {
  const emptyChunk: Stream.Stream<number> = Stream.fromChannel(Channel.write(Chunk.empty<number>()))
  const values = (...numbers: ReadonlyArray<number>) => Stream.fromIterable(numbers)

  it.scoped("are sent again up to the first value, and never after it", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      let runs = 0
      const stream = Stream.suspend(() => {
        runs++
        if (runs === 1) return Stream.fail(refused)
        if (runs === 2) return Stream.concat(emptyChunk, Stream.fail(refused))
        return Stream.concat(values(1, 2, 3), Stream.fail(refused))
      })
      const seen: Array<number> = []
      const error = yield* within(
        Effect.flip(
          Stream.runForEach(budget.retryStream(stream, three), (n) =>
            Effect.sync(() => {
              seen.push(n)
            })
          )
        )
      )
      assert.strictEqual(error, refused)
      assert.strictEqual(runs, 3)
      assert.deepStrictEqual(seen, [1, 2, 3])
    })
  )

  it.scoped("that are never won count each attempt once", () =>
    Effect.gen(function* () {
      const pool = { ...RetryBudget.poolDefaults, charge: "failures" } as const
      const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, pool })
      yield* within(Effect.flip(Stream.runDrain(budget.retryStream(Stream.fail(refused), three))))
      assert.deepInclude(yield* budget.state, { granted: 0, inFlight: 0, tokens: 97 })
    })
  )

  it.scoped("hold their grant and their place to the end", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      let runs = 0
      const stream = Stream.suspend(() => (runs++ === 0 ? Stream.fail(refused) : values(1, 2, 3)))
      const states: Array<RetryBudget.State> = []
      yield* within(
        Stream.runForEach(Stream.rechunk(budget.retryStream(stream, three), 1), () =>
          Effect.map(budget.state, (state) => {
            states.push(state)
          })
        )
      )
      assert.deepStrictEqual(
        states.map(({ granted, inFlight }) => [inFlight, granted]),
        [
          [1, 1],
          [1, 1],
          [1, 1]
        ]
      )
      const { granted, inFlight, tokens } = yield* budget.state
      assert.deepStrictEqual({ granted, inFlight, tokens }, { granted: 0, inFlight: 0, tokens: 99.2 })
    })
  )

  it.scoped("an empty stream is an answer", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      assert.isTrue(Chunk.isEmpty(yield* Stream.runCollect(budget.retryStream(Stream.empty, three))))
    })
  )

  it.scoped("left before their end they have no outcome; done or failed they have", () =>
    Effect.gen(function* () {
      const pool = { ...RetryBudget.poolDefaults, initial: 50, charge: "failures" } as const
      const tokensAfter = (use: (budget: RetryBudget.Budget) => Effect.Effect<unknown, unknown>) =>
        Effect.gen(function* () {
          const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, pool })
          yield* Effect.exit(use(budget))
          const { inFlight, tokens } = yield* budget.state
          assert.strictEqual(inFlight, 0)
          return tokens
        })
      const broken = Stream.concat(values(1), Stream.fail(refused))
      assert.strictEqual(yield* tokensAfter((b) => Stream.runDrain(b.runStream(values(1, 2)))), 50.2)
      assert.strictEqual(yield* tokensAfter((b) => Stream.runDrain(b.runStream(broken))), 49)
      assert.strictEqual(yield* tokensAfter((b) => Stream.runHead(b.runStream(values(1, 2)))), 50)
      assert.strictEqual(
        yield* tokensAfter((b) => Stream.runDrain(b.runStream(Stream.fromEffect(Effect.interrupt)))),
        50
      )
      assert.strictEqual(yield* tokensAfter((b) => Stream.runDrain(b.retryStream(values(1, 2), three))), 50.2)
      assert.strictEqual(yield* tokensAfter((b) => Stream.runDrain(b.retryStream(broken, three))), 49)
      assert.strictEqual(yield* tokensAfter((b) => Stream.runHead(b.retryStream(values(1, 2), three))), 50)
    })
  )
})

describe("interruption", () => {
  for (const operations of fewest) {
    it.scoped(`gives everything back exactly once, at every step (${operations})`, () =>
      Effect.gen(function* () {
        const subject = Effect.gen(function* () {
          const pool = { ...RetryBudget.poolDefaults, initial: 50, perSuccess: 10 } as const
          const budget = yield* RetryBudget.make({ ...RetryBudget.defaults, pool })
          let failed = 0
          let hasSucceeded = false
          const attempt = Effect.zipRight(
            yields(2),
            Effect.suspend(() => {
              hasSucceeded = failed === 2
              return hasSucceeded ? Effect.void : Effect.fail(++failed)
            })
          )
          return {
            run: budget.retry(attempt, Schedule.recurs(5)),
            check: () =>
              Effect.map(budget.state, ({ granted, inFlight, tokens }) => {
                assert.deepStrictEqual({ granted, inFlight }, { granted: 0, inFlight: 0 })
                // paid for the retry that failed, and for the one that succeeded, which was paid back more
                const retried = failed === 2 ? 1 : 0
                assert.oneOf(tokens, hasSucceeded ? [50 - 2 + 10, 50 - 1] : [50 - retried, 50])
              })
          }
        })
        assert.isAbove(yield* interruptedAtEveryStep(subject, operations), 10)
      })
    )

    it.scoped(`of a stream too, with its connection (${operations})`, () =>
      Effect.gen(function* () {
        const subject = Effect.gen(function* () {
          const budget = yield* RetryBudget.make(RetryBudget.defaults)
          let open = 0
          let runs = 0
          const connection = Effect.acquireRelease(
            Effect.sync(() => {
              open++
            }),
            () =>
              Effect.sync(() => {
                open--
              })
          )
          const stream = Stream.unwrapScoped(
            Effect.as(
              connection,
              Stream.concat(
                Stream.fromEffect(Effect.flatMap(yields(1), () => (runs++ === 0 ? Effect.fail("down") : Effect.void))),
                Stream.make(1, 2)
              )
            )
          )
          return {
            run: Stream.runDrain(budget.retryStream(stream, Schedule.recurs(5))),
            check: () =>
              Effect.map(budget.state, ({ granted, inFlight }) => {
                assert.deepStrictEqual({ granted, inFlight, open }, { granted: 0, inFlight: 0, open: 0 })
              })
          }
        })
        assert.isAbove(yield* interruptedAtEveryStep(subject, operations), 50)
      })
    )
  }
})
