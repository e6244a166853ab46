/** Counts what happens to the calls of one client. Nothing here waits, and nothing happens for a token. */
import * as Duration from "effect/Duration"
import type * as MetricLabel from "effect/MetricLabel"
import type { BreakerState, CallEvent, CallInfo, ClientState } from "../../record/CallEvent.js"
import type { CallRecord, Phases } from "../../record/CallRecord.js"
import * as Definitions from "./definitions.js"
import * as Gauges from "./gauges.js"
import type { Instrument, Series } from "./instrument.js"
import { type Subject, type Target, targets } from "./target.js"

export interface Collector {
  readonly onEvent: (event: CallEvent) => void
  /** Sets the gauges that only the state of the client knows. */
  readonly onState: (state: ClientState) => void
  /** Takes back what this client has added to gauges. */
  readonly close: () => void
}

const none: ReadonlyArray<never> = []

const phases = [
  "waiting",
  "lost",
  "connecting",
  "queued",
  "loading",
  "prompt",
  "generating",
  "other"
] as const satisfies ReadonlyArray<keyof Phases>

const addTo = (series: Series, value: number): void => series.unsafeUpdate(value, none)

const hasFailed = (outcome: string): boolean => outcome !== "success" && outcome !== "left"

const countTokens = (target: Target, record: CallRecord): void => {
  const { generated, prompt } = record.tokens
  const usage = Definitions.tokenUsage.instrument
  if (prompt !== undefined) addTo(target.series(usage, "input"), prompt)
  if (generated === undefined) return
  addTo(target.series(usage, "output"), generated)
  const generating = record.phases.generating?.actual
  if (generated > 0 && generating !== undefined) {
    addTo(target.series(Definitions.timePerOutputToken.instrument), Duration.toSeconds(generating) / generated)
  }
}

const countDuration = (target: Target, record: CallRecord): void => {
  const duration = target.isGenerative ? Definitions.operationDuration : Definitions.otherDuration
  const failure = hasFailed(record.outcome) ? [record.outcome] : none
  addTo(target.series(duration.instrument, ...failure), Duration.toSeconds(record.elapsed))
  if (target.isGenerative && record.firstToken !== undefined) {
    addTo(target.series(Definitions.timeToFirstChunk.instrument), Duration.toSeconds(record.firstToken))
  }
}

const countPhases = (target: Target, record: CallRecord): void => {
  for (const name of phases) {
    const phase = record.phases[name]
    if (phase === undefined) continue
    addTo(target.series(Definitions.phaseDuration.instrument, name), Duration.toSeconds(phase.actual))
  }
}

const countRecord = (target: Target, record: CallRecord): void => {
  addTo(target.series(Definitions.calls.instrument, record.outcome), 1)
  addTo(target.series(Definitions.verdicts.instrument, record.verdict._tag), 1)
  countDuration(target, record)
  countPhases(target, record)
  countTokens(target, record)
  if (record.bytes.sent > 0) addTo(target.series(Definitions.io.instrument, "transmit"), record.bytes.sent)
  if (record.bytes.received > 0) addTo(target.series(Definitions.io.instrument, "receive"), record.bytes.received)
  for (const attempt of record.attempts) addTo(target.series(Definitions.retries.instrument, attempt.tag), 1)
}

/**
 * @param base tags that all series have
 */
export const make = (base: ReadonlyArray<MetricLabel.MetricLabel> = none): Collector => {
  const target = targets(base)
  const gauges = Gauges.make<string>()
  const running = new Map<number, Series>()
  let dropped = 0

  const count = (
    subject: Subject,
    { instrument }: { readonly instrument: Instrument },
    ...own: ReadonlyArray<string>
  ): void => addTo(target(subject).series(instrument, ...own), 1)

  const activeOf = ({ host, operation }: CallInfo): Series =>
    target({ host, operation }).series(Definitions.activeCalls.instrument)

  const holdBreaker = (subject: Subject, state: BreakerState): string => {
    const key = `breaker ${subject.host ?? ""} ${subject.model ?? ""}`
    gauges.hold(key, target(subject).series(Definitions.breakers.instrument, state), 1)
    return key
  }

  const ended = (call: CallInfo, record: CallRecord): void => {
    running.get(call.id)?.unsafeModify(-1, none)
    running.delete(call.id)
    const { operation, outcome } = record
    countRecord(target({ operation, host: record.servedBy?.host ?? record.host, model: call.model, outcome }), record)
  }

  return {
    onEvent: (event) => {
      switch (event._tag) {
        case "Started": {
          const series = activeOf(event.call)
          series.unsafeModify(1, none)
          running.set(event.call.id, series)
          return
        }
        case "FirstToken":
          return
        case "Decided":
          return count(event.call, Definitions.decisions, event.decision.what)
        case "Slow":
          return count(event.slow.call, Definitions.slowCalls, event.slow.phase, event.slow.verdict._tag)
        case "Ended":
          return ended(event.call, event.record)
        case "Load": {
          const { host, model, outcome, took } = event
          const series = target({ host, model, outcome }).series(Definitions.loadDuration.instrument, outcome)
          return addTo(series, Duration.toSeconds(took))
        }
        case "Breaker":
          holdBreaker(event, event.to)
          return count(event, Definitions.breakerTransitions, event.to)
      }
    },
    onState: (state) => {
      const held = new Set<string>()
      const hold = (subject: Subject, { instrument }: { readonly instrument: Instrument }, value: number) => {
        const key = `${instrument.name} ${subject.host ?? ""} ${subject.model ?? ""}`
        gauges.hold(key, target(subject).series(instrument), value)
        held.add(key)
      }
      for (const { breaker, host, models } of state.hosts) {
        if (breaker !== undefined) held.add(holdBreaker({ host }, breaker))
        for (const model of models) {
          const subject = { host, model: model.model }
          if (model.breaker !== undefined) held.add(holdBreaker(subject, model.breaker))
          if (model.inFlight !== undefined) hold(subject, Definitions.permits, model.inFlight)
          if (model.queued !== undefined) hold(subject, Definitions.queuedCalls, model.queued)
          if (model.limit !== undefined) hold(subject, Definitions.concurrencyLimit, model.limit)
        }
      }
      if (state.budget !== undefined) hold({}, Definitions.retryBudget, state.budget)
      gauges.keepOnly(held)
      if (state.dropped > dropped) {
        addTo(target({}).series(Definitions.dropped.instrument), state.dropped - dropped)
        dropped = state.dropped
      }
    },
    close: () => {
      for (const series of running.values()) series.unsafeModify(-1, none)
      running.clear()
      gauges.keepOnly(new Set())
    }
  }
}
