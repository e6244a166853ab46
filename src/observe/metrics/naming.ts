/** Names of metrics as Prometheus has them: underscores, the unit spelled out at the end, `_total` on counters. */

/** What becomes of a unit (UCUM, or a word) at the end of a name. */
const words: Readonly<Record<string, string>> = {
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
  min: "minutes",
  h: "hours",
  d: "days",
  By: "bytes",
  "%": "percent"
}

const underscored = (text: string): string => text.replace(/[^a-zA-Z0-9_:]+/g, "_")

/** The word for a unit, without what stands in braces (`{token}`), which says what is counted and is not a unit. */
export const unitWord = (unit: string | undefined): string | undefined => {
  const plain = unit?.replace(/\{[^}]*\}/g, "")
  return plain === undefined || plain === "" || plain === "1" ? undefined : (words[plain] ?? underscored(plain))
}

const endingIn = (name: string, end: string): string => (name.endsWith(`_${end}`) ? name : `${name}_${end}`)

/** `gen_ai.client.operation.duration` in `s` is `gen_ai_client_operation_duration_seconds`. */
export const family = (name: string, unit: string | undefined, isCounter: boolean): string => {
  const plain = underscored(name).replace(/^(?=\d)/, "_")
  const word = unitWord(unit)
  // a counter that is named after its end already keeps it at the end, behind the unit
  const stem = isCounter ? plain.replace(/_total$/, "") : plain
  const withUnit = word === undefined ? stem : endingIn(stem, word)
  return isCounter ? `${withUnit}_total` : withUnit
}

/** `gen_ai.request.model` is `gen_ai_request_model`. */
export const label = (key: string): string =>
  underscored(key)
    .replaceAll(":", "_")
    .replace(/^(?=\d)/, "_")
