/** The metrics of a client at work, against the simulator in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Metrics, OllamaClient, Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { within } from "../support/clock.js"
import type { Distribution } from "./series.js"
import { series, values } from "./series.js"

const request = { model: "llama3.2", messages: [{ role: "user", content: "Why is the sky blue?" }] } as const

const stage: OllamaSimulator.Options = {
  models: ["llama3.2"],
  loadTime: "4 seconds",
  reply: "Because of the air between here and there.",
  tokenTime: "100 millis"
}

/** A client with its metrics, all of whose values have the tag `test`. */
const observed =
  (test: string, options: { readonly stage?: OllamaSimulator.Options; readonly policy?: Policy.Policy } = {}) =>
  <A, E>(effect: Effect.Effect<A, E, OllamaClient.OllamaClient | OllamaSimulator.OllamaSimulator>) => {
    const ollama = OllamaClient.layer({ policy: options.policy }).pipe(
      Layer.provideMerge(OllamaSimulator.layer({ ...stage, ...options.stage }))
    )
    return effect.pipe(Effect.provide(Metrics.layer.pipe(Layer.provideMerge(ollama))), Effect.tagMetrics("test", test))
  }

const sums = (found: Readonly<Record<string, number | Distribution>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(found).map(([key, value]) => [key, typeof value === "number" ? value : value.sum]))

describe("Metrics.layer", () => {
  it.effect("counts what calls of all kinds took, and what for", () =>
    Effect.gen(function* () {
      const test = "kinds"
      yield* within(
        Effect.gen(function* () {
          yield* OllamaClient.chat(request)
          yield* Stream.runDrain(OllamaClient.chatStream(request))
          yield* OllamaClient.list()
          yield* Effect.flip(OllamaClient.chat({ ...request, model: "nobody-has-it" }))
        })
      ).pipe(observed(test))
      const outcomes = yield* values(
        test,
        "ollama.client.calls",
        "gen_ai.operation.name",
        "gen_ai.request.model",
        "ollama.outcome"
      )
      assert.deepInclude(outcomes, { "chat llama3.2 success": 2, "list  success": 1, "chat _OTHER ModelNotFound": 1 })
      const first = yield* values(test, "gen_ai.client.operation.time_to_first_chunk")
      assert.strictEqual(typeof first[""] === "object" ? first[""].count : 0, 2)
      const phases = sums(yield* values(test, "ollama.client.phase.duration", "gen_ai.request.model", "ollama.phase"))
      assert.approximately(phases["llama3.2 loading"] ?? 0, 4, 0.5)
      const elapsed = sums(
        yield* values(test, "gen_ai.client.operation.duration", "gen_ai.request.model", "error.type")
      )
      const ofModel = Object.entries(phases).filter(([key]) => key.startsWith("llama3.2"))
      // nothing is counted twice, and nothing is lost
      assert.approximately(
        ofModel.reduce((total, [, value]) => total + value, 0),
        elapsed["llama3.2 "] ?? 0,
        0.01
      )
      const tokens = sums(yield* values(test, "gen_ai.client.token.usage", "gen_ai.token.type"))
      assert.isAbove(tokens["input"] ?? 0, 0)
      assert.isAbove(tokens["output"] ?? 0, 0)
      const loads = yield* values(test, "ollama.client.load.duration", "ollama.outcome")
      assert.strictEqual(typeof loads["success"] === "object" ? loads["success"].count : 0, 1)
      const bytes = yield* values(test, "ollama.client.io", "gen_ai.operation.name", "network.io.direction")
      assert.isAbove(Number(bytes["chat transmit"]), 0)
      assert.isAbove(Number(bytes["chat receive"]), Number(bytes["chat transmit"]))
    })
  )

  it.effect("counts retries by what they overcame, and what was decided", () =>
    Effect.gen(function* () {
      const test = "retried"
      yield* within(
        Effect.gen(function* () {
          const simulator = yield* OllamaSimulator.OllamaSimulator
          yield* simulator.inject(Fault.serverBusy({ times: 2 }))
          yield* OllamaClient.chat(request)
        })
      ).pipe(observed(test, { policy: Policy.make({ breaker: "off" }) }))
      assert.deepStrictEqual(yield* values(test, "ollama.client.retries", "error.type"), { Overloaded: 2 })
      assert.strictEqual((yield* values(test, "ollama.client.decisions", "ollama.decision"))["retried"], 2)
      assert.deepStrictEqual(yield* values(test, "ollama.client.calls", "ollama.outcome"), { success: 1 })
    })
  )

  it.effect("shows what runs while it runs, and nothing afterwards", () =>
    Effect.gen(function* () {
      const test = "running"
      yield* Effect.gen(function* () {
        const fibers = yield* Effect.replicateEffect(Effect.fork(OllamaClient.chat(request)), 3)
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* values(test, "ollama.client.active_calls", "gen_ai.operation.name"), { chat: 3 })
        yield* Effect.forEach(fibers.slice(0, 2), Fiber.interrupt)
        assert.deepStrictEqual(yield* values(test, "ollama.client.active_calls", "gen_ai.operation.name"), { chat: 1 })
        assert.deepStrictEqual(yield* values(test, "ollama.client.calls", "ollama.outcome"), { left: 2 })
      }).pipe(observed(test))
      assert.deepStrictEqual(yield* values(test, "ollama.client.active_calls", "gen_ai.operation.name"), { chat: 0 })
    })
  )

  it.effect("shows the state of breakers, and that calls are refused", () =>
    Effect.gen(function* () {
      const test = "breaker"
      yield* Effect.gen(function* () {
        const simulator = yield* OllamaSimulator.OllamaSimulator
        yield* simulator.inject(Fault.refused())
        for (let n = 0; n < 5; n++) yield* Effect.flip(OllamaClient.chat(request))
        const refused = yield* Effect.flip(OllamaClient.chat(request))
        assert.strictEqual(refused._tag, "CircuitOpen")
        const open = yield* values(test, "ollama.client.breakers", "gen_ai.request.model", "ollama.breaker.state")
        assert.strictEqual(open[" open"], 1)
        assert.strictEqual((yield* values(test, "ollama.client.decisions", "ollama.decision"))["refused"], 1)
      }).pipe(observed(test, { policy: Policy.make({ retry: { attempts: 1 } }) }))
      const after = yield* values(test, "ollama.client.breakers", "ollama.breaker.state")
      for (const value of Object.values(after)) assert.strictEqual(value, 0)
    })
  )

  it.effect("reads the queue at most once a second, and before a scrape", () =>
    Effect.gen(function* () {
      const test = "queue"
      yield* Effect.gen(function* () {
        const another = Effect.zipRight(Effect.fork(OllamaClient.chat(request)), TestClock.adjust(0))
        yield* Effect.replicateEffect(another, 5)
        yield* TestClock.adjust("1500 millis")
        const queued = values(test, "ollama.client.queued_calls", "gen_ai.request.model")
        assert.deepStrictEqual(yield* queued, { "llama3.2": 3 })
        yield* another
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* queued, { "llama3.2": 4 })
        // within the same second it is not read again, unless somebody looks
        yield* another
        assert.deepStrictEqual(yield* queued, { "llama3.2": 4 })
        const text = yield* Metrics.prometheus
        assert.deepStrictEqual(yield* queued, { "llama3.2": 5 })
        assert.match(text, /^ollama_client_queued_calls\{.*test="queue".*\} 5$/m)
        assert.deepStrictEqual(yield* values(test, "ollama.client.permits", "gen_ai.request.model"), { "llama3.2": 2 })
        assert.deepStrictEqual(yield* values(test, "ollama.client.concurrency_limit", "gen_ai.request.model"), {
          "llama3.2": 2
        })
      }).pipe(observed(test, { policy: Policy.make({ concurrency: { limit: 2 } }) }))
    })
  )

  it.effect("has nothing of what was said in it", () =>
    Effect.gen(function* () {
      const test = "secret"
      const said = "the launch code is 0000"
      yield* within(OllamaClient.chat({ ...request, messages: [{ role: "user", content: said }] })).pipe(
        observed(test, { stage: { reply: "I keep the launch code" } })
      )
      assert.isNotEmpty(yield* series(test, "ollama.client.calls"))
      assert.notInclude(yield* Metrics.prometheus, "launch code")
    })
  )
})

describe("Metrics.all", () => {
  it("describes each metric once, with its unit and in words", () => {
    assert.strictEqual(new Set(Metrics.all.map(({ name }) => name)).size, Metrics.all.length)
    assert.strictEqual(new Set(Metrics.all.map(({ prometheus }) => prometheus)).size, Metrics.all.length)
    for (const { description, name, type, unit } of Metrics.all) {
      assert.match(name, /^(gen_ai|ollama\.client)\.[a-z_.]+$/)
      assert.match(description, /^[A-Z].*\.$/s, name)
      if (unit === "s") assert.include(description, "seconds", name)
      if (type === "histogram") assert.include(["s", "{token}"], unit, name)
    }
  })

  it("has the names that programs have the metrics by", () => {
    const exported = Object.values(Metrics).filter((value) => typeof value === "function" && "keyType" in value)
    assert.strictEqual(exported.length, Metrics.all.length)
  })
})
