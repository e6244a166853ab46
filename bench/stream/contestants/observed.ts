/**
 * Ours with all of the observation on: metrics, spans to the real SDK of OpenTelemetry (which batches them, and gives them
 * to nobody), records and slow calls read by a program. The rest is that of `chatStream` with `Stream.runForEach`.
 */
import { NodeSdk } from "@effect/opentelemetry"
import { BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { Metrics, OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { type Contestant, messages } from "../contestant.js"

const nobody: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: () => Promise.resolve()
}

const Tracing = NodeSdk.layer(() => ({
  resource: { serviceName: "bench" },
  spanProcessor: new BatchSpanProcessor(nobody)
}))

/** Reads what the client tells of its calls. */
const Readers = Layer.scopedDiscard(
  Effect.flatMap(OllamaClient.OllamaClient, ({ records, slowCalls }) =>
    Effect.zipRight(Effect.forkScoped(Stream.runDrain(records)), Effect.forkScoped(Stream.runDrain(slowCalls)))
  )
)

const contestant = (
  name: string,
  layer: (host: string) => Layer.Layer<OllamaClient.OllamaClient, unknown>,
  around: (effect: Effect.Effect<void, unknown>) => Effect.Effect<void, unknown> = (effect) => effect
): Contestant => ({
  name,
  open: async (host) => {
    const runtime = ManagedRuntime.make(layer(host))
    const client = await runtime.runPromise(OllamaClient.OllamaClient)
    return {
      run: async (streams, model) => {
        let lines = 0
        let text = 0
        const one = Stream.runForEach(client.chatStream({ model, messages }), (chunk) =>
          Effect.sync(() => {
            lines++
            text += chunk.message.content.length
          })
        )
        await runtime.runPromise(
          around(
            Effect.forEach(Array.from({ length: streams }), () => one, { concurrency: "unbounded", discard: true })
          )
        )
        return text > 0 ? lines : 0
      },
      close: () => runtime.dispose()
    }
  }
})

const recording = (host: string) =>
  Layer.merge(Metrics.layer, Readers).pipe(Layer.provideMerge(OllamaNode.layer({ host })))

export const recorded = contestant("effect-ollama chatStream, records and metrics", recording)

export const observed = contestant("effect-ollama chatStream, records, metrics and spans", (host) =>
  recording(host).pipe(Layer.provideMerge(Tracing))
)

/** What such a tracer costs any program of Effect, whether or not it makes spans: it is asked at each step of each fiber. */
export const tracer = contestant(
  "effect-ollama chatStream, a tracer without spans",
  (host) => OllamaNode.layer({ host }).pipe(Layer.provideMerge(Tracing)),
  Effect.withTracerEnabled(false)
)
