/** The clocks of the policy beside what was measured. */
import * as Duration from "effect/Duration"
import { defined } from "../../internal/defined.js"
import type * as Policy from "../../policy/Policy.js"
import * as Timeouts from "../../policy/Timeouts.js"
import type { CallRecord } from "../../record/CallRecord.js"
import type { Call, Facts, Limit } from "./facts.js"
import * as Models from "./models.js"
import { span } from "./words.js"

/** What something took, or at least took. */
interface Measured {
  readonly took: Duration.Duration
  readonly isLeast: boolean
  /** The sentence's second half. */
  readonly text: string
}

/** Without tools, and with next to no prompt: the shortest automatic limits. */
const tiny: Timeouts.Request = { characters: 0, hasTools: false, isTransfer: false }

/** The longest; of one that took as long, the one that is over. */
const longest = (found: ReadonlyArray<Measured | undefined>): Measured | undefined =>
  found
    .filter((one) => one !== undefined)
    .sort((a, b) => Duration.toMillis(b.took) - Duration.toMillis(a.took) || Number(a.isLeast) - Number(b.isLeast))[0]

const connecting = ({ tcp, tls }: Facts): Measured | undefined => {
  const first = tcp.find(({ outcome }) => outcome === "connected")
  if (first === undefined || (tls !== undefined && !tls.trusted)) return undefined
  const took = tls === undefined ? first.took : Duration.sum(first.took, tls.took)
  return { took, isLeast: false, text: `a connection${tls === undefined ? "" : " with TLS"} takes ${span(took)}` }
}

const isOf = (model: string | undefined, record: CallRecord): boolean =>
  model === undefined || record.model === undefined || Models.same(record.model, model)

const loadOf = (call: Call | undefined): Measured | undefined => {
  if (call === undefined || call.resident || call.loading === undefined) return undefined
  if (call.outcome === "success") {
    return { took: call.loading, isLeast: false, text: `${call.model} needs ${span(call.loading)} to load` }
  }
  return call.outcome === "Timeout"
    ? { took: call.loading, isLeast: true, text: `${call.model} was not loaded after ${span(call.loading)}` }
    : undefined
}

const named = (record: CallRecord): string => record.model ?? "the model"

/** Calls that a limit of this phase ended although they went on as could be expected. */
const cutOff = (records: ReadonlyArray<CallRecord>, phase: Limit["clock"]): ReadonlyArray<Measured> =>
  records.flatMap(({ model = "the model", verdict }): ReadonlyArray<Measured> => {
    if (verdict._tag !== "TooShort" || verdict.phase !== phase) return []
    const { limit, needed } = verdict
    return [
      needed === undefined
        ? { took: limit, isLeast: true, text: `it cut off a call of ${model} that went on as expected` }
        : { took: needed, isLeast: false, text: `${needs[phase](model)} ${span(needed)}` }
    ]
  })

const needs: Readonly<Record<Limit["clock"], (model: string) => string>> = {
  connect: () => "a connection takes",
  load: (model) => `${model} needs`,
  firstToken: (model) => `a call of ${model} needs, to its first token,`,
  gap: (model) => `an answer of ${model} pauses for`,
  total: (model) => `a call of ${model} needs`
}

/** Loads that calls before waited for. */
const loadsOf = (records: ReadonlyArray<CallRecord>): ReadonlyArray<Measured> =>
  records.flatMap((record): ReadonlyArray<Measured> => {
    const took = record.phases.loading?.actual
    if (took === undefined || Duration.toMillis(took) === 0) return []
    if (record.outcome === "success") {
      return [{ took, isLeast: false, text: `${named(record)} took ${span(took)} to load for an earlier call` }]
    }
    return record.outcome === "Timeout" && record.endedIn === "load"
      ? [
          {
            took,
            isLeast: true,
            text: `${named(record)} was not loaded after ${span(took)}, when an earlier call ended`
          }
        ]
      : []
  })

const less = (from: Duration.Duration, parts: ReadonlyArray<Duration.Duration | undefined>): Duration.Duration =>
  Duration.millis(
    parts.reduce(
      (left, part) => Math.max(0, left - (part === undefined ? 0 : Duration.toMillis(part))),
      Duration.toMillis(from)
    )
  )

/** What a token took by itself: a queue is no reason for another limit. */
const firstTokenOf = (call: Call | undefined): Measured | undefined => {
  if (call?.outcome !== "success") return undefined
  const took = less(call.took, [call.queued])
  return { took, isLeast: false, text: `a call of one token takes ${span(took)}` }
}

const firstTokensOf = (records: ReadonlyArray<CallRecord>): ReadonlyArray<Measured> =>
  records.flatMap((record): ReadonlyArray<Measured> => {
    const { firstToken, phases } = record
    if (firstToken === undefined) return []
    const { connecting, loading, lost, queued, waiting } = phases
    const took = less(firstToken, [waiting.actual, lost.actual, connecting?.actual, loading?.actual, queued?.actual])
    return [{ took, isLeast: false, text: `an earlier call of ${named(record)} took ${span(took)} to its first token` }]
  })

/** About so many characters are a token. */
const charactersPerToken = 4

/** Calls whose prompt could not be read in time, at the pace that the tiny call was read at. */
const promptsOf = (call: Call | undefined, records: ReadonlyArray<CallRecord>): ReadonlyArray<Measured> => {
  const { prompt, promptTokens } = call ?? {}
  if (prompt === undefined || promptTokens === undefined || Duration.toMillis(prompt) === 0) return []
  const rate = promptTokens / Duration.toSeconds(prompt)
  return records.flatMap(({ bytes, endedIn, outcome }): ReadonlyArray<Measured> => {
    if (outcome !== "Timeout" || endedIn !== "firstToken") return []
    const tokens = Math.round(bytes.sent / charactersPerToken)
    const took = Duration.seconds(tokens / rate)
    const text = `a call of about ${tokens} tokens, of which ${Math.round(rate)} are read a second, needs about ${span(took)}`
    return [{ took, isLeast: false, text }]
  })
}

const fitsOf = (limit: Duration.Duration | undefined, measured: Measured | undefined): Limit["fits"] => {
  if (limit === undefined) return "yes"
  if (measured === undefined) return "unknown"
  const [most, took] = [Duration.toMillis(limit), Duration.toMillis(measured.took)]
  if (measured.isLeast) return took >= most ? "no" : "unknown"
  return took >= most ? "no" : took * 2 > most ? "tight" : "yes"
}

const textOf = (clock: string, limit: Duration.Duration | undefined, measured: Measured | undefined): string => {
  const first = limit === undefined ? `there is no ${clock} limit` : `your ${clock} limit is ${span(limit)}`
  return measured === undefined ? `${first}; nothing was measured that it applies to` : `${first}; ${measured.text}`
}

const sum = (a: Measured | undefined, b: Measured | undefined): Measured | undefined => {
  if (a === undefined || b === undefined) return b ?? a
  const took = Duration.sum(a.took, b.took)
  return {
    took,
    isLeast: a.isLeast || b.isLeast,
    text: `load and first token together take ${a.isLeast || b.isLeast ? "more than " : ""}${span(took)}`
  }
}

/** @param model the one that calls are about, where one is named */
export const compare = (
  policy: Policy.Policy,
  facts: Facts,
  model: string | undefined,
  records: ReadonlyArray<CallRecord>
): ReadonlyArray<Limit> => {
  const limits = Timeouts.limits(policy.timeouts, tiny)
  const relevant = records.filter((record) => isOf(model, record))
  const load = longest([loadOf(facts.call), ...cutOff(relevant, "load"), ...loadsOf(relevant)])
  const firstToken = longest([
    firstTokenOf(facts.call),
    ...cutOff(relevant, "firstToken"),
    ...firstTokensOf(relevant),
    ...promptsOf(facts.call, relevant)
  ])
  const row = (clock: Limit["clock"], measured: Measured | undefined): Limit => {
    const millis = limits[clock]
    const limit = millis === undefined ? undefined : Duration.millis(millis)
    return {
      clock,
      auto: policy.timeouts[clock] === "auto",
      fits: fitsOf(limit, measured),
      text: textOf(clock, limit, measured),
      ...defined({ limit, measured: measured?.took })
    }
  }
  return [
    row("connect", longest([connecting(facts), ...cutOff(relevant, "connect")])),
    row("load", load),
    row("firstToken", firstToken),
    row("gap", longest(cutOff(relevant, "gap"))),
    row("total", longest([sum(load, firstToken), ...cutOff(relevant, "total")]))
  ]
}
