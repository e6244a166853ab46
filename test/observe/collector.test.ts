/** What the events of a client become as metrics. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import * as Collector from "../../src/observe/metrics/collector.js"
import type { ModelState } from "../../src/record/CallEvent.js"
import { call, ended, failed, host, started, state } from "./events.js"
import { series, values } from "./series.js"

const collector = (test: string) => Collector.make([MetricLabel.make("test", test)])

const onServer = { "server.address": "gpu.example", "server.port": "11434" }
const chat = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "ollama",
  "gen_ai.request.model": "llama3.2",
  ...onServer
}

const model = (change: Partial<ModelState>): ModelState => ({
  model: "llama3.2",
  breaker: undefined,
  inFlight: undefined,
  queued: undefined,
  limit: undefined,
  isLoading: false,
  ...change
})

describe("a call that ends", () => {
  it.effect("is counted with its duration, its phases, its tokens and its bytes", () =>
    Effect.gen(function* () {
      const test = "success"
      collector(test).onEvent(ended(call(1)))
      const only = (name: string) =>
        Effect.map(series(test, name), (found) => {
          assert.strictEqual(found.length, 1, name)
          return found[0]
        })
      assert.deepStrictEqual(yield* only("gen_ai.client.operation.duration"), {
        tags: chat,
        value: { count: 1, sum: 10 }
      })
      assert.deepStrictEqual(yield* only("gen_ai.client.operation.time_to_first_chunk"), {
        tags: chat,
        value: { count: 1, sum: 5 }
      })
      assert.deepStrictEqual(yield* only("gen_ai.server.time_per_output_token"), {
        tags: chat,
        value: { count: 1, sum: 0.1 }
      })
      assert.deepStrictEqual(yield* only("ollama.client.calls"), {
        tags: { ...chat, "ollama.outcome": "success" },
        value: 1
      })
      assert.deepStrictEqual(yield* values(test, "gen_ai.client.token.usage", "gen_ai.token.type"), {
        input: { count: 1, sum: 20 },
        output: { count: 1, sum: 50 }
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.io", "network.io.direction"), {
        transmit: 100,
        receive: 2000
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.phase.duration", "ollama.phase"), {
        waiting: { count: 1, sum: 0 },
        lost: { count: 1, sum: 0 },
        loading: { count: 1, sum: 4 },
        prompt: { count: 1, sum: 1 },
        generating: { count: 1, sum: 5 },
        other: { count: 1, sum: 0 }
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.verdicts", "ollama.verdict"), { AsExpected: 1 })
      assert.deepStrictEqual(yield* series(test, "ollama.client.retries"), [])
    })
  )

  it.effect("in failure has error.type; one that was left has none", () =>
    Effect.gen(function* () {
      const test = "failure"
      const { onEvent } = collector(test)
      onEvent(ended(call(1), failed("Timeout")))
      onEvent(ended(call(2), failed("left")))
      onEvent(ended(call(3)))
      assert.deepStrictEqual(yield* values(test, "gen_ai.client.operation.duration", "error.type"), {
        Timeout: { count: 1, sum: 2 },
        "": { count: 2, sum: 12 }
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.calls", "ollama.outcome"), {
        Timeout: 1,
        left: 1,
        success: 1
      })
    })
  )

  it.effect("is counted for the server that answered, and each attempt before it as a retry", () =>
    Effect.gen(function* () {
      const test = "retries"
      const attempt = { phase: "connect", elapsed: Duration.seconds(1) } as const
      collector(test).onEvent(
        ended(call(1), {
          servedBy: { host: "https://other.example", model: "llama3.2" },
          attempts: [
            { ...attempt, tag: "Unreachable" },
            { ...attempt, tag: "Unreachable" },
            { ...attempt, tag: "Overloaded" }
          ]
        })
      )
      assert.deepStrictEqual(yield* values(test, "ollama.client.calls", "server.address", "server.port"), {
        "other.example 443": 1
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.retries", "error.type"), {
        Unreachable: 2,
        Overloaded: 1
      })
    })
  )

  it.effect("is no matter of the conventions when it generates nothing", () =>
    Effect.gen(function* () {
      const test = "other"
      const { onEvent } = collector(test)
      onEvent(ended(call(1, { operation: "list", endpoint: "/api/tags", model: undefined }), { tokens: {} }))
      onEvent(ended(call(2, { operation: "generate", endpoint: "/api/generate" })))
      onEvent(ended(call(3, { operation: "embed", endpoint: "/api/embed" }), { tokens: { prompt: 8 } }))
      const operation = "gen_ai.operation.name"
      assert.deepStrictEqual(yield* values(test, "gen_ai.client.operation.duration", operation), {
        text_completion: { count: 1, sum: 10 },
        embeddings: { count: 1, sum: 10 }
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.operation.duration", operation), {
        list: { count: 1, sum: 10 }
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.calls", operation), {
        list: 1,
        text_completion: 1,
        embeddings: 1
      })
    })
  )
})

describe("gauges", () => {
  it.effect("show the calls that run, also where one began before anybody listened", () =>
    Effect.gen(function* () {
      const test = "active"
      const { close, onEvent } = collector(test)
      const active = values(test, "ollama.client.active_calls", "gen_ai.operation.name")
      onEvent(ended(call(1)))
      onEvent(started(call(2)))
      onEvent(started(call(3)))
      onEvent(started(call(4, { operation: "list", model: undefined })))
      assert.deepStrictEqual(yield* active, { chat: 2, list: 1 })
      onEvent(ended(call(2)))
      assert.deepStrictEqual(yield* active, { chat: 1, list: 1 })
      close()
      assert.deepStrictEqual(yield* active, { chat: 0, list: 0 })
    })
  )

  it.effect("show the queue, the permits and the budget of all clients together", () =>
    Effect.gen(function* () {
      const test = "state"
      const [one, two] = [collector(test), collector(test)]
      const shown = state({
        hosts: [{ host, breaker: "closed", models: [model({ inFlight: 2, queued: 5, limit: 2 })] }]
      })
      one.onState({ ...shown, budget: 60 })
      two.onState({ ...shown, budget: 40 })
      const byModel = (name: string) => values(test, name, "gen_ai.request.model")
      assert.deepStrictEqual(yield* byModel("ollama.client.queued_calls"), { "llama3.2": 10 })
      assert.deepStrictEqual(yield* byModel("ollama.client.permits"), { "llama3.2": 4 })
      assert.deepStrictEqual(yield* byModel("ollama.client.concurrency_limit"), { "llama3.2": 4 })
      assert.deepStrictEqual(yield* values(test, "ollama.client.retry_budget"), { "": 100 })
      one.onState({ ...shown, hosts: [{ host, breaker: "closed", models: [model({ queued: 1 })] }], budget: 60 })
      assert.deepStrictEqual(yield* byModel("ollama.client.queued_calls"), { "llama3.2": 6 })
      assert.deepStrictEqual(yield* byModel("ollama.client.permits"), { "llama3.2": 2 })
      two.close()
      assert.deepStrictEqual(yield* byModel("ollama.client.queued_calls"), { "llama3.2": 1 })
      assert.deepStrictEqual(yield* values(test, "ollama.client.retry_budget"), { "": 60 })
    })
  )

  it.effect("show the state of each breaker, from its changes and from the client", () =>
    Effect.gen(function* () {
      const test = "breakers"
      const { onEvent, onState } = collector(test)
      const shown = values(test, "ollama.client.breakers", "gen_ai.request.model", "ollama.breaker.state")
      onState(state({ hosts: [{ host, breaker: "closed", models: [model({ breaker: "closed" })] }] }))
      assert.deepStrictEqual(yield* shown, { " closed": 1, "llama3.2 closed": 1 })
      onEvent({ _tag: "Breaker", host, model: "llama3.2", from: "closed", to: "open" })
      assert.deepStrictEqual(yield* shown, { " closed": 1, "llama3.2 closed": 0, "llama3.2 open": 1 })
      onState(state({ hosts: [{ host, breaker: "closed", models: [model({ breaker: "halfOpen" })] }] }))
      assert.deepStrictEqual(yield* shown, {
        " closed": 1,
        "llama3.2 closed": 0,
        "llama3.2 open": 0,
        "llama3.2 halfOpen": 1
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.breaker.transitions", "ollama.breaker.state"), {
        open: 1
      })
    })
  )

  it.effect("and what was dropped is counted once", () =>
    Effect.gen(function* () {
      const test = "dropped"
      const { onState } = collector(test)
      for (const dropped of [0, 3, 3, 5]) onState(state({ dropped }))
      assert.deepStrictEqual(yield* values(test, "ollama.client.dropped"), { "": 5 })
    })
  )
})

describe("what happens on the way", () => {
  it.effect("slow calls by phase and verdict, decisions, loads", () =>
    Effect.gen(function* () {
      const test = "events"
      const { onEvent } = collector(test)
      const slow = {
        call: call(1),
        elapsed: Duration.seconds(40),
        inPhase: Duration.seconds(35),
        threshold: Duration.seconds(30),
        predicted: undefined
      }
      const loading = { _tag: "Loading", elapsed: Duration.seconds(35) } as const
      onEvent({ _tag: "Slow", slow: { ...slow, phase: "load", kind: "absolute", verdict: loading } })
      onEvent({
        _tag: "Slow",
        slow: { ...slow, phase: "gap", kind: "relative", verdict: { _tag: "SlowHost", factor: 2 } }
      })
      onEvent({ _tag: "FirstToken", call: call(1), after: Duration.seconds(41) })
      const decision = { at: Duration.zero, why: "" }
      onEvent({ _tag: "Decided", call: call(1), decision: { ...decision, what: "queued" } })
      onEvent({ _tag: "Decided", call: call(1), decision: { ...decision, what: "refused" } })
      const load = { host, model: "llama3.2", took: Duration.seconds(35) }
      onEvent({ _tag: "Load", ...load, outcome: "success" })
      onEvent({ _tag: "Load", ...load, outcome: "LoadFailed" })
      assert.deepStrictEqual(yield* values(test, "ollama.client.slow_calls", "ollama.phase", "ollama.verdict"), {
        "load Loading": 1,
        "gap SlowHost": 1
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.decisions", "ollama.decision"), {
        queued: 1,
        refused: 1
      })
      assert.deepStrictEqual(yield* values(test, "ollama.client.load.duration", "ollama.outcome", "server.address"), {
        "success gpu.example": { count: 1, sum: 35 },
        "LoadFailed gpu.example": { count: 1, sum: 35 }
      })
    })
  )
})

describe("tags", () => {
  const models = (test: string) =>
    Effect.map(values(test, "ollama.client.calls", "gen_ai.request.model"), (found) => Object.keys(found))

  it.effect("have at most 100 models and 50 hosts, and one name for all others", () =>
    Effect.gen(function* () {
      const { onEvent } = collector("models")
      for (let n = 0; n < 300; n++) onEvent(ended(call(n, { model: `model-${n}` })))
      const names = yield* models("models")
      assert.strictEqual(names.length, 101)
      assert.include(names, "_OTHER")
      const hosts = collector("hosts")
      for (let n = 0; n < 300; n++) hosts.onEvent(started(call(n, { host: `http://host-${n}:11434` })))
      const addresses = Object.keys(yield* values("hosts", "ollama.client.active_calls", "server.address"))
      assert.strictEqual(addresses.length, 51)
      assert.include(addresses, "_OTHER")
    })
  )

  it.effect("do not keep models that nobody has", () =>
    Effect.gen(function* () {
      const { onEvent } = collector("unknown")
      for (let n = 0; n < 300; n++) onEvent(ended(call(n, { model: `made-up-${n}` }), failed("ModelNotFound")))
      onEvent(ended(call(1000)))
      onEvent(ended(call(1001), failed("ModelNotFound")))
      assert.sameMembers(yield* models("unknown"), ["_OTHER", "llama3.2"])
      const outcomes = yield* values("unknown", "ollama.client.calls", "gen_ai.request.model", "ollama.outcome")
      // the model that was there once is named also when it is gone
      assert.strictEqual(outcomes["llama3.2 ModelNotFound"], 1)
      assert.strictEqual(outcomes["_OTHER ModelNotFound"], 300)
    })
  )

  it.effect("have one name for a model, however callers and the client spell it", () =>
    Effect.gen(function* () {
      const { onEvent, onState } = collector("spelling")
      for (const [n, name] of ["llama3.2", "llama3.2:latest", "LLAMA3.2"].entries()) {
        onEvent(ended(call(n, { model: name })))
      }
      onEvent(ended(call(9, { model: "llama3.2:1b" })))
      onState(
        state({ hosts: [{ host, breaker: undefined, models: [model({ model: "llama3.2:latest", queued: 2 })] }] })
      )
      assert.sameMembers(yield* models("spelling"), ["llama3.2", "llama3.2:1b"])
      assert.deepStrictEqual(yield* values("spelling", "ollama.client.queued_calls", "gen_ai.request.model"), {
        "llama3.2": 2
      })
    })
  )

  it.effect("say the address as the conventions want it", () =>
    Effect.gen(function* () {
      const { onEvent } = collector("addresses")
      for (const [n, address] of [
        "http://[::1]:11434",
        "https://ollama.com",
        "http://proxy.example/ollama"
      ].entries()) {
        onEvent(started(call(n, { host: address })))
      }
      const found = yield* values("addresses", "ollama.client.active_calls", "server.address", "server.port")
      assert.sameMembers(Object.keys(found), ["::1 11434", "ollama.com 443", "proxy.example 80"])
    })
  )
})
