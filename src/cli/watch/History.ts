/** What was seen of calls, for the columns that need more than a moment: folded from the events of clients. Pure. */
import * as Duration from "effect/Duration"
import type { CallEvent, CallInfo, SlowCall } from "../../record/CallEvent.js"
import type { CallRecord } from "../../record/CallRecord.js"
import type { Verdict } from "../../record/Verdict.js"

/** The calls of one model on one host; the latest values last. */
export interface Series {
  /** Milliseconds from a call to the first value of its answer. */
  readonly firstTokens: ReadonlyArray<number>
  /** Tokens a second, of answers. */
  readonly rates: ReadonlyArray<number>
  readonly ended: number
  readonly failed: number
}

/** A call that was slow, or that failed. */
export interface Trouble {
  readonly call: CallInfo
  /** Milliseconds on Clock. */
  readonly at: number
  /** Milliseconds since the call began. */
  readonly elapsed: number
  /** `slow` while it runs; then how it ended. */
  readonly state: string
  readonly phase: string
  readonly verdict: Verdict
}

export interface History {
  readonly series: ReadonlyMap<string, Series>
  /** The latest last. */
  readonly troubles: ReadonlyArray<Trouble>
}

const mostValues = 120
const mostTroubles = 50

export const empty: History = { series: new Map(), troubles: [] }

const none: Series = { firstTokens: [], rates: [], ended: 0, failed: 0 }

const keyOf = (host: string, model: string): string => `${host} ${model}`

/** `llama3.2` is `llama3.2:latest`: calls name it the short way, the server the long one. */
export const fullName = (model: string): string => (/:[^/]+$/.test(model) ? model : `${model}:latest`)

export const seriesOf = ({ series }: History, host: string, model: string): Series =>
  series.get(keyOf(host, fullName(model))) ?? none

const changed = (self: History, { host, model }: CallInfo, change: (series: Series) => Series): History => {
  if (model === undefined) return self
  const series = new Map(self.series)
  series.set(keyOf(host, fullName(model)), change(seriesOf(self, host, model)))
  return { ...self, series }
}

const withValue = (values: ReadonlyArray<number>, value: number): ReadonlyArray<number> =>
  [...values, value].slice(-mostValues)

/** Tokens a second of a whole answer, by the server's figures. */
const rateOf = ({ phases, tokens }: CallRecord): number | undefined => {
  const millis = phases.generating === undefined ? 0 : Duration.toMillis(phases.generating.actual)
  return millis > 0 && tokens.generated !== undefined ? (tokens.generated / millis) * 1000 : undefined
}

const withTrouble = (self: History, trouble: Trouble): History => {
  const isSame = ({ call }: Trouble) => call.id === trouble.call.id && call.host === trouble.call.host
  const others = self.troubles.filter((one) => !isSame(one))
  return { ...self, troubles: [...others, trouble].slice(-mostTroubles) }
}

const slow = (self: History, { call, elapsed, phase, verdict }: SlowCall, now: number): History =>
  withTrouble(self, { call, at: now, elapsed: Duration.toMillis(elapsed), state: "slow", phase, verdict })

const ended = (self: History, call: CallInfo, record: CallRecord, now: number): History => {
  const rate = rateOf(record)
  const isFailed = record.outcome !== "success" && record.outcome !== "left"
  const counted = changed(self, call, (series) => ({
    ...series,
    rates: rate === undefined ? series.rates : withValue(series.rates, rate),
    ended: series.ended + 1,
    failed: series.failed + (isFailed ? 1 : 0)
  }))
  if (!isFailed && !record.slow) return counted
  return withTrouble(counted, {
    call,
    at: now,
    elapsed: Duration.toMillis(record.elapsed),
    state: isFailed ? record.outcome : "ended",
    phase: record.endedIn ?? "",
    verdict: record.verdict
  })
}

/** After one more event. Calls without a model (the looks of the monitor) do not count. */
export const add = (self: History, event: CallEvent, now: number): History => {
  switch (event._tag) {
    case "FirstToken":
      return changed(self, event.call, (series) => ({
        ...series,
        firstTokens: withValue(series.firstTokens, Duration.toMillis(event.after))
      }))
    case "Slow":
      return event.slow.call.model === undefined ? self : slow(self, event.slow, now)
    case "Ended":
      return event.call.model === undefined ? self : ended(self, event.call, event.record, now)
    default:
      return self
  }
}

/** The middle one of the last values. */
export const typical = (values: ReadonlyArray<number>, last = 9): number | undefined => {
  const sorted = values.slice(-last).toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)]
}
