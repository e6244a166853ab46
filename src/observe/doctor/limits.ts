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

const longest = (found: ReadonlyArray<Measured | undefined>): Measured | undefined =>
  found
    .filter((one) => one !== undefined)
    .reduce<Measured | undefined>(
      (most, one) =>
        most === undefined ||
        (most.isLeast && !one.isLeast) ||
        (most.isLeast === one.isLeast && Duration.greaterThan(one.took, most.took))
          ? one
          : most,
      undefined
    )

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

/** Loads that calls before waited for. */
const loadsOf = (records: ReadonlyArray<CallRecord>): ReadonlyArray<Measured> =>
  records.flatMap(({ model = "the model", phases, verdict }): ReadonlyArray<Measured> => {
    if (verdict._tag === "TooShort" && verdict.phase === "load") {
      const { limit, needed } = verdict
      return needed === undefined
        ? [
            {
              took: limit,
              isLeast: true,
              text: `a call that waited ${span(limit)} for the load of ${model} was cut off`
            }
          ]
        : [{ took: needed, isLeast: false, text: `${model} needs ${span(needed)} to load` }]
    }
    const took = phases.loading?.actual
    return took === undefined || Duration.toMillis(took) === 0
      ? []
      : [{ took, isLeast: false, text: `${model} took ${span(took)} to load for an earlier call` }]
  })

const firstTokenOf = (call: Call | undefined): Measured | undefined => {
  if (call === undefined || (!call.resident && call.outcome !== "success")) return undefined
  if (call.outcome === "success") {
    return { took: call.took, isLeast: false, text: `a call of one token takes ${span(call.took)}` }
  }
  return call.outcome === "Timeout"
    ? { took: call.took, isLeast: true, text: `a call of one token had no answer within ${span(call.took)}` }
    : undefined
}

const firstTokensOf = (records: ReadonlyArray<CallRecord>): ReadonlyArray<Measured> =>
  records.flatMap(({ firstToken, model = "the model", phases, verdict }): ReadonlyArray<Measured> => {
    if (verdict._tag === "TooShort" && verdict.phase === "firstToken") {
      const took = verdict.needed ?? verdict.limit
      return [
        {
          took,
          isLeast: verdict.needed === undefined,
          text: `an earlier call of ${model} needed ${verdict.needed === undefined ? "more than " : ""}${span(took)}`
        }
      ]
    }
    if (firstToken === undefined) return []
    const outside = [phases.loading, phases.waiting, phases.lost, phases.connecting].map((phase) =>
      phase === undefined ? 0 : Duration.toMillis(phase.actual)
    )
    const took = Duration.millis(Math.max(0, Duration.toMillis(firstToken) - outside.reduce((a, b) => a + b, 0)))
    return [{ took, isLeast: false, text: `an earlier call of ${model} took ${span(took)} to its first token` }]
  })

const gapOf = (records: ReadonlyArray<CallRecord>): ReadonlyArray<Measured> =>
  records.flatMap(({ model = "the model", verdict }): ReadonlyArray<Measured> =>
    verdict._tag === "TooShort" && verdict.phase === "gap"
      ? [
          {
            took: verdict.needed ?? verdict.limit,
            isLeast: verdict.needed === undefined,
            text: `an answer of ${model} was cut off after a pause of ${span(verdict.limit)}`
          }
        ]
      : []
  )

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
  const load = longest([loadOf(facts.call), ...loadsOf(relevant)])
  const firstToken = longest([firstTokenOf(facts.call), ...firstTokensOf(relevant)])
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
    row("connect", connecting(facts)),
    row("load", load),
    row("firstToken", firstToken),
    row("gap", longest(gapOf(relevant))),
    row("total", sum(load, firstToken))
  ]
}
