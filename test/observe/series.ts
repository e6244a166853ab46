/** The series of Effect's registry that have a tag, in a form to compare: `name{tag="value"}` and their value. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"

export interface Distribution {
  readonly count: number
  readonly sum: number
}

export interface Found {
  readonly tags: Readonly<Record<string, string>>
  readonly value: number | Distribution
}

const valueOf = (state: MetricState.MetricState.Untyped): Found["value"] => {
  if (MetricState.isCounterState(state)) return Number(state.count)
  if (MetricState.isGaugeState(state)) return Number(state.value)
  if (MetricState.isHistogramState(state)) return { count: state.count, sum: state.sum }
  return Number.NaN
}

/** Those of one metric, among the series with the tag `test`: the registry is the process's. */
export const series = (test: string, name: string): Effect.Effect<ReadonlyArray<Found>> =>
  Effect.map(Metric.snapshot, (pairs) =>
    pairs.flatMap(({ metricKey, metricState }): ReadonlyArray<Found> => {
      const { test: of, unit: _, ...tags } = Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value]))
      return metricKey.name === name && of === test ? [{ tags, value: valueOf(metricState) }] : []
    })
  )

/** The values of one metric by what they are tagged with: `tag=value` of these tags. */
export const values = (
  test: string,
  name: string,
  ...by: ReadonlyArray<string>
): Effect.Effect<Readonly<Record<string, Found["value"]>>> =>
  Effect.map(series(test, name), (found) =>
    Object.fromEntries(found.map(({ tags, value }) => [by.map((tag) => tags[tag] ?? "").join(" "), value]))
  )
