/** Hosts that come and go while calls run: nothing is lost, and each call ends once. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Fleet, OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { expectTag, within } from "../support/clock.js"
import { asked, inOrder, model, recorded, request, settled, simulator, url, world } from "./scene.js"

const slowly: OllamaSimulator.Options = {
  models: [{ name: model, loaded: true, tokenTime: "1 second" }],
  reply: ["one", " two", " three", " four", " five"]
}

const hostsOf = Effect.map(
  Effect.flatMap(Fleet.Fleet, (fleet) => fleet.state),
  ({ hosts }) => hosts.map(({ host, status }) => [host, status] as const)
)

describe("a host that is drained", () => {
  it.effect("ends the calls that it has, and gets no others", () =>
    Effect.gen(function* () {
      yield* settled
      const fleet = yield* Fleet.Fleet
      const call = yield* Effect.fork(OllamaClient.chat(request))
      yield* TestClock.adjust("2 seconds")
      const drained = yield* Effect.fork(fleet.drain("a"))
      yield* TestClock.adjust(0)
      assert.isNull(drained.unsafePoll())
      assert.deepStrictEqual(yield* hostsOf, [
        [url("a"), "draining"],
        [url("b"), "up"]
      ])
      const { record } = yield* recorded({}, request, "10 seconds")
      assert.strictEqual(record.host, url("b"))
      assert.strictEqual((yield* Fiber.join(call)).message.content, "one two three four five")
      yield* Fiber.join(drained)
      const error = expectTag(yield* Effect.flip(OllamaClient.chat(request, { host: "a" })), "InvalidRequest")
      assert.strictEqual(error.field, "host")
      yield* fleet.add("a")
      assert.strictEqual((yield* recorded({}, request, "10 seconds")).record.host, url("a"))
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, inOrder("a", "b"))))
  )

  it.effect("and removed is forgotten when the last call has ended", () =>
    Effect.gen(function* () {
      yield* settled
      const fleet = yield* Fleet.Fleet
      const call = yield* Effect.fork(OllamaClient.chat(request))
      yield* TestClock.adjust("2 seconds")
      const removed = yield* Effect.fork(fleet.remove("http://a:11434"))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* hostsOf).length, 2)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(removed)
      assert.strictEqual((yield* Fiber.join(call)).message.content, "one two three four five")
      assert.deepStrictEqual(yield* hostsOf, [[url("b"), "up"]])
      const looks = yield* asked("a", "/api/ps")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* asked("a", "/api/ps"), looks)
      expectTag(yield* Effect.flip(fleet.remove("a")), "InvalidRequest")
      expectTag(yield* Effect.flip(fleet.drain("a")), "InvalidRequest")
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, inOrder("a", "b"))))
  )

  it.effect("and added again before it has gone, stays", () =>
    Effect.gen(function* () {
      yield* settled
      const fleet = yield* Fleet.Fleet
      yield* Effect.fork(OllamaClient.chat(request))
      yield* TestClock.adjust("2 seconds")
      yield* Effect.fork(fleet.remove("a"))
      yield* TestClock.adjust(0)
      yield* fleet.add("a")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* hostsOf, [
        [url("a"), "up"],
        [url("b"), "up"]
      ])
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, inOrder("a", "b"))))
  )

  it.effect("as the last one leaves calls without a host, which say so", () =>
    Effect.gen(function* () {
      yield* settled
      const fleet = yield* Fleet.Fleet
      yield* fleet.drain("a")
      const { result } = yield* recorded({}, request, 0)
      if (Either.isRight(result)) return assert.fail("answered")
      assert.strictEqual(expectTag(result.left, "Unreachable").reason, "offline")
      yield* fleet.remove("a")
      const { record } = yield* recorded({}, request, 0)
      assert.strictEqual(record.outcome, "Unreachable")
      assert.strictEqual(record.host, "fleet")
      yield* fleet.add("b")
      yield* settled
      assert.strictEqual((yield* recorded({}, request, "10 seconds")).record.host, url("b"))
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, { hosts: ["a"] })))
  )
})

describe("a host that is added", () => {
  it.effect("is asked with its own credentials, and with others once they are renewed", () =>
    Effect.gen(function* () {
      yield* settled
      const fleet = yield* Fleet.Fleet
      yield* fleet.add({ host: "b", apiKey: Redacted.make("first-key"), priority: -1 })
      yield* settled
      yield* recorded({}, request, "10 seconds")
      yield* fleet.add({ host: "b", apiKey: Redacted.make("second-key"), priority: -1 })
      yield* recorded({}, request, "10 seconds")
      const requests = yield* Effect.flatMap(simulator("b"), (control) => control.requests)
      assert.deepStrictEqual(
        requests.filter(({ path }) => path === "/api/chat").map(({ headers }) => headers.authorization),
        ["Bearer first-key", "Bearer second-key"]
      )
      const others = yield* Effect.flatMap(simulator("a"), (control) => control.requests)
      assert.isTrue(others.every(({ headers }) => headers.authorization === undefined))
      expectTag(yield* Effect.flip(fleet.add("http://a b")), "InvalidRequest")
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, { ...inOrder("a"), hosts: ["a"] })))
  )

  it.effect("has what is different there of the policy", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("b")).inject(Fault.stallAfterHeaders({ path: "/api/chat" }))
      const { record } = yield* recorded({ policy: { slow: "off", retry: { attempts: 1 } } }, request, "10 seconds")
      assert.strictEqual(record.outcome, "Timeout")
      assert.strictEqual(record.failure?.phase, "firstToken")
    }).pipe(
      Effect.provide(
        world(
          { a: slowly, b: slowly },
          {
            placement: { by: "priority" },
            hosts: [
              { host: "a", priority: 1 },
              { host: "b", policy: { timeouts: { firstToken: "3 seconds" } } }
            ]
          }
        )
      )
    )
  )
})

describe("a source of hosts", () => {
  it.effect("says who belongs to the fleet; what cannot be is not followed", () =>
    Effect.gen(function* () {
      const lists = yield* Queue.unbounded<ReadonlyArray<string | Fleet.Host>>()
      yield* lists.offer(["a"])
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* hostsOf, [[url("a"), "up"]])
        yield* settled
        const call = yield* Effect.fork(OllamaClient.chat(request))
        yield* TestClock.adjust("2 seconds")
        yield* lists.offer([{ host: "b", weight: 2 }, "c"])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* hostsOf, [
          [url("a"), "draining"],
          [url("b"), "up"],
          [url("c"), "up"]
        ])
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(call)).message.content, "one two three four five")
        yield* lists.offer([])
        yield* lists.offer(["b", "b"])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* hostsOf, [
          [url("b"), "up"],
          [url("c"), "up"]
        ])
        yield* lists.offer(["b"])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* hostsOf, [[url("b"), "up"]])
      }).pipe(Effect.provide(Fleet.layer({ source: Stream.fromQueue(lists, { maxChunkSize: 1 }) })))
    }).pipe(Effect.provide(OllamaSimulator.layerMany({ a: slowly, b: slowly, c: slowly })))
  )
})

describe("the state", () => {
  it.effect("says what is known of each host, and each change", () =>
    Effect.gen(function* () {
      const fleet = yield* Fleet.Fleet
      const seen = yield* Effect.fork(
        Stream.runCollect(Stream.takeUntil(fleet.changes, ({ hosts }) => hosts.some(({ status }) => status === "down")))
      )
      yield* settled
      yield* within(OllamaClient.chat(request), "10 seconds")
      yield* TestClock.adjust("5 seconds")
      const { held, hosts } = yield* fleet.state
      const [a] = hosts
      assert.strictEqual(held, 0)
      assert.deepInclude(a, { host: url("a"), status: "up", breaker: "closed", inFlight: 0, weight: 1, priority: 0 })
      const [known] = a?.models ?? []
      assert.strictEqual(known?.residency, "resident")
      assert.strictEqual(known?.model, `${model}:latest`)
      assert.approximately(known?.generationRate ?? 0, 1, 0.3)
      assert.isAbove(known?.gigabytes ?? 0, 0)
      yield* (yield* simulator("a")).shutdown
      yield* TestClock.adjust("30 seconds")
      const states = Chunk.toReadonlyArray(yield* Fiber.join(seen))
      assert.isTrue(states.some((state) => state.hosts[0]?.inFlight === 1))
      assert.isDefined(states.at(-1)?.hosts[0]?.downSince)
    }).pipe(Effect.provide(world({ a: slowly, b: slowly }, inOrder("a", "b"))))
  )
})
