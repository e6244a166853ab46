/** The spans of a client as the OpenTelemetry SDK exports them, through @effect/opentelemetry. */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"

type Services = OllamaClient.OllamaClient | OllamaSimulator.OllamaSimulator

/** What the program gives, and the spans that were exported when it and its client had ended, in the order of their starts. */
export const exported = <A, E>(
  program: Effect.Effect<A, E, Services>,
  options: { readonly client?: OllamaClient.Options; readonly stage?: OllamaSimulator.Options } = {}
): Effect.Effect<{ readonly value: A; readonly spans: ReadonlyArray<ReadableSpan> }, E> =>
  Effect.gen(function* () {
    const exporter = new InMemorySpanExporter()
    const sdk = NodeSdk.layer(() => ({
      resource: { serviceName: "test" },
      spanProcessor: new SimpleSpanProcessor(exporter)
    }))
    const ollama = OllamaClient.layer(options.client).pipe(
      Layer.provideMerge(OllamaSimulator.layer({ models: ["llama3.2"], reply: "One two three.", ...options.stage }))
    )
    // the exporter forgets when the SDK ends: so the client ends first
    return yield* Effect.provide(program, ollama).pipe(
      Effect.orDie,
      Effect.map((value) => ({ value, spans: exporter.getFinishedSpans().toSorted(byStart) })),
      Effect.provide(sdk)
    )
  })

const nanos = ([seconds, nanoseconds]: ReadableSpan["startTime"]): bigint =>
  BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)

const byStart = (a: ReadableSpan, b: ReadableSpan): number => {
  const difference = nanos(a.startTime) - nanos(b.startTime)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Seconds from the beginning of a span to its end. */
export const secondsOf = ({ endTime, startTime }: ReadableSpan): number =>
  Number(nanos(endTime) - nanos(startTime)) / 1e9

export const childrenOf = (spans: ReadonlyArray<ReadableSpan>, parent: ReadableSpan): ReadonlyArray<ReadableSpan> =>
  spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent.spanContext().spanId)

/** Everything in a span that is text. */
export const textOf = ({ attributes, events, name, status }: ReadableSpan): string =>
  JSON.stringify({ attributes, events, name, status })
