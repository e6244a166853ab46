/** The metrics as a reader of the OpenTelemetry SDK gets them, through @effect/opentelemetry. */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { assert, describe, it } from "@effect/vitest"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  type MetricData,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import {
  METRIC_GEN_AI_CLIENT_OPERATION_DURATION,
  METRIC_GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
  METRIC_GEN_AI_CLIENT_TOKEN_USAGE,
  METRIC_GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN
} from "@opentelemetry/semantic-conventions/incubating"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Metrics, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { within } from "../support/clock.js"

const test = "opentelemetry"

const request = { model: "llama3.2", messages: [{ role: "user", content: "Hello" }] } as const

/** What is exported after some calls. */
const exported = Effect.gen(function* () {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  // never by itself
  const metricReader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 86_400_000 })
  const sdk = NodeSdk.layer(() => ({ resource: { serviceName: "test" }, metricReader }))
  const ollama = OllamaClient.layer().pipe(
    Layer.provideMerge(OllamaSimulator.layer({ models: ["llama3.2"], loadTime: "3 seconds", tokenTime: "50 millis" }))
  )
  yield* Effect.gen(function* () {
    yield* within(
      Effect.gen(function* () {
        yield* OllamaClient.chat(request)
        yield* OllamaClient.list()
        yield* Effect.flip(OllamaClient.generate({ model: "nobody-has-it", prompt: "Hello" }))
      })
    )
    yield* Effect.promise(() => metricReader.forceFlush())
  }).pipe(
    Effect.provide(Metrics.layer.pipe(Layer.provideMerge(ollama), Layer.provideMerge(sdk))),
    Effect.tagMetrics("test", test)
  )
  const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  return new Map(all.map((metric) => [metric.descriptor.name, metric]))
})

const pointsOf = (metric: MetricData | undefined) =>
  (metric?.dataPoints ?? []).filter(({ attributes }) => attributes["test"] === test)

describe("the SDK's metric reader", () => {
  it.effect("gets each metric under its name, with its unit and description", () =>
    Effect.gen(function* () {
      const metrics = yield* exported
      const ours = Metrics.all.filter(({ name }) => metrics.has(name))
      assert.isAbove(ours.length, 12)
      for (const { description, name, unit } of ours) {
        assert.strictEqual(metrics.get(name)?.descriptor.unit, unit, name)
        assert.strictEqual(metrics.get(name)?.descriptor.description, description, name)
      }
      const unknown = [...metrics.keys()].filter((name) => /^(gen_ai|ollama)/.test(name))
      assert.deepStrictEqual(
        unknown.filter((name) => !Metrics.all.some((metric) => metric.name === name)),
        []
      )
    })
  )

  it.effect("gets those of the GenAI conventions with their attributes", () =>
    Effect.gen(function* () {
      const metrics = yield* exported
      const chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "llama3.2",
        "server.address": "127.0.0.1",
        "server.port": "11434"
      }
      const ofChat = (name: string) =>
        pointsOf(metrics.get(name)).filter(({ attributes }) => attributes["gen_ai.operation.name"] === "chat")
      for (const name of [
        METRIC_GEN_AI_CLIENT_OPERATION_DURATION,
        METRIC_GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
        METRIC_GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN
      ]) {
        assert.deepStrictEqual(
          ofChat(name).map(({ attributes }) => attributes),
          [{ unit: "s", test, ...chat }],
          name
        )
      }
      const tokens = ofChat(METRIC_GEN_AI_CLIENT_TOKEN_USAGE)
      assert.sameMembers(
        tokens.map(({ attributes }) => attributes["gen_ai.token.type"]),
        ["input", "output"]
      )
      const failed = pointsOf(metrics.get(METRIC_GEN_AI_CLIENT_OPERATION_DURATION)).filter(
        ({ attributes }) => attributes["gen_ai.operation.name"] === "text_completion"
      )
      assert.deepStrictEqual(
        failed.map(({ attributes }) => attributes["error.type"]),
        ["ModelNotFound"]
      )
    })
  )

  it.effect("gets the buckets that the conventions want", () =>
    Effect.gen(function* () {
      const metrics = yield* exported
      const boundaries = (name: string) => {
        const value = pointsOf(metrics.get(name))[0]?.value
        return typeof value === "object" && "buckets" in value && "boundaries" in value.buckets
          ? value.buckets.boundaries
          : []
      }
      const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
      assert.deepStrictEqual(boundaries(METRIC_GEN_AI_CLIENT_OPERATION_DURATION), seconds)
      assert.deepStrictEqual(boundaries(METRIC_GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK), seconds)
      assert.deepStrictEqual(
        boundaries(METRIC_GEN_AI_CLIENT_TOKEN_USAGE),
        [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
      )
      assert.deepStrictEqual(
        boundaries(METRIC_GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN),
        [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
      )
    })
  )
})
