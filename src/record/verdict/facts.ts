/** Evidence, looked at: which phase is to be explained, and whether it took longer than it should. */
import * as Duration from "effect/Duration"
import type { Prediction } from "../CallRecord.js"
import * as Detector from "../Detector.js"
import type { Detectors } from "../Learned.js"
import type { Evidence, Failure, HostEvidence } from "./evidence.js"

/** Less than this is not worth a word; milliseconds. */
export const noticeable = 1000

/**
 * One call in twenty takes longer than `high`, by definition; what takes half as long again (one in three hundred, where
 * predictions err by 0.4) is out of the ordinary.
 */
const margin = 1.5

/** A wait has to be such a share of a call to be what made it long. */
const telling = 0.2

const names = ["waiting", "lost", "connecting", "queued", "loading", "prompt", "generating", "other"] as const
export type Name = (typeof names)[number]

/** These should take no time at all. */
export const isWait = (name: Name): boolean => name === "waiting" || name === "lost" || name === "queued"

/** A phase, in milliseconds. */
export interface Span {
  readonly name: Name
  readonly actual: number
  readonly predicted: Prediction | undefined
  /** What it took beyond the ordinary; 0 where it is not known what that is. */
  readonly excess: number
}

export interface Facts {
  readonly evidence: Evidence
  readonly host: HostEvidence
  readonly failure: Failure | undefined
  /** Of a clock of ours that ran out. */
  readonly timeout: (Failure & { readonly _tag: "Timeout" }) | undefined
  /** Milliseconds. */
  readonly elapsed: number
  /** The phase to be explained, if any stands out. */
  readonly focus: Span | undefined
  /** Whether it took longer than it should, or than the policy puts up with. */
  readonly isLate: boolean
  /** How much slower each phase has become on this host. */
  readonly slower: Readonly<Record<"loading" | "prompt" | "generating", number | undefined>>
  /** How many of these have. */
  readonly slowerPhases: number
}

/** Finite and not negative, whatever was given. */
export const millis = (duration: Duration.Duration | undefined): number | undefined => {
  const value = duration === undefined ? Number.NaN : Duration.toMillis(duration)
  return value >= 0 && Number.isFinite(value) ? value : undefined
}

export const expected = (span: Span | undefined): number | undefined => millis(span?.predicted?.expected)

export const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 && Number.isFinite(value) ? value : undefined

const predictedOf = (evidence: Evidence, name: Name): Prediction | undefined => {
  const beside = evidence.phases?.[name]?.predicted
  if (beside !== undefined) return beside
  switch (name) {
    case "queued":
    case "loading":
    case "prompt":
    case "generating":
      return evidence.predicted?.[name]
    default:
      return undefined
  }
}

const excessOf = (evidence: Evidence, name: Name, actual: number): number => {
  const high = millis(predictedOf(evidence, name)?.high)
  if (high !== undefined) return Math.max(0, actual - margin * high)
  const isUncalledFor = isWait(name) || (name === "loading" && evidence.host?.wasResident === true)
  return isUncalledFor ? actual : 0
}

const spanOf = (evidence: Evidence, name: Name, actual: number): Span => ({
  name,
  actual,
  predicted: predictedOf(evidence, name),
  excess: excessOf(evidence, name, actual)
})

/** Whether calls of ours are ahead of it in the server, more than it answers at once. */
export const isBehind = ({ ahead, parallel }: HostEvidence): boolean =>
  ahead !== undefined && ahead >= (positive(parallel) ?? 1)

/** What a call does that waits for its first token. */
const beforeFirst = (host: HostEvidence): Name => {
  if (host.listing === "absent" || host.listing === "late") return "loading"
  return isBehind(host) ? "queued" : "prompt"
}

/** The phase that a call is in, or was in when a clock ran out. */
const current = (evidence: Evidence): Span | undefined => {
  const { failure, host = {}, running } = evidence
  const phase = running?.phase ?? (failure?._tag === "Timeout" ? failure.phase : undefined)
  const actual = millis(running === undefined ? failure?.limit : running.inPhase) ?? 0
  switch (phase) {
    case "prepare":
    case "queue":
      return spanOf(evidence, "waiting", actual)
    case "connect":
      return spanOf(evidence, "connecting", actual)
    case "load":
      return spanOf(evidence, host.listing === "listed" ? beforeFirst(host) : "loading", actual)
    case "firstToken":
      return spanOf(evidence, beforeFirst(host), actual)
    case "gap":
      return spanOf(evidence, "generating", actual)
    case "response":
      return spanOf(evidence, "other", actual)
    default:
      return undefined
  }
}

const most = (spans: ReadonlyArray<Span>, by: (span: Span) => number): Span | undefined =>
  spans.reduce<Span | undefined>((best, span) => (best === undefined || by(span) > by(best) ? span : best), undefined)

/** Of what has ended: the phase that took most beyond the ordinary, else the one that took most of the time. */
const standingOut = (evidence: Evidence, elapsed: number, mustSay: boolean): Span | undefined => {
  const spans = names.flatMap((name) => {
    const actual = millis(evidence.phases?.[name]?.actual)
    return actual === undefined ? [] : [spanOf(evidence, name, actual)]
  })
  const late = spans.filter(
    ({ actual, excess, name }) => excess > 0 && actual >= noticeable && (!isWait(name) || actual >= telling * elapsed)
  )
  if (late.length > 0) return most(late, ({ excess }) => excess)
  const longest = most(spans, ({ actual }) => actual)
  if (longest === undefined || mustSay) return longest
  return longest.actual >= noticeable && longest.actual >= elapsed / 2 ? longest : undefined
}

const slowerOf = (detectors: Detectors | undefined): Facts["slower"] => {
  const factor = (state: Detector.State | undefined) =>
    state === undefined ? undefined : positive(Detector.factor(state))
  return {
    loading: factor(detectors?.loading),
    prompt: factor(detectors?.prompt),
    generating: factor(detectors?.generating)
  }
}

/** How much slower a host has become in a phase. */
export const slowerIn = (slower: Facts["slower"], span: Span | undefined): number | undefined =>
  span?.name === "loading" || span?.name === "prompt" || span?.name === "generating" ? slower[span.name] : undefined

export const factors = (slower: Facts["slower"]): ReadonlyArray<number> =>
  [slower.loading, slower.prompt, slower.generating].filter((factor) => factor !== undefined)

export const others = (host: HostEvidence): ReadonlyArray<Facts["slower"]> => host.otherDetectors?.map(slowerOf) ?? []

/** A call that ended well, and had no phase worth a word: it went as expected, whatever else is known. */
export const isUnremarkable = ({ failure, isSlow, outcome, phases, running }: Evidence): boolean =>
  outcome === "success" &&
  failure === undefined &&
  running === undefined &&
  isSlow !== true &&
  names.every((name) => (millis(phases?.[name]?.actual) ?? 0) < noticeable)

export const make = (evidence: Evidence): Facts => {
  const { failure, host = {} } = evidence
  const elapsed = millis(evidence.elapsed) ?? 0
  const timeout = failure?._tag === "Timeout" ? { ...failure, _tag: "Timeout" as const } : undefined
  const mustSay = evidence.isSlow === true || timeout !== undefined
  const focus = current(evidence) ?? standingOut(evidence, elapsed, mustSay)
  const slower = slowerOf(host.detectors)
  const isSlower = slowerIn(slower, focus) !== undefined && (focus?.actual ?? 0) > (expected(focus) ?? 0)
  return {
    evidence,
    host,
    failure,
    timeout,
    elapsed,
    focus,
    isLate: mustSay || isSlower || ((focus?.excess ?? 0) > 0 && (focus?.actual ?? 0) >= noticeable),
    slower,
    slowerPhases: factors(slower).length
  }
}
