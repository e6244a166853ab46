/** What is told of calls: which host they were at, in records, failures, spans, metrics and the client's state. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { type CallEvent, Fleet, HealthMonitor, OllamaClient } from "effect-ollama"
import { Fault, type OllamaSimulator } from "effect-ollama/testing"
import * as Spans from "../client/observed/spans.js"
import { inOrder, model, recorded, request, settled, simulator, url, world } from "./scene.js"

const slowly: OllamaSimulator.Options = {
  models: [{ name: model, loaded: true, tokenTime: "1 second" }],
  reply: ["one", " two", " three"]
}

const two = world({ a: slowly, b: slowly }, inOrder("a", "b"))

describe("a call that moved", () => {
  it.effect("names the host of each attempt, and who answered", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.refused({ path: "/api/chat" }))
      const events: Array<CallEvent.CallEvent> = []
      const client = yield* OllamaClient.OllamaClient
      const { record } = yield* Effect.scoped(
        Effect.zipRight(
          client.listen((event) => void events.push(event)),
          recorded({}, request, "10 seconds")
        )
      )
      assert.strictEqual(record.host, url("a"))
      assert.strictEqual(record.servedBy?.host, url("b"))
      assert.strictEqual(record.attempts[0]?.host, url("a"))
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag).filter((tag) => tag !== "Breaker"),
        ["Started", "Decided", "FirstToken", "Ended"]
      )
    }).pipe(Effect.provide(two))
  )

  it.effect("and failed everywhere, says so of each host", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b"]) {
        yield* (yield* simulator(host)).inject(Fault.error("model.notFound", { path: "/api/chat" }))
      }
      const { result } = yield* recorded({}, request, 0)
      if (Either.isRight(result)) return assert.fail("answered")
      assert.strictEqual(result.left.host, url("b"))
      assert.deepStrictEqual(
        result.left.attempts.map(({ host, tag }) => [tag, host]),
        [["ModelNotFound", url("a")]]
      )
      assert.notInclude(result.left.message, "Hi")
    }).pipe(Effect.provide(two))
  )

  it.effect("has spans that say where it was", () =>
    Effect.gen(function* () {
      const { spans, tracer } = Spans.tracer()
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.refused({ path: "/api/chat" }))
      yield* Effect.withTracer(recorded({}, request, "10 seconds"), tracer)
      const addresses = spans().map((span) => [span.name, span.attributes.get("server.address")])
      assert.deepStrictEqual(addresses, [
        [`chat ${model}`, "b"],
        ["POST /api/chat", "a"],
        ["POST /api/chat", "b"]
      ])
    }).pipe(Effect.provide(two))
  )
})

describe("while it runs", () => {
  it.effect("the state of the client knows where it is, and the monitor how the hosts are", () =>
    Effect.gen(function* () {
      yield* settled
      yield* Effect.fork(OllamaClient.chat(request))
      yield* TestClock.adjust("1 second")
      const client = yield* OllamaClient.OllamaClient
      const state = yield* client.state
      assert.deepStrictEqual(
        state.running.map(({ call }) => call.host),
        [url("a")]
      )
      assert.deepStrictEqual(
        state.hosts.map(({ host }) => host),
        [url("a"), url("b")]
      )
      yield* TestClock.adjust("1 minute")
      const monitor = yield* HealthMonitor.HealthMonitor
      const health = yield* monitor.look
      assert.deepStrictEqual(
        health.map(({ host, running, status }) => [host, running, status]),
        [
          [url("a"), 0, "healthy"],
          [url("b"), 0, "healthy"]
        ]
      )
    }).pipe(Effect.provide(Layer.provideMerge(HealthMonitor.layer(), two)))
  )

  it.effect("its host is asked for a fallback to another model, too", () =>
    Effect.gen(function* () {
      yield* settled
      yield* Effect.flatMap(Fleet.Fleet, (fleet) => fleet.state)
      const { record, result } = yield* recorded(
        { policy: { fallback: [{ model }], slow: "off" } },
        { ...request, model: "nowhere" },
        "10 seconds"
      )
      assert.isTrue(Either.isRight(result), String(result))
      assert.deepStrictEqual(record.servedBy, { host: url("a"), model })
      assert.isTrue(record.decisions.some(({ what }) => what === "fellBack"))
    }).pipe(Effect.provide(two))
  )
})
