/** Calls that are held in the client until a host has room. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { type CallRecord, Fleet, OllamaClient, Policy } from "effect-ollama"
import type { OllamaSimulator } from "effect-ollama/testing"
import { model, request, settled, simulator, url, world } from "./scene.js"

/** Five seconds for each answer, one at a time. */
const slowly: OllamaSimulator.Options = {
  models: [{ name: model, loaded: true, tokenTime: "1 second" }],
  reply: ["one", " two", " three", " four", " five"]
}

/** Without admission, which is tested with the placements. */
const patient = { by: "expectedCompletion", admission: "off" } as const

const calm = { slow: "off" } as const

/** So many calls at once, with their records in the order in which they end. */
const burst = (count: number, optionsOf: (n: number) => OllamaClient.CallOptions = () => ({})) =>
  Effect.gen(function* () {
    const ended: Array<readonly [n: number, record: CallRecord.CallRecord]> = []
    const fibers = yield* Effect.forEach(Array.from({ length: count }), (_, n) =>
      Effect.fork(
        Effect.either(
          OllamaClient.chat(request, {
            policy: calm,
            ...optionsOf(n),
            onRecord: (record) => Effect.sync(() => void ended.push([n, record]))
          })
        )
      )
    )
    return { fibers, ended }
  })

/** Milliseconds that this call waited in the client. */
const waitOf = (ended: ReadonlyArray<readonly [n: number, record: CallRecord.CallRecord]>, of: number): number => {
  const [, record] = ended.find(([n]) => n === of) ?? []
  return record === undefined
    ? assert.fail(`call ${of} has no record`)
    : Duration.toMillis(record.phases.waiting.actual)
}

const heldOf = Effect.map(
  Effect.flatMap(Fleet.Fleet, (fleet) => fleet.state),
  ({ held }) => held
)

const inFlightAt = (host: string) => Effect.flatMap(simulator(host), (control) => control.inFlight)

describe("more calls than the hosts work on", () => {
  it.effect("are held, one more than it works on being at each host, and all are answered", () =>
    Effect.gen(function* () {
      yield* settled
      const { ended, fibers } = yield* burst(10)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* inFlightAt("a"), 2)
      assert.strictEqual(yield* inFlightAt("b"), 2)
      assert.strictEqual(yield* heldOf, 6)
      yield* TestClock.adjust("2 minutes")
      for (const fiber of fibers) assert.isTrue(Either.isRight(yield* Fiber.join(fiber)))
      assert.strictEqual(yield* heldOf, 0)
      assert.strictEqual(ended.length, 10)
      // as they came
      const waits = [4, 5, 6, 7, 8, 9].map((n) => waitOf(ended, n))
      assert.deepStrictEqual(
        waits,
        waits.toSorted((a, b) => a - b)
      )
      assert.isAbove(waits.at(-1) ?? 0, 10_000)
      assert.isTrue(ended.at(-1)?.[1].decisions.some(({ what }) => what === "queued"))
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, { placement: patient })))
  )

  it.effect("have their turn by priority", () =>
    Effect.gen(function* () {
      yield* settled
      const { ended } = yield* burst(10, (n) => ({ priority: n === 9 ? "interactive" : n === 8 ? "batch" : "normal" }))
      yield* TestClock.adjust("2 minutes")
      const normal = [4, 5, 6, 7].map((n) => waitOf(ended, n))
      assert.isBelow(waitOf(ended, 9), Math.max(...normal))
      assert.isAtLeast(waitOf(ended, 8), Math.max(...normal))
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, { placement: patient })))
  )

  it.effect("leave the queue when their caller leaves, or their time is over", () =>
    Effect.gen(function* () {
      yield* settled
      const { ended, fibers } = yield* burst(8, (n) =>
        n === 6 ? { policy: { ...calm, timeouts: { total: "3 seconds" } } } : {}
      )
      yield* TestClock.adjust("1 second")
      const leaver = fibers[5]
      if (leaver !== undefined) yield* Fiber.interrupt(leaver)
      assert.strictEqual(yield* heldOf, 3)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* heldOf, 2)
      const [, late] = ended.find(([n]) => n === 6) ?? []
      assert.deepStrictEqual([late?.outcome, late?.failure?.phase, late?.endedIn], ["Timeout", "total", "queue"])
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(ended.length, 8)
      assert.strictEqual(ended.filter(([, { outcome }]) => outcome === "success").length, 6)
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, { placement: patient })))
  )

  it.effect("are refused beyond the length of the queue, the least urgent first", () =>
    Effect.gen(function* () {
      yield* settled
      const { ended, fibers } = yield* burst(8, (n) => ({ priority: n === 7 ? "interactive" : "normal" }))
      yield* TestClock.adjust("1 second")
      const refused = ended.filter(([, { outcome }]) => outcome === "Overloaded").map(([n]) => n)
      assert.deepStrictEqual(refused, [6, 5])
      yield* TestClock.adjust("2 minutes")
      const results = yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual(results.filter(Either.isRight).length, 6)
    }).pipe(
      Effect.provide(
        world(
          { a: slowly, b: slowly },
          { placement: patient, policy: Policy.merge(Fleet.policy, { concurrency: { queue: 2 } }) }
        )
      )
    )
  )

  it.effect("are not held where the program wants no limit", () =>
    Effect.gen(function* () {
      yield* settled
      yield* burst(10)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* heldOf, 0)
      assert.strictEqual((yield* inFlightAt("a")) + (yield* inFlightAt("b")), 10)
    }).pipe(
      Effect.provide(
        world(
          { a: slowly, b: slowly },
          { placement: patient, policy: Policy.merge(Fleet.policy, { concurrency: "off" }) }
        )
      )
    )
  )

  it.effect("go to a host that is added", () =>
    Effect.gen(function* () {
      yield* settled
      const { ended } = yield* burst(6)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* heldOf, 2)
      yield* Effect.flatMap(Fleet.Fleet, (fleet) => fleet.add("c"))
      yield* settled
      assert.strictEqual(yield* heldOf, 0)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(ended.length, 6)
      assert.isTrue(ended.some(([, { servedBy }]) => servedBy?.host === url("c")))
    }).pipe(Effect.provide(world({ a: slowly, b: slowly, c: slowly }, { placement: patient, hosts: ["a", "b"] })))
  )

  it.effect("are refused for their deadline, where admission says so", () =>
    Effect.gen(function* () {
      yield* settled
      // the length of an answer is known from here on
      yield* burst(2)
      yield* TestClock.adjust("1 minute")
      const { ended } = yield* burst(9, () => ({ policy: { ...calm, timeouts: { total: "8 seconds" } } }))
      yield* TestClock.adjust("1 second")
      const refused = ended.filter(([, { outcome }]) => outcome === "Overloaded")
      assert.isAbove(refused.length, 0)
      for (const [, record] of refused) {
        assert.deepStrictEqual(
          record.decisions.map(({ what, why }) => `${what}: ${why}`),
          ["refused: deadline"]
        )
      }
    }).pipe(Effect.provide(world({ a: slowly, b: slowly })))
  )
})

describe("models", () => {
  const two: OllamaSimulator.Options = {
    models: [
      { name: "first", size: 6e9, loadRate: 1e9, tokenTime: "100 millis" },
      { name: "second", size: 6e9, loadRate: 1e9, tokenTime: "100 millis" }
    ],
    memory: 8e9,
    reply: ["one", " two"]
  }
  const ask = (name: string) => OllamaClient.chat({ ...request, model: name }, { policy: calm })

  it.effect("that do not fit on one host together have one each, and stay there", () =>
    Effect.gen(function* () {
      yield* settled
      for (let n = 0; n < 6; n++) {
        yield* Effect.fork(ask("first"))
        yield* Effect.fork(ask("second"))
        yield* TestClock.adjust("10 seconds")
      }
      const loads = yield* Effect.forEach(["a", "b"], (host) => Effect.flatMap(simulator(host), (one) => one.loads))
      assert.deepStrictEqual(loads, [
        { begun: 1, finished: 1, aborted: 0 },
        { begun: 1, finished: 1, aborted: 0 }
      ])
    }).pipe(Effect.provide(world({ a: two, b: two })))
  )

  it.effect("are loaded once for all who wait", () =>
    Effect.gen(function* () {
      yield* settled
      const short = { ...request, model: "first", options: { num_predict: 10 } }
      const first = yield* Effect.fork(OllamaClient.chat(short, { policy: calm }))
      const second = yield* Effect.fork(OllamaClient.chat(short, { policy: calm }))
      yield* TestClock.adjust("3 seconds")
      const third = yield* Effect.fork(OllamaClient.chat(short, { policy: calm }))
      yield* TestClock.adjust("6 seconds")
      for (const fiber of [first, second, third]) yield* Fiber.join(fiber)
      const loads = yield* Effect.forEach(["a", "b"], (host) => Effect.flatMap(simulator(host), (one) => one.loads))
      assert.strictEqual(
        loads.reduce((sum, { begun }) => sum + begun, 0),
        1
      )
    }).pipe(Effect.provide(world({ a: two, b: two })))
  )

  it.effect("that are asked for have a second copy in the background, where memory is free", () =>
    Effect.gen(function* () {
      yield* settled
      for (let n = 0; n < 20; n++) {
        yield* Effect.fork(ask("first"))
        yield* TestClock.adjust("2 seconds")
      }
      yield* TestClock.adjust("20 seconds")
      const loaded = yield* Effect.forEach(["a", "b"], (host) => Effect.flatMap(simulator(host), (one) => one.loaded))
      assert.deepStrictEqual(loaded, [["first:latest"], ["first:latest"]])
      const chats = yield* Effect.forEach(["a", "b"], (host) => Effect.flatMap(simulator(host), (one) => one.loads))
      assert.isTrue(chats.every(({ aborted }) => aborted === 0))
    }).pipe(
      Effect.provide(
        world({
          a: { ...two, memory: 24e9, models: [{ name: "first", size: 6e9, loadRate: 1e9, tokenTime: "2 seconds" }] },
          b: { ...two, memory: 24e9, models: [{ name: "first", size: 6e9, loadRate: 1e9, tokenTime: "2 seconds" }] }
        })
      )
    )
  )
})
