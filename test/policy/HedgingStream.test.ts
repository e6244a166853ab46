import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Hedging, OllamaError, RetryBudget } from "effect-ollama"
import { within } from "../support/clock.js"
import { fewest, interruptedAtEveryStep, yields } from "./everyStep.js"
import * as StillClock from "./stillClock.js"

const busy = new OllamaError.Overloaded({ by: "server" })

interface Copy {
  /** Before its first value. */
  readonly takes: number
  readonly values?: number
  readonly gap?: number
  readonly end?: Effect.Effect<void, OllamaError.OllamaError>
}

/** A stream whose copies behave so; when each was opened and closed. Its values name the copy. */
const copies = (fates: ReadonlyArray<Copy>, closing: Effect.Effect<void> = Effect.void) => {
  const openedAt: Array<number> = []
  const closedAt: Array<number | undefined> = []
  const stream = Stream.unwrapScoped(
    Effect.gen(function* () {
      const copy = openedAt.length
      openedAt.push(yield* Clock.currentTimeMillis)
      closedAt.push(undefined)
      yield* Effect.addFinalizer(() =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          closedAt[copy] = now
          return closing
        })
      )
      const { end = Effect.void, gap = 0, takes, values = 3 } = fates[copy] ?? assert.fail("one copy too many")
      return Stream.concat(
        Stream.mapEffect(Stream.range(1, values), (n) => Effect.as(Effect.sleep(n === 1 ? takes : gap), [copy, n])),
        Stream.drain(Stream.fromEffect(end))
      )
    })
  )
  return { stream, openedAt, closedAt }
}

const after100 = (options?: Hedging.Options) => Hedging.make({ after: Duration.millis(100), max: 1 }, options)

const collect = <A, E>(stream: Stream.Stream<A, E>) =>
  within(Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray))

const of = (copy: number, count: number) => Array.from({ length: count }, (_, i) => [copy, i + 1])

describe("runStream", () => {
  it.scoped("opens nothing twice where the first value is in time, however long the rest takes", () =>
    Effect.gen(function* () {
      const { openedAt, stream } = copies([{ takes: 99, gap: 5000 }])
      assert.deepStrictEqual(yield* collect((yield* after100()).runStream(stream)), of(0, 3))
      assert.deepStrictEqual(openedAt, [0])
    })
  )

  it.scoped("goes on with the copy whose first value comes first, and closes the other at that moment", () =>
    Effect.gen(function* () {
      const { closedAt, openedAt, stream } = copies([{ takes: 5000 }, { takes: 50, gap: 1000 }])
      assert.deepStrictEqual(yield* collect((yield* after100()).runStream(stream)), of(1, 3))
      assert.deepStrictEqual(openedAt, [0, 100])
      assert.deepStrictEqual(closedAt, [150, 2150])
    })
  )

  it.scoped("delivers the first value without waiting for the other's end", () =>
    Effect.gen(function* () {
      const { stream } = copies(
        [{ takes: 5000 }, { takes: 50, values: 1, end: Effect.never }],
        Effect.sleep("1 minute")
      )
      const first = Stream.mapEffect((yield* after100()).runStream(stream), () => Clock.currentTimeMillis)
      const times: Array<number> = []
      const fiber = yield* Effect.fork(Stream.runForEach(first, (at) => Effect.sync(() => times.push(at))))
      yield* TestClock.adjust(150)
      assert.deepStrictEqual(times, [150])
      yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 minute")
    })
  )

  it.scoped("a failure before the first value opens the next at once", () =>
    Effect.gen(function* () {
      const failing = Effect.zipRight(Effect.sleep(20), busy)
      const { closedAt, openedAt, stream } = copies([{ takes: 0, values: 0, end: failing }, { takes: 10 }])
      assert.deepStrictEqual(yield* collect((yield* after100()).runStream(stream)), of(1, 3))
      assert.deepStrictEqual(openedAt, [0, 20])
      assert.deepStrictEqual(closedAt, [20, 30])
    })
  )

  it.scoped("a failure after the first value is the end, and so is one of every copy", () =>
    Effect.gen(function* () {
      const hedging = yield* after100()
      for (const [fates, values] of [
        [[{ takes: 20, end: busy }], 3],
        [
          [
            { takes: 0, values: 0, end: busy },
            { takes: 0, values: 0, end: busy }
          ],
          0
        ]
      ] as const) {
        const { openedAt, stream } = copies(fates)
        let seen = 0
        const counted = Stream.runForEach(hedging.runStream(stream), () => Effect.sync(() => seen++))
        assert.deepStrictEqual(yield* within(Effect.exit(counted)), Exit.fail(busy))
        assert.strictEqual(seen, values)
        assert.lengthOf(openedAt, fates.length)
      }
    })
  )

  it.scoped("a stream that ends without a value has answered", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* collect((yield* after100()).runStream(Stream.empty)), [])
    })
  )

  it.scoped("chunks stay whole, and empty ones are no value", () =>
    Effect.gen(function* () {
      const stream = Stream.fromChunks(Chunk.empty<number>(), Chunk.make(1, 2), Chunk.make(3))
      const chunks = yield* collect(Stream.chunks((yield* after100()).runStream(stream)))
      assert.deepStrictEqual(chunks.filter(Chunk.isNonEmpty).map(Chunk.toReadonlyArray), [[1, 2], [3]])
    })
  )

  type Values = Stream.Stream<ReadonlyArray<number>>
  const forking: Readonly<Record<string, (stream: Values) => Values>> = {
    buffered: Stream.buffer({ capacity: 4 }),
    merged: Stream.merge(Stream.drain(Stream.make(1))),
    "flattened side by side": Stream.flatMap((value) => Stream.make(value), { concurrency: 4 }),
    shared: (stream) => Stream.unwrapScoped(Stream.share(stream, { capacity: 4 }))
  }
  for (const [name, transform] of Object.entries(forking)) {
    it.scoped(`goes on when it is ${name}: what it forked lives as long as it does`, () =>
      Effect.gen(function* () {
        const { stream } = copies([{ takes: 5000 }, { takes: 50, gap: 1000, values: 6 }])
        const inside = transform(Stream.orDie(stream))
        assert.deepStrictEqual(yield* collect((yield* after100()).runStream(inside)), of(1, 6))
      })
    )
  }

  it.scoped("learns its delay from the times to the first value", () =>
    Effect.gen(function* () {
      const hedging = yield* Hedging.make(Hedging.defaults)
      for (let call = 0; call < 20; call++) {
        yield* collect(hedging.runStream(copies([{ takes: 70, gap: 1000 }]).stream))
      }
      assert.strictEqual(hedging.unsafeDelay(), 70)
    })
  )

  it.scoped("holds a copy's part of the budget as long as the copy runs", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      const hedging = yield* after100({ budget })
      const granted = (millis: number) =>
        Effect.map(Effect.zipRight(TestClock.adjust(millis), budget.state), (state) => state.granted)

      const winner = yield* Effect.fork(
        Stream.runDrain(hedging.runStream(copies([{ takes: 5000 }, { takes: 50, gap: 1000 }]).stream))
      )
      assert.strictEqual(yield* granted(99), 0)
      assert.strictEqual(yield* granted(1), 1)
      assert.strictEqual(yield* granted(2049), 1)
      assert.strictEqual(yield* granted(1), 0)
      yield* Fiber.join(winner)

      const loser = yield* Effect.fork(
        Stream.runDrain(hedging.runStream(copies([{ takes: 200, gap: 1000 }, { takes: 5000 }]).stream))
      )
      assert.strictEqual(yield* granted(100), 1)
      assert.strictEqual(yield* granted(100), 0)
      yield* TestClock.adjust(5000)
      yield* Fiber.join(loser)
      assert.deepInclude(yield* budget.state, { granted: 0, tokens: 98 })
    })
  )

  it.scoped.prop(
    "any two copies: every value comes from one of them, in order, and both are closed once",
    {
      fates: FastCheck.array(
        FastCheck.record({
          takes: FastCheck.nat(300),
          values: FastCheck.integer({ min: 1, max: 5 }),
          gap: FastCheck.nat(300)
        }),
        { minLength: 2, maxLength: 2 }
      ),
      after: FastCheck.integer({ min: 1, max: 300 }),
      taken: FastCheck.integer({ min: 1, max: 6 })
    },
    ({ after, fates, taken }) =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make(RetryBudget.defaults)
        const hedging = yield* Hedging.make({ after: Duration.millis(after), max: 1 }, { budget })
        const { closedAt, openedAt, stream } = copies(fates)
        const values = yield* collect(Stream.take(hedging.runStream(stream), taken))
        const winner = values[0]?.[0] ?? assert.fail("no value")
        assert.deepStrictEqual(values, of(winner, Math.min(taken, fates[winner]?.values ?? 0)))
        assert.isTrue(closedAt.every((at) => at !== undefined))
        const [first = 0, second = 0] = fates.map(({ takes }) => takes)
        if (first !== after) assert.lengthOf(openedAt, first < after ? 1 : 2)
        if (first < after + second) assert.strictEqual(winner, 0)
        if (first > after + second) assert.strictEqual(winner, 1)
        assert.strictEqual((yield* budget.state).granted, 0)
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.scoped("closes a copy whose first value comes in the same moment, too late by a step", () =>
    Effect.gen(function* () {
      const { clock: hasty } = StillClock.make(Effect.void)
      let raced = 0
      for (let operations = 12; operations < 40; operations++) {
        for (let skew = 0; skew < 12; skew++) {
          const hedging = yield* after100()
          let open = 0
          let sent = 0
          const connection = Effect.acquireRelease(
            Effect.sync(() => {
              open++
              return sent++
            }),
            () =>
              Effect.sync(() => {
                open--
              })
          )
          const stream = Stream.unwrapScoped(
            Effect.map(connection, (copy) => Stream.as(Stream.fromEffect(yields(copy === 0 ? skew : 0)), copy))
          )
          const run = Stream.runCollect(hedging.runStream(stream)).pipe(
            Effect.withClock(hasty),
            Effect.withMaxOpsBeforeYield(operations)
          )
          assert.lengthOf(yield* run, 1)
          yield* yields(40)
          assert.strictEqual(open, 0, `${operations} operations, ${skew} turns later`)
          raced += sent - 1
        }
      }
      assert.isAbove(raced, 200)
    })
  )

  for (const operations of fewest) {
    it.scoped(`interrupted at any step closes every copy, and gives back its part of the budget (${operations})`, () =>
      Effect.gen(function* () {
        const subject = Effect.gen(function* () {
          const budget = yield* RetryBudget.make(RetryBudget.defaults)
          const hedging = yield* Hedging.make({ after: Duration.millis(100), max: 2 }, { budget })
          let open = 0
          let sent = 0
          const connection = Effect.acquireRelease(
            Effect.sync(() => {
              open++
              return sent++
            }),
            () =>
              Effect.sync(() => {
                open--
              })
          )
          const stream = Stream.unwrapScoped(
            Effect.map(connection, (copy) =>
              Stream.concat(Stream.fromEffect(copy === 0 ? Effect.fail(busy) : yields(1)), Stream.make(1, 2))
            )
          )
          return {
            run: Stream.runDrain(hedging.runStream(stream)),
            check: () =>
              Effect.gen(function* () {
                yield* yields(40)
                const { granted } = yield* budget.state
                assert.deepStrictEqual({ granted, open }, { granted: 0, open: 0 })
              })
          }
        })
        assert.isAbove(yield* interruptedAtEveryStep(subject, operations), 20)
      })
    )
  }
})
