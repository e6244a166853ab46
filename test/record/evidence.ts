/** Parts of evidence, for the tests of verdicts. */
import * as Duration from "effect/Duration"
import type { Prediction } from "../../src/record/CallRecord.js"
import * as Detector from "../../src/record/Detector.js"
import type * as Verdict from "../../src/record/Verdict.js"

export const seconds = Duration.seconds

/** Nine of ten between half and twice. */
export const about = (expected: number): Prediction => ({
  expected: seconds(expected),
  low: seconds(expected / 2),
  high: seconds(expected * 2),
  samples: 20
})

/** A detector with an alarm. */
export const slower = (factor: number): Detector.State => ({
  statistic: 4,
  calls: 10,
  sum: 10 * Math.log(factor),
  isAlarmed: true,
  recovery: 0
})

export const calm = Detector.initial

type Phases = NonNullable<Verdict.Evidence["phases"]>

/** A phase that took so long, and what was expected of it. */
export const took = (actual: number, expected?: number): NonNullable<Phases["prompt"]> => ({
  actual: seconds(actual),
  ...(expected === undefined ? {} : { predicted: about(expected) })
})

/** A call that has ended well. */
export const ended = (phases: Phases, host: Verdict.HostEvidence = {}): Verdict.Evidence => ({
  outcome: "success",
  elapsed: seconds(
    Object.values(phases).reduce((sum, phase) => sum + (phase === undefined ? 0 : Duration.toSeconds(phase.actual)), 0)
  ),
  phases,
  host
})

/** One that runs. */
export const running = (
  phase: Verdict.Running["phase"],
  inPhase: number,
  host: Verdict.HostEvidence = {},
  rest: Partial<Verdict.Evidence> = {}
): Verdict.Evidence => ({ elapsed: seconds(inPhase), running: { phase, inPhase: seconds(inPhase) }, host, ...rest })

/** One that has failed. */
export const failed = (
  failure: Verdict.Failure,
  host: Verdict.HostEvidence = {},
  rest: Partial<Verdict.Evidence> = {}
): Verdict.Evidence => ({
  elapsed: failure.limit ?? seconds(1),
  outcome: failure._tag,
  endedIn: failure.phase,
  failure,
  host,
  ...rest
})

/** A clock of ours that ran out. */
export const timedOut = (
  phase: NonNullable<Verdict.Failure["phase"]>,
  limit: number,
  host: Verdict.HostEvidence = {},
  rest: Partial<Verdict.Evidence> = {}
): Verdict.Evidence => failed({ _tag: "Timeout", phase, limit: seconds(limit) }, host, rest)
