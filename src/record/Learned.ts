/**
 * Everything that a client learns from its calls: the predictor, and the detectors of each host, kept in step. A call is
 * compared with what was predicted before it is learned from, and a host that seems to have become slower does not
 * become the norm at once.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Detector from "./Detector.js"
import type { Interval } from "./predictor/interval.js"
import * as Predicting from "./predictor/predicting.js"
import * as Predictor from "./Predictor.js"

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

/**
 * The detectors of a host; of phases that were compared.
 *
 * @since 0.1.0
 * @category models
 */
export const Detectors = Schema.Struct({
  loading: optional(Detector.State),
  prompt: optional(Detector.State),
  generating: optional(Detector.State)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Detectors = typeof Detectors.Type

/**
 * @since 0.1.0
 * @category models
 */
export const Learned = Schema.Struct({
  predictor: Predictor.State,
  /** By host. */
  detectors: Schema.Record({ key: Schema.String, value: Detectors })
}).annotations({ identifier: "effect-ollama/Learned" })

/**
 * @since 0.1.0
 * @category models
 */
export type Learned = typeof Learned.Type

/**
 * Nothing learned.
 *
 * @since 0.1.0
 * @category constants
 */
export const empty: Learned = { predictor: Predictor.empty, detectors: {} }

/** Predictions from fewer samples are not compared with. */
const leastSamples = 5

/** What every phase may take besides, in milliseconds: makes nothing of a factor between moments. */
const moment = 100

/** Half the width of an interval, as a logarithm, up to which its ratios count in full: predictions that err by 0.4. */
const sharp = 0.4 * 1.645

const phases = ["loading", "prompt", "generating"] as const

interface Comparison {
  readonly phase: Predictor.Learnable
  /** Measured over predicted. */
  readonly ratio: number
  /** How much of the ratio counts: less where intervals are wide, so that a rough prediction raises no alarm. */
  readonly reliability: number
}

const compare = (phase: Predictor.Learnable, measured: number, predicted: Interval): Comparison => {
  const expected = predicted.expected + moment
  const half = Math.log((predicted.high + moment) / expected)
  return { phase, ratio: (measured + moment) / expected, reliability: half > sharp ? sharp / half : 1 }
}

const isSized = (phase: Predictor.Learnable, { answerTokens, promptTokens }: Predictor.Sample): boolean =>
  phase === "loading" || (phase === "prompt" ? promptTokens : answerTokens) !== undefined

/** Each phase of a call beside what was expected of one with so many tokens. */
const comparisons = (learned: Learned, sample: Predictor.Sample): ReadonlyArray<Comparison> => {
  const found: Array<Comparison> = []
  for (const phase of phases) {
    const measured = sample[phase]
    if (measured === undefined || !isSized(phase, sample)) continue
    const predicted = Predicting.phase(learned.predictor, { ...sample, isCold: true }, phase)
    if (predicted === undefined || Math.round(predicted.samples) < leastSamples) continue
    found.push(compare(phase, Duration.toMillis(measured), predicted))
  }
  return found
}

const of = (learned: Learned, host: string): Detectors =>
  Object.hasOwn(learned.detectors, host) ? (learned.detectors[host] ?? {}) : {}

const apply = (detectors: Detectors, compared: ReadonlyArray<Comparison>, step: typeof Detector.update): Detectors => {
  const after: { -readonly [Phase in keyof Detectors]: Detectors[Phase] } = { ...detectors }
  for (const { phase, ratio, reliability } of compared) {
    after[phase] = step(after[phase] ?? Detector.initial, ratio, reliability)
  }
  return after
}

/**
 * A call (or a load) has ended: compares it with its prediction, then learns from it. Phases that seem to have become
 * slower are learned more slowly (`suspect` of the sample is set here).
 *
 * @since 0.1.0
 * @category transitions
 */
export const observe = (learned: Learned, sample: Predictor.Sample): Learned => {
  const detectors = apply(of(learned, sample.host), comparisons(learned, sample), Detector.update)
  const suspect = phases.filter((phase) => Detector.isSuspicious(detectors[phase] ?? Detector.initial))
  const predictor = Predictor.observe(learned.predictor, { ...sample, suspect })
  const all = { ...learned.detectors, [sample.host]: detectors }
  const isFull = Object.keys(all).length > Object.keys(predictor.hosts).length
  return { predictor, detectors: isFull ? Record.filter(all, (_, host) => host in predictor.hosts) : all }
}

/**
 * The detectors of a host, with the calls that still run counted by how far they are: a phase that has taken longer than
 * it should is a lower bound of what it will take.
 *
 * @param running of each call the phases that have ended, and the one it is in as far as it is
 *
 * @since 0.1.0
 * @category getters
 */
export const detectors = (learned: Learned, host: string, running: ReadonlyArray<Predictor.Sample> = []): Detectors =>
  running.reduce((all, sample) => apply(all, comparisons(learned, sample), Detector.running), of(learned, host))

/**
 * Those of all other hosts.
 *
 * @since 0.1.0
 * @category getters
 */
export const otherDetectors = (learned: Learned, host: string): ReadonlyArray<Detectors> =>
  Object.entries(learned.detectors).flatMap(([name, known]) => (name === host ? [] : [known]))

/**
 * Without a host that is not used any more.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forget = (learned: Learned, host: string): Learned => ({
  predictor: Predictor.forget(learned.predictor, host),
  detectors: Record.remove(learned.detectors, host)
})
