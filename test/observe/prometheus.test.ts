/** A real Prometheus scrapes what examples/19-prometheus.ts serves, and has the values of the calls that were made. */
import { HttpServer } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Metrics, OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Fault } from "effect-ollama/testing"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { execFileSync } from "node:child_process"
import { metricsServer } from "../../examples/_metricsServer.js"
import * as Prometheus from "./prometheusServer.js"

const simulator = OllamaSimulatorServer.layer({
  models: ["llama3.2"],
  loadTime: "20 millis",
  promptTime: "10 millis",
  tokenTime: "5 millis",
  reply: ["One", " two", " three", "."]
})

const ollama = Layer.unwrapEffect(
  Effect.map(OllamaSimulatorServer.OllamaSimulatorServer, ({ url }) => OllamaNode.layer({ host: url }))
)

const observed = Layer.mergeAll(Metrics.layer, metricsServer(0)).pipe(
  Layer.provideMerge(ollama),
  Layer.provideMerge(simulator)
)

/** Other tests of this process leave metrics of their own; ours have this tag. */
const test = "prometheus"

const request = { model: "llama3.2", messages: [{ role: "user", content: "Count" }] } as const

const calls = Effect.gen(function* () {
  const { inject } = yield* OllamaSimulatorServer.OllamaSimulatorServer
  yield* OllamaClient.chat(request).pipe(Effect.repeatN(2))
  yield* inject(Fault.serverBusy({ path: "/api/chat", times: 1 }))
  yield* OllamaClient.chat(request)
  yield* Effect.flip(OllamaClient.show({ model: "a-model-that-nobody-has" }))
})

/** What each query gives once everything has been scraped. */
const expected = {
  up: 1,
  [`sum(ollama_client_calls_total{test="${test}", ollama_outcome="success"})`]: 4,
  [`sum(ollama_client_calls_total{test="${test}", ollama_outcome="ModelNotFound"})`]: 1,
  [`sum(gen_ai_client_operation_duration_seconds_count{test="${test}"})`]: 4,
  [`sum(gen_ai_client_operation_duration_seconds_bucket{test="${test}", le="+Inf"})`]: 4,
  [`sum(ollama_client_retries_total{test="${test}", error_type="Overloaded"})`]: 1,
  [`sum(gen_ai_client_token_usage_sum{test="${test}", gen_ai_token_type="output"})`]: 16,
  [`sum(ollama_client_load_duration_seconds_count{test="${test}", ollama_outcome="success"})`]: 1,
  [`sum(ollama_client_active_calls{test="${test}"})`]: 0,
  [`sum(ollama_client_breakers{test="${test}", ollama_breaker_state="closed", gen_ai_request_model="llama3.2"})`]: 1
}

describe("Metrics.prometheus", () => {
  it.live.skipIf(!Prometheus.isInstalled)(
    "is scraped by Prometheus, and every value is right",
    () =>
      Effect.gen(function* () {
        yield* calls
        const { address } = yield* HttpServer.HttpServer
        const target = HttpServer.formatAddress(address).replace("http://", "")
        const { query } = yield* Prometheus.scraping(target)
        for (const [expression, value] of Object.entries(expected)) {
          // the first scrape may come before a busy machine can answer it
          const isThere = (found: ReadonlyArray<{ readonly value: number }>) =>
            found.length > 0 && (expression !== "up" || found[0]?.value === 1)
          const samples = yield* query(expression, isThere)
          assert.deepStrictEqual(
            samples.map((sample) => sample.value),
            [value],
            expression
          )
        }
      }).pipe(Effect.provide(observed), Effect.tagMetrics("test", test), Effect.scoped),
    60_000
  )

  it.live.skipIf(!Prometheus.isInstalled)("is what promtool takes, without a complaint", () =>
    Effect.gen(function* () {
      yield* calls
      const text = yield* Metrics.prometheus
      // other tests of this process may have left metrics on purpose that are to be complained about
      const ours = text.split(/(?=^# HELP )/m).filter((family) => /^# HELP (gen_ai|ollama|effect)_/.test(family))
      assert.isAbove(ours.length, 10)
      execFileSync("promtool", ["check", "metrics"], { input: ours.join("") })
    }).pipe(Effect.provide(observed), Effect.tagMetrics("test", "promtool"), Effect.scoped)
  )
})
