/**
 * Traces for OpenTelemetry: one span for each call, with the attributes of the GenAI conventions, and inside it one for each
 * attempt and each load. They are made with Effect's own tracer, so any exporter can have them; here it is the SDK's,
 * and a processor that prints each span when it ends.
 *
 * Where they are to be kept, it is
 *
 *     NodeSdk.layer(() => ({
 *       resource: { serviceName: "example" },
 *       spanProcessor: new BatchSpanProcessor(new OTLPTraceExporter()),
 *       metricReader: new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })
 *     }))
 *
 * expect: ^summarise
 */
import { NodeSdk } from "@effect/opentelemetry"
import { NodeRuntime } from "@effect/platform-node"
import { type ReadableSpan, SimpleSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base"
import { Effect, Layer } from "effect"
import { OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"

/** Prints a span as `name  seconds  attributes`. */
const printing: SpanExporter = {
  export: (spans, done) => {
    for (const span of spans) console.log(line(span))
    done({ code: 0 })
  },
  shutdown: () => Promise.resolve()
}

const line = ({ attributes, duration: [seconds, nanos], events, name }: ReadableSpan): string =>
  [
    name.padEnd(20),
    `${(seconds + nanos / 1e9).toFixed(2)} s`,
    ...Object.entries(attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`),
    ...events.map((event) => `(${event.name})`)
  ].join("  ")

const program = OllamaClient.chat({
  model: "llama3.2",
  messages: [{ role: "user", content: "Summarise: the sky is blue." }],
  options: { temperature: 0, num_predict: 50 }
}).pipe(Effect.withSpan("summarise"))

const Ollama = OllamaClient.layer().pipe(
  Layer.provide(
    OllamaSimulator.layer({
      models: [{ name: "llama3.2", loadTime: "300 millis" }],
      reply: "Blue sky.",
      // the second attempt succeeds
      faults: [Fault.serverBusy({ path: "/api/chat", times: 1 })]
    })
  )
)

const Tracing = NodeSdk.layer(() => ({
  resource: { serviceName: "example" },
  spanProcessor: new SimpleSpanProcessor(printing)
}))

program.pipe(Effect.provide(Layer.provideMerge(Ollama, Tracing)), NodeRuntime.runMain)
