/**
 * What happens to calls, counted: metrics of Effect, which any exporter of them can send (`@effect/opentelemetry`,
 * DevTools), and as text for Prometheus.
 *
 * Names follow OpenTelemetry's conventions for generative AI where they have one (`gen_ai.*`; in development, as of
 * `@opentelemetry/semantic-conventions` 1.43, except `time_per_output_chunk`, which wants a value for each token); the
 * others begin with `ollama.client`. Calls are tagged with the operation (`gen_ai.operation.name`), the model that was
 * asked for (`gen_ai.request.model`; `llama3.2` for all its spellings, such as `llama3.2:latest`) and the server that
 * answered (`server.address`, `server.port`); a failure with its tag (`error.type`). Texts never appear.
 *
 * Every tag has few values: operations, outcomes, phases and verdicts are lists in this library, and for each client 50
 * hosts and 100 models have series of their own. Hosts and models beyond these count as `_OTHER`, and so do models that
 * nobody has (`ModelNotFound`, `InvalidRequest`): whoever may choose the model's name cannot fill the memory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { OllamaClient } from "../OllamaClient.js"
import * as Collector from "./metrics/collector.js"
import * as Definitions from "./metrics/definitions.js"
import * as Exposition from "./metrics/exposition.js"
import type { Definition } from "./metrics/instrument.js"

export type { Definition } from "./metrics/instrument.js"

/**
 * `gen_ai.client.operation.duration`, in seconds: chats, completions and embeddings, from the call to its end. With
 * `error.type` where they failed; a call that its caller left has none, and lasts as long as the caller waited.
 *
 * @since 0.1.0
 * @category metrics
 */
export const operationDuration: Metric.Metric.Histogram<number> = Definitions.operationDuration.metric

/**
 * `gen_ai.client.operation.time_to_first_chunk`, in seconds: from the call to the first value of its answer, with all that
 * came before it: waiting for a permit, attempts that failed, a load.
 *
 * @since 0.1.0
 * @category metrics
 */
export const timeToFirstChunk: Metric.Metric.Histogram<number> = Definitions.timeToFirstChunk.metric

/**
 * `gen_ai.server.time_per_output_token`, in seconds: one value for a call, from the server's own figures in its last
 * chunk (the time it generated, by the tokens it generated).
 *
 * @since 0.1.0
 * @category metrics
 */
export const timePerOutputToken: Metric.Metric.Histogram<number> = Definitions.timePerOutputToken.metric

/**
 * `gen_ai.client.token.usage`: tokens of a call as the server counted them, `gen_ai.token.type` being `input` or `output`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const tokenUsage: Metric.Metric.Histogram<number> = Definitions.tokenUsage.metric

/**
 * `ollama.client.operation.duration`, in seconds: calls that the conventions know nothing of: list, show, pull, load, …
 *
 * @since 0.1.0
 * @category metrics
 */
export const otherDuration: Metric.Metric.Histogram<number> = Definitions.otherDuration.metric

/**
 * `ollama.client.calls`: calls that have ended, by `ollama.outcome`: `success`, `left`, or the tag of the failure.
 *
 * @since 0.1.0
 * @category metrics
 */
export const calls: Metric.Metric.Counter<number> = Definitions.calls.metric

/**
 * `ollama.client.phase.duration`, in seconds: where the time of a call went, by `ollama.phase`: `waiting`, `lost`,
 * `connecting`, `queued`, `loading`, `prompt`, `generating`, `other`. Zero where a phase took no time, no value where it is
 * not known.
 *
 * @since 0.1.0
 * @category metrics
 */
export const phaseDuration: Metric.Metric.Histogram<number> = Definitions.phaseDuration.metric

/**
 * `ollama.client.verdicts`: calls that have ended, by `ollama.verdict`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const verdicts: Metric.Metric.Counter<number> = Definitions.verdicts.metric

/**
 * `ollama.client.slow_calls`: calls that passed a slow threshold while they ran, by the phase they were in
 * (`ollama.phase`) and by `ollama.verdict`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const slowCalls: Metric.Metric.Counter<number> = Definitions.slowCalls.metric

/**
 * `ollama.client.io`, in bytes: bodies of requests and answers, by `network.io.direction`: `transmit`, `receive`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const io: Metric.Metric.Counter<number> = Definitions.io.metric

/**
 * `ollama.client.retries`: attempts that failed and were followed by another, by the tag of their failure (`error.type`).
 *
 * @since 0.1.0
 * @category metrics
 */
export const retries: Metric.Metric.Counter<number> = Definitions.retries.metric

/**
 * `ollama.client.decisions`: what policies decided, by `ollama.decision` (`CallRecord.Decision`); `refused` are the calls
 * that were not sent.
 *
 * @since 0.1.0
 * @category metrics
 */
export const decisions: Metric.Metric.Counter<number> = Definitions.decisions.metric

/**
 * `ollama.client.load.duration`, in seconds: loads that the client owned, by `ollama.outcome`: `success`, or the tag of the
 * failure.
 *
 * @since 0.1.0
 * @category metrics
 */
export const loadDuration: Metric.Metric.Histogram<number> = Definitions.loadDuration.metric

/**
 * `ollama.client.breaker.transitions`: changes of breakers, by the state they went to (`ollama.breaker.state`). Without a
 * model: the breaker of a host.
 *
 * @since 0.1.0
 * @category metrics
 */
export const breakerTransitions: Metric.Metric.Counter<number> = Definitions.breakerTransitions.metric

/**
 * `ollama.client.active_calls`: calls that run now. All gauges add up over the clients that are counted.
 *
 * @since 0.1.0
 * @category metrics
 */
export const activeCalls: Metric.Metric.Gauge<number> = Definitions.activeCalls.metric

/**
 * `ollama.client.queued_calls`: calls that wait for a permit of their model now.
 *
 * @since 0.1.0
 * @category metrics
 */
export const queuedCalls: Metric.Metric.Gauge<number> = Definitions.queuedCalls.metric

/**
 * `ollama.client.permits`: calls that have a permit of their model now.
 *
 * @since 0.1.0
 * @category metrics
 */
export const permits: Metric.Metric.Gauge<number> = Definitions.permits.metric

/**
 * `ollama.client.concurrency_limit`: how many calls of a model may be at the server at once.
 *
 * @since 0.1.0
 * @category metrics
 */
export const concurrencyLimit: Metric.Metric.Gauge<number> = Definitions.concurrencyLimit.metric

/**
 * `ollama.client.breakers`: breakers that are in a state now (`ollama.breaker.state`): 1 or 0 with one client. Without a
 * model: the breaker of a host.
 *
 * @since 0.1.0
 * @category metrics
 */
export const breakers: Metric.Metric.Gauge<number> = Definitions.breakers.metric

/**
 * `ollama.client.retry_budget`: the tokens left in the pool of the retry budget.
 *
 * @since 0.1.0
 * @category metrics
 */
export const retryBudget: Metric.Metric.Gauge<number> = Definitions.retryBudget.metric

/**
 * `ollama.client.dropped`: records and slow calls that were dropped because nobody read them in time.
 *
 * @since 0.1.0
 * @category metrics
 */
export const dropped: Metric.Metric.Counter<number> = Definitions.dropped.metric

/**
 * `ollama.client.shared.exchanges`: looks of a fleet at the store that it shares what it knows through, by `ollama.outcome`:
 * `success`, `failed`, `late`, or `garbage` (of at least one document nothing could be made).
 *
 * @since 0.1.0
 * @category metrics
 */
export const sharedExchanges: Metric.Metric.Counter<number> = Definitions.sharedExchanges.metric

/**
 * All metrics of this module as data, in the order of their names: for documentation, and to check a dashboard against.
 *
 * @since 0.1.0
 * @category metrics
 */
export const all: ReadonlyArray<Definition> = Object.values(Definitions)
  .map(({ instrument: { description, name, prometheus, tags, type, unit } }) => ({
    name,
    type,
    unit,
    description,
    tags,
    prometheus
  }))
  .sort((a, b) => (a.name < b.name ? -1 : 1))

/** What sets the gauges of each client that is counted, so that a scrape does not see old ones. */
const refreshing = globalValue("effect-ollama/observe/Metrics/refreshing", () => new Set<Effect.Effect<void>>())

/**
 * Counts the calls of the client until the Scope closes. It listens in the call itself, so that nothing is missed, and
 * does nothing for a token. Gauges that no event tells (queue, permits, limits, budget) are read after events, at most once a
 * second, and before `prometheus`; without calls nothing runs. The metric labels in force here (`Effect.tagMetrics`) are
 * on all values: where a program has several clients, they tell them apart. It never fails.
 *
 * @since 0.1.0
 * @category constructors
 */
export const collect: Effect.Effect<void, never, OllamaClient | Scope.Scope> = Effect.gen(function* () {
  const client = yield* OllamaClient
  const collector = Collector.make(yield* Effect.metricLabels)
  const hasChanged = Effect.unsafeMakeLatch(false)
  const refresh = Effect.map(client.state, collector.onState)
  yield* Effect.addFinalizer(() => Effect.sync(collector.close))
  yield* Effect.acquireRelease(
    Effect.sync(() => refreshing.add(refresh)),
    () => Effect.sync(() => refreshing.delete(refresh))
  )
  yield* client.listen((event) => {
    collector.onEvent(event)
    hasChanged.unsafeOpen()
  })
  yield* hasChanged.await.pipe(
    Effect.zipRight(hasChanged.close),
    Effect.zipRight(refresh),
    Effect.zipRight(Effect.sleep("1 second")),
    Effect.forever,
    Effect.forkScoped
  )
})

/**
 * `collect` as a layer, to be put beside what uses the client.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Metrics } from "effect-ollama"
 * import { OllamaNode } from "effect-ollama/node"
 *
 * export const Ollama = Metrics.layer.pipe(Layer.provideMerge(OllamaNode.layerConfig()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, OllamaClient> = Layer.scopedDiscard(collect)

/**
 * All metrics of the program, those of other libraries too, in the text format of Prometheus; to be served with
 * `contentType`. Names have underscores for dots, the unit spelled out at their end, and `_total` where they only count up.
 *
 * @example
 * ```ts
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Metrics } from "effect-ollama"
 *
 * export const router = HttpRouter.empty.pipe(
 *   HttpRouter.get(
 *     "/metrics",
 *     Effect.map(Metrics.prometheus, (text) => HttpServerResponse.text(text, { contentType: Metrics.contentType }))
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category exporters
 */
export const prometheus: Effect.Effect<string> = Effect.zipRight(
  Effect.suspend(() => Effect.forEach(refreshing, (refresh) => refresh, { discard: true })),
  Effect.map(Metric.snapshot, Exposition.text)
)

/**
 * The content type of `prometheus`.
 *
 * @since 0.1.0
 * @category exporters
 */
export const contentType: string = "text/plain; version=0.0.4; charset=utf-8"
