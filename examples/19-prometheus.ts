/**
 * Metrics for Prometheus: what became of the calls, where their time went, and what the policies did, as text at
 * `/metrics`. This program makes some calls, and looks at its own metrics as Prometheus would.
 *
 *     STAY=true PORT=9464 npx tsx examples/19-prometheus.ts
 *
 * goes on for as long as you like; `examples/observability` has the Prometheus and the Grafana to go with it.
 *
 * expect: ^ollama_client_calls_total\{gen_ai_operation_name="list",.*ollama_outcome="success"\} 1$
 */
import { FetchHttpClient, HttpClient, HttpServer } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Layer } from "effect"
import { Metrics, OllamaClient } from "effect-ollama"
import { metricsServer } from "./_metricsServer.js"
import { ollama } from "./_ollama.js"

const ask = (model: string) => OllamaClient.chat({ model, messages: [{ role: "user", content: "Say hello." }] })

const calls = Effect.all([
  ask("llama3.2").pipe(Effect.repeatN(2)),
  OllamaClient.list(),
  Effect.ignore(ask("a-model-that-nobody-has"))
])

/** What a Prometheus does every fifteen seconds. */
const scrape = Effect.gen(function* () {
  const address = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
  const response = yield* HttpClient.get(`${address}/metrics`)
  return yield* response.text
}).pipe(Effect.provide(FetchHttpClient.layer))

const program = Effect.gen(function* () {
  yield* calls
  const lines = (yield* scrape).split("\n")
  yield* Console.log(`${lines.length} lines, among them:`)
  const shown = lines.filter((line) => /^(gen_ai_client_token_usage_sum|ollama_client_calls_total)/.test(line))
  for (const line of shown.sort()) yield* Console.log(line)
  if (yield* Config.withDefault(Config.boolean("STAY"), false)) return yield* Effect.never
})

const main = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.integer("PORT"), 0), (port) =>
    Layer.mergeAll(Metrics.layer, metricsServer(port)).pipe(
      Layer.provideMerge(
        ollama({
          models: [{ name: "llama3.2", loadTime: "200 millis", promptTime: "20 millis", tokenTime: "5 millis" }],
          reply: "Hello from here!"
        })
      )
    )
  )
)

program.pipe(Effect.provide(main), NodeRuntime.runMain)
