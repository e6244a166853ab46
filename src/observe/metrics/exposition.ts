/** Metrics as text, in the exposition format of Prometheus (version 0.0.4). */
import type * as MetricKey from "effect/MetricKey"
import * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Naming from "./naming.js"

type Type = "counter" | "gauge" | "histogram" | "summary"

/** The metrics of one name; Prometheus wants them side by side, under one description. */
interface Family {
  readonly name: string
  readonly type: Type
  readonly unit: Naming.Unit | undefined
  help: string
  readonly lines: Array<string>
}

type Labels = ReadonlyArray<readonly [name: string, value: string]>

/** Effect's own way to say the unit of a metric: these tags, which say nothing else. */
const unitTags = ["unit", "time_unit"]

const number = (value: number | bigint): string =>
  value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value)

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

/** What stands in the braces of a line: written once for a series, which may have many lines. */
const inside = (labels: Labels): string =>
  labels.map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`).join(",")

/** The tags as labels. Where two become one name, their values stand in one, as OpenTelemetry does it. */
const labelsOf = (key: MetricKey.MetricKey.Untyped): Labels => {
  const labels = new Map<string, string>()
  for (const tag of key.tags) {
    if (unitTags.includes(tag.key)) continue
    const name = Naming.label(tag.key)
    const before = labels.get(name)
    labels.set(name, before === undefined ? tag.value : `${before};${tag.value}`)
  }
  return [...labels]
}

/** A counter that may go down is a gauge to Prometheus, which takes a smaller value for a restart. */
const typeOf = ({ keyType }: MetricKey.MetricKey.Untyped): Type =>
  MetricKeyType.isHistogramKey(keyType)
    ? "histogram"
    : MetricKeyType.isSummaryKey(keyType)
      ? "summary"
      : MetricKeyType.isFrequencyKey(keyType) || (MetricKeyType.isCounterKey(keyType) && keyType.incremental)
        ? "counter"
        : "gauge"

const samples = (
  { name, unit }: Family,
  labels: string,
  state: MetricState.MetricState.Untyped
): ReadonlyArray<string> => {
  const line = (end: string, value: number | bigint, more = ""): string => {
    const separator = labels === "" || more === "" ? "" : ","
    const all = `${labels}${separator}${more}`
    return `${name}${end}${all === "" ? "" : `{${all}}`} ${number(value)}`
  }
  // what needs no change stays as it is: a bigint may be more than a number can hold
  const inBase = <A extends number | bigint>(value: A) => (unit === undefined ? value : unit.toBase(Number(value)))
  if (MetricState.isCounterState(state)) return [line("", inBase(state.count))]
  if (MetricState.isGaugeState(state)) return [line("", inBase(state.value))]
  if (MetricState.isFrequencyState(state)) {
    return [...state.occurrences].map(([key, count]) => line("", count, inside([["key", key]])))
  }
  const total = (of: { readonly sum: number; readonly count: number }) => [
    line("_sum", inBase(of.sum)),
    line("_count", of.count)
  ]
  if (MetricState.isHistogramState(state)) {
    const bounded = state.buckets.filter(([boundary]) => boundary !== Infinity)
    const buckets = [...bounded, [Infinity, state.count] as const].map(([boundary, count]) =>
      line("_bucket", count, `le="${number(inBase(boundary))}"`)
    )
    return [...buckets, ...total(state)]
  }
  if (MetricState.isSummaryState(state)) {
    const quantiles = state.quantiles.map(([quantile, value]) => {
      const known = Option.getOrElse(value, () => Number.NaN)
      return line("", inBase(known), `quantile="${number(quantile)}"`)
    })
    return [...quantiles, ...total(state)]
  }
  return []
}

/** The family of a key; one that has its name from another type of metric gets the type behind it. */
const familyOf = (families: Map<string, Family>, key: MetricKey.MetricKey.Untyped): Family => {
  const type = typeOf(key)
  const unit = Naming.unitOf(key.tags.find((tag) => unitTags.includes(tag.key))?.value)
  const plain = Naming.family(key.name, unit, type === "counter")
  const known = families.get(plain)
  const name = known === undefined || known.type === type ? plain : `${plain}_${type}`
  const family = families.get(name) ?? { name, type, unit, help: "", lines: [] }
  if (family.help === "") family.help = Option.getOrElse(key.description, () => "")
  families.set(name, family)
  return family
}

const written = ({ help, lines, name, type, unit }: Family): string =>
  [
    `# HELP ${name} ${escaped(help === "" ? "Not described." : help)}`,
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit.word}`]),
    ...lines,
    ""
  ].join("\n")

/** The text of a snapshot, its metrics in the order of their names. */
export const text = (pairs: ReadonlyArray<MetricPair.MetricPair.Untyped>): string => {
  const families = new Map<string, Family>()
  for (const { metricKey, metricState } of pairs) {
    const family = familyOf(families, metricKey)
    family.lines.push(...samples(family, inside(labelsOf(metricKey)), metricState))
  }
  return [...families.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(written)
    .join("")
}
