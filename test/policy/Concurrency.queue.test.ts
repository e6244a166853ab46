import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Concurrency } from "effect-ollama"
import { expectTag } from "../support/clock.js"
import { drain, fill, limited, permitOf, queue, refusalOf } from "./concurrencyPermits.js"

describe("the order", () => {
  const orderOf = (asks: ReadonlyArray<readonly [string, Concurrency.Ask]>) =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1))
      const [first] = fill(permits)
      const order: Array<string> = []
      const { held, wait } = queue(permits, order)
      for (const [name, ask] of asks) yield* wait(name, ask)
      if (first !== undefined) yield* drain(permits, first, order, held)
      return order
    })

  it.scoped("is by priority, then by the earliest deadline, then by arrival", () =>
    Effect.gen(function* () {
      const order = yield* orderOf([
        ["batch, soon", { priority: "batch", deadline: 1 }],
        ["normal, first", {}],
        ["normal, second", { priority: "normal" }],
        ["normal, late", { deadline: 2000 }],
        ["normal, soon", { deadline: 1000 }],
        ["interactive, first", { priority: "interactive" }],
        ["interactive, second", { priority: "interactive", deadline: Number.POSITIVE_INFINITY }],
        ["interactive, late", { priority: "interactive", deadline: 9000 }],
        ["interactive, as late", { priority: "interactive", deadline: 9000 }],
        ["batch", { priority: "batch" }]
      ])
      assert.deepStrictEqual(order, [
        "interactive, late",
        "interactive, as late",
        "interactive, first",
        "interactive, second",
        "normal, soon",
        "normal, late",
        "normal, first",
        "normal, second",
        "batch, soon",
        "batch"
      ])
    })
  )

  it.effect.prop(
    "stays by deadline, whoever leaves",
    [FastCheck.array(FastCheck.tuple(FastCheck.nat(1000), FastCheck.boolean()), { maxLength: 60, size: "max" })],
    ([callers]) =>
      Effect.gen(function* () {
        const permits = yield* Concurrency.make(limited(1))
        const [first] = fill(permits)
        const order: Array<string> = []
        const { held, wait } = queue(permits, order)
        const fibers = yield* Effect.forEach(callers, ([deadline], i) => wait(`${deadline} ${i}`, { deadline }))
        for (const [i, [, leaves]] of callers.entries()) if (leaves) fibers[i]?.unsafeInterruptAsFork(FiberId.none)
        yield* Effect.yieldNow()
        if (first !== undefined) yield* drain(permits, first, order, held)
        const expected = callers
          .map(([deadline, leaves], i) => ({ deadline, leaves, name: `${deadline} ${i}` }))
          .filter(({ leaves }) => !leaves)
          .sort((a, b) => a.deadline - b.deadline)
        assert.deepStrictEqual(
          order,
          expected.map(({ name }) => name)
        )
      }).pipe(Effect.scoped),
    { fastCheck: { numRuns: 150 } }
  )

  it.scoped("lets nobody wait for ever: of ten turns one goes to those who were passed over", () =>
    Effect.gen(function* () {
      const many = (n: number, name: string, ask: Concurrency.Ask) =>
        Array.from({ length: n }, (_, i) => [`${name}${i}`, ask] as const)
      const order = yield* orderOf([
        ...many(3, "batch", { priority: "batch" }),
        ...many(2, "idle", { priority: "interactive" }),
        ...many(40, "urgent", { priority: "interactive", deadline: 5 })
      ])
      assert.strictEqual(order.length, 45)
      const turns = order.flatMap((name, turn) => (name.startsWith("urgent") ? [] : [[name, turn] as const]))
      assert.deepStrictEqual(turns, [
        ["idle0", 9],
        ["batch0", 10],
        ["idle1", 19],
        ["batch1", 20],
        ["batch2", 30]
      ])
    })
  )
})

describe("a queue with an end", () => {
  it.scoped("refuses one more call at once, as Overloaded by client", () =>
    Effect.gen(function* () {
      const options = { name: "the answers", model: "m", host: "http://h:1" }
      const permits = yield* Concurrency.make(limited(1, { queue: 2 }), options)
      const [held] = fill(permits)
      held?.release(0, { inFlight: 1, queueSeconds: 0, serviceSeconds: 6 })
      fill(permits)
      const { wait } = queue(permits, [])
      yield* wait("a")
      yield* wait("b")
      const error = expectTag(yield* Effect.flip(permits.run(Effect.never)), "Overloaded")
      assert.strictEqual(error.by, "client")
      assert.strictEqual(error.phase, "queue")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(error.model, "m")
      assert.strictEqual(error.host, "http://h:1")
      // two before it, six seconds each
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(12))
      assert.include(error.remedy, "2 calls already wait")
      assert.include(error.remedy, "the answers")
      assert.deepStrictEqual(yield* Effect.flip(Stream.runDrain(permits.runStream(Stream.never))), error)
      const refusal = yield* Effect.flip(permits.acquire())
      assert.strictEqual(refusal.reason, "queueFull")
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(0)).reason, "queueFull")
    })
  )

  it.scoped("without a place nobody waits", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1, { queue: 0 }))
      fill(permits)
      const refusal = refusalOf(permits.unsafeTryAcquire(0, { priority: "interactive" }))
      assert.strictEqual(refusal.reason, "queueFull")
      assert.isUndefined(refusal.retryAfter)
      assert.isUndefined(Concurrency.overloaded(refusal).retryAfter)
    })
  )

  it.scoped("a call of a higher priority takes the place of the last of the lowest", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1, { queue: 3 }))
      const [first] = fill(permits)
      const order: Array<string> = []
      const { held, wait } = queue(permits, order)
      yield* wait("normal")
      const early = yield* wait("batch, early", { priority: "batch", deadline: 10 })
      const last = yield* wait("batch, last", { priority: "batch" })
      // the same priority, however urgent, pushes nobody out
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(0, { priority: "batch", deadline: 1 })).reason, "queueFull")
      assert.isUndefined(permits.unsafeTryAcquire(0, { priority: "interactive" }))
      yield* wait("interactive", { priority: "interactive" })
      const refusal = yield* Effect.flip(Fiber.join(last))
      assert.strictEqual(refusal.reason, "pushedOut")
      yield* wait("interactive too", { priority: "interactive" })
      assert.strictEqual((yield* Effect.flip(Fiber.join(early))).reason, "pushedOut")
      yield* wait("interactive three", { priority: "interactive" })
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(0, { priority: "interactive" })).reason, "queueFull")
      if (first !== undefined) yield* drain(permits, first, order, held)
      assert.deepStrictEqual(order, ["interactive", "interactive too", "interactive three"])
    })
  )
})

describe("admission", () => {
  const admission = { target: Duration.seconds(10), interval: Duration.seconds(10) }
  const service = { inFlight: 1, queueSeconds: 0, serviceSeconds: 4 }

  /** One at a time, four seconds each; permits that are held, and so many who wait. */
  const busy = (waiting: number, ask?: Concurrency.Ask) =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1, { admission }))
      permits.unsafeSample(0, service)
      const [first] = fill(permits)
      const waiters = queue(permits, [])
      for (let i = 0; i < waiting; i++) yield* waiters.wait(String(i), ask)
      return { permits, first, wait: waiters.wait }
    })

  it.scoped("refuses at once what cannot meet its deadline", () =>
    Effect.gen(function* () {
      const { permits } = yield* busy(2, { deadline: 60_000 })
      // eight seconds before one that is later than those that wait, none before one that is earlier
      assert.isUndefined(permits.unsafeTryAcquire(1000, { deadline: 61_000 }))
      assert.isUndefined(permits.unsafeTryAcquire(1000, { deadline: 1001 }))
      assert.isUndefined(permits.unsafeTryAcquire(53_000, { deadline: 61_000 }))
      const refusal = refusalOf(permits.unsafeTryAcquire(53_001, { deadline: 61_000 }))
      assert.strictEqual(refusal.reason, "deadline")
      assert.deepStrictEqual(refusal.retryAfter, Duration.seconds(8))
      assert.include(refusal.remedy, "in about 8 s")
      // its order counts
      assert.isUndefined(permits.unsafeTryAcquire(53_001, { deadline: 61_000, priority: "interactive" }))
      assert.strictEqual(
        refusalOf(permits.unsafeTryAcquire(53_001, { deadline: 61_000, priority: "batch" })).reason,
        "deadline"
      )
    })
  )

  it.scoped("refuses nothing while nothing is known, and nothing that has a permit at once", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(limited(1, { admission }))
      const held = permitOf(permits.unsafeTryAcquire(100, { deadline: 50 }))
      const { wait } = queue(permits, [])
      yield* wait("a")
      assert.isUndefined(permits.unsafeTryAcquire(100, { deadline: 101 }))
      held.release(100, service)
    })
  )

  it.scoped("a call without a deadline is refused when the wait was too long for a whole interval", () =>
    Effect.gen(function* () {
      const { permits } = yield* busy(3)
      assert.isUndefined(permits.unsafeTryAcquire(9_999))
      const refusal = refusalOf(permits.unsafeTryAcquire(10_000))
      assert.strictEqual(refusal.reason, "target")
      assert.deepStrictEqual(refusal.retryAfter, Duration.seconds(12))
      assert.include(refusal.remedy, "concurrency.admission.target")
      // those who have fewer before them wait on
      assert.isUndefined(permits.unsafeTryAcquire(10_000, { priority: "interactive" }))
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(10_000, { priority: "batch" })).reason, "target")
    })
  )

  it.scoped("a burst that drains in between is no reason", () =>
    Effect.gen(function* () {
      const { first, permits, wait } = yield* busy(3)
      first?.release(9_000)
      yield* TestClock.adjust(9_000)
      yield* wait("again")
      assert.isUndefined(permits.unsafeTryAcquire(18_999))
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(19_000)).reason, "target")
    })
  )

  it.scoped("nor one that grows anew after a turn", () =>
    Effect.gen(function* () {
      const { first, permits, wait } = yield* busy(3)
      yield* TestClock.adjust(9_000)
      first?.release(9_000)
      yield* wait("soon", { deadline: 60_000 })
      assert.isUndefined(permits.unsafeTryAcquire(18_999))
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(19_000)).reason, "target")
    })
  )

  it.scoped("nor one of which somebody leaves", () =>
    Effect.gen(function* () {
      const { permits, wait } = yield* busy(2)
      const leaving = yield* wait("leaves")
      yield* TestClock.adjust(9_000)
      yield* Fiber.interrupt(leaving)
      yield* wait("comes")
      assert.isUndefined(permits.unsafeTryAcquire(18_999))
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(19_000)).reason, "target")
    })
  )

  it.scoped("begins anew when it was off in between", () =>
    Effect.gen(function* () {
      const { permits } = yield* busy(3)
      permits.unsafeRetune(limited(1))
      yield* TestClock.adjust(15_000)
      permits.unsafeRetune(limited(1, { admission }))
      assert.isUndefined(permits.unsafeTryAcquire(24_999))
      assert.strictEqual(refusalOf(permits.unsafeTryAcquire(25_000)).reason, "target")
    })
  )

  it.scoped("counts what the server works on at once, not what waits there", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make({ limit: "learned", queue: "unbounded", admission })
      permits.unsafeSample(0, { inFlight: 2, queueSeconds: 0, serviceSeconds: 4 })
      permits.unsafeSample(0, { inFlight: 3, queueSeconds: 4, serviceSeconds: 4 })
      assert.strictEqual(fill(permits).length, 3)
      const { wait } = queue(permits, [])
      for (const name of ["a", "b", "c"]) yield* wait(name, { deadline: 1e6 })
      const refusal = refusalOf(permits.unsafeTryAcquire(1e6, { deadline: 1e6 + 5999 }))
      // three before it, two at a time, four seconds each
      assert.deepStrictEqual(refusal.retryAfter, Duration.seconds(6))
    })
  )
})
