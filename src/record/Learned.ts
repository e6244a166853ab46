/**
 * Everything that a client learns from its calls: the predictor, and the detectors of each host, kept in step. A call is
 * compared with what was predicted before it is learned from, and a host that seems to have become slower does not
 * become the norm at once.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Detector from "./Detector.js"
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

/**
 * A call has ended: compares it with its prediction, then learns from it. `suspect` of the sample is set here.
 *
 * @since 0.1.0
 * @category transitions
 */
export const observe = (learned: Learned, _sample: Predictor.Sample): Learned => learned

/**
 * The detectors of a host with the calls that are running counted as they are now (`Detector.running`); for verdicts.
 *
 * @since 0.1.0
 * @category getters
 */
export const detectors = (learned: Learned, host: string, _running: ReadonlyArray<Predictor.Sample> = []): Detectors =>
  learned.detectors[host] ?? {}

/**
 * Those of all other hosts.
 *
 * @since 0.1.0
 * @category getters
 */
export const otherDetectors = (learned: Learned, host: string): ReadonlyArray<Detectors> =>
  Object.entries(learned.detectors).flatMap(([name, known]) => (name === host ? [] : [known]))

/**
 * Without a host.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forget = (learned: Learned, _host: string): Learned => learned
