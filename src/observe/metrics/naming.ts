/** Names and units of metrics as Prometheus has them: underscores, base units spelled out at the end, `_total` on counters. */

/** A base unit by its word, and how values come to it. */
export interface Unit {
  readonly word: string
  readonly toBase: (value: number) => number
}

const same = (value: number): number => value

const unit = (word: string, toBase: Unit["toBase"] = same): Unit => ({ word, toBase })

const milliseconds = unit("seconds", (value) => value / 1e3)
const microseconds = unit("seconds", (value) => value / 1e6)
const nanoseconds = unit("seconds", (value) => value / 1e9)

/** By UCUM, and by the words of `Metric.timer`. */
const units: Readonly<Record<string, Unit>> = {
  s: unit("seconds"),
  ms: milliseconds,
  milliseconds,
  us: microseconds,
  microseconds,
  ns: nanoseconds,
  nanoseconds,
  min: unit("seconds", (value) => value * 60),
  h: unit("seconds", (value) => value * 3600),
  d: unit("seconds", (value) => value * 86_400),
  By: unit("bytes"),
  kBy: unit("bytes", (value) => value * 1e3),
  KiBy: unit("bytes", (value) => value * 1024),
  MiBy: unit("bytes", (value) => value * 1024 ** 2)
}

const underscored = (text: string): string => text.replace(/[^a-zA-Z0-9_:]+/g, "_")

/** Without what stands in braces (`{token}`): it says what is counted and is not a unit. */
export const unitOf = (text: string | undefined): Unit | undefined => {
  const plain = text?.replace(/\{[^}]*\}/g, "")
  return plain === undefined || plain === "" || plain === "1" ? undefined : (units[plain] ?? unit(underscored(plain)))
}

const endingIn = (name: string, end: string): string => (name.endsWith(`_${end}`) ? name : `${name}_${end}`)

/** `gen_ai.client.operation.duration` in seconds is `gen_ai_client_operation_duration_seconds`. */
export const family = (name: string, of: Unit | undefined, isCounter: boolean): string => {
  const plain = underscored(name).replace(/^(?=\d)/, "_")
  // of a counter that is named so already, the end stays behind the unit
  const stem = isCounter ? plain.replace(/_total$/, "") : plain
  const withUnit = of === undefined ? stem : endingIn(stem, of.word)
  return isCounter ? `${withUnit}_total` : withUnit
}

/** `gen_ai.request.model` is `gen_ai_request_model`. */
export const label = (key: string): string =>
  underscored(key)
    .replaceAll(":", "_")
    .replace(/^(?=\d)/, "_")
