/** A metric as data beside the metric itself, and how a value of it with its tags is counted. */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import type * as MetricLabel from "effect/MetricLabel"
import * as Naming from "./naming.js"

/**
 * What there is to know of a metric without looking at its values.
 *
 * @since 0.1.0
 * @category models
 */
export interface Definition {
  /** As in OpenTelemetry: `ollama.client.calls`. */
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  /** By UCUM: `s`, `By`, or in braces what is counted: `{call}`. It is on the metric as the tag `unit`. */
  readonly unit: string
  readonly description: string
  /** The tags that a value of it can have. */
  readonly tags: ReadonlyArray<string>
  /** Its name in `Metrics.prometheus`; those of a histogram go on with `_bucket`, `_sum` and `_count`. */
  readonly prometheus: string
}

/** What a value is counted with, whatever the type of the metric. */
export interface Series {
  readonly unsafeUpdate: (value: number, tags: ReadonlyArray<MetricLabel.MetricLabel>) => void
  readonly unsafeModify: (value: number, tags: ReadonlyArray<MetricLabel.MetricLabel>) => void
}

/** A definition that can make the series of a set of tags: the same set gives the same series. */
export interface Instrument extends Definition {
  readonly series: (labels: ReadonlyArray<MetricLabel.MetricLabel>) => Series
}

export interface Spec {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly tags: ReadonlyArray<string>
}

const define = (spec: Spec, type: Definition["type"], series: Instrument["series"]): Instrument => ({
  ...spec,
  type,
  prometheus: Naming.family(spec.name, Naming.unitOf(spec.unit), type === "counter"),
  series
})

export const counter = (spec: Spec) => {
  const key = MetricKey.tagged(
    MetricKey.counter(spec.name, { description: spec.description, incremental: true }),
    "unit",
    spec.unit
  )
  return {
    metric: Metric.fromMetricKey(key),
    instrument: define(spec, "counter", (labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key, labels)))
  }
}

export const gauge = (spec: Spec) => {
  const key = MetricKey.tagged(MetricKey.gauge(spec.name, { description: spec.description }), "unit", spec.unit)
  return {
    metric: Metric.fromMetricKey(key),
    instrument: define(spec, "gauge", (labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key, labels)))
  }
}

export const histogram = (spec: Spec, boundaries: ReadonlyArray<number>) => {
  const key = MetricKey.tagged(
    MetricKey.histogram(spec.name, MetricBoundaries.fromIterable(boundaries), spec.description),
    "unit",
    spec.unit
  )
  return {
    metric: Metric.fromMetricKey(key),
    instrument: define(spec, "histogram", (labels) => Metric.fromMetricKey(MetricKey.taggedWithLabels(key, labels)))
  }
}
