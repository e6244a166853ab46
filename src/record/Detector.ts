/**
 * Whether a host has become slower: a one-sided CUSUM on the logarithm of measured over predicted, one for each phase of
 * each host (resilience notes, 2.8). Pure: a state is a plain value.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * What a detector holds. `statistic` is the evidence that calls have become slower; above the threshold there is an alarm.
 * `recovery` is the evidence that an alarm is over. `calls` and `sum` are the number of ratios, and the sum of their
 * logarithms, since the change began.
 *
 * @since 0.1.0
 * @category models
 */
export const State = Schema.Struct({
  statistic: Schema.Finite,
  calls: Schema.Finite,
  sum: Schema.Finite,
  isAlarmed: Schema.Boolean,
  recovery: Schema.Finite
}).annotations({ identifier: "effect-ollama/Detector" })

/**
 * @since 0.1.0
 * @category models
 */
export type State = typeof State.Type

/**
 * - `drift`: how much slower, as a logarithm, is still no change: 0.35 is by a factor of 1.4.
 * - `threshold`: the evidence for an alarm.
 *
 * @since 0.1.0
 * @category models
 */
export interface Config {
  readonly drift: number
  readonly threshold: number
}

/**
 * @since 0.1.0
 * @category constants
 */
export const defaults: Config = { drift: 0.35, threshold: 3 }

/**
 * Nothing seen.
 *
 * @since 0.1.0
 * @category constants
 */
export const initial: State = { statistic: 0, calls: 0, sum: 0, isAlarmed: false, recovery: 0 }

/** A ratio beyond these says no more than that something was absurd. */
const most = Math.log(100)

const logarithm = (ratio: number): number => (ratio > 0 ? Math.max(-most, Math.min(most, Math.log(ratio))) : 0)

/** The estimate of the factor follows the last calls: those before count together as so many. */
const remembered = 50

/**
 * A call has ended.
 *
 * No single call can raise an alarm, and no two: a step counts at most half of the threshold, however absurd the ratio.
 * An alarm ends by the same rule in the other direction: the evidence for it is a CUSUM around half of the factor (as
 * logarithm; at least the drift), which is the likelihood ratio of "as slow as it was" against "as it used to be".
 *
 * @param ratio measured over predicted; what is no positive number counts as 1
 * @param reliability between 0 and 1: how much of its logarithm counts, where predictions are known to be rough
 *
 * @since 0.1.0
 * @category transitions
 */
export const update = (state: State, ratio: number, reliability = 1, config: Config = defaults): State => {
  const { drift, threshold } = config
  const step = threshold / 2
  const log = logarithm(ratio)
  const x = log * Math.max(0, Math.min(1, reliability))
  if (state.isAlarmed) {
    const middle = Math.max(drift, Math.log(factor(state) ?? 1) / 2)
    const recovery = Math.max(0, state.recovery + Math.max(-step, Math.min(step, middle - x)))
    if (recovery > threshold) return initial
    const fade = state.calls < remembered ? 1 : (remembered - 1) / remembered
    return { ...state, recovery, calls: state.calls * fade + 1, sum: state.sum * fade + log }
  }
  const statistic = state.statistic + Math.min(step, x - drift)
  if (!(statistic > 0)) return initial
  const isAlarmed = statistic > threshold
  return { statistic, calls: state.calls + 1, sum: state.sum + log, isAlarmed, recovery: 0 }
}

/**
 * The state as it would be, were a call that still runs to end now: its ratio so far is a lower bound. It can only raise
 * the statistic. Not to be kept: the call is told to `update` when it ends. For several calls, apply it once for each.
 *
 * @since 0.1.0
 * @category getters
 */
export const running = (state: State, ratio: number, reliability = 1, config: Config = defaults): State => {
  if (state.isAlarmed) return state
  const after = update(state, ratio, reliability, config)
  return after.statistic > state.statistic ? after : state
}

/**
 * By how much calls are slower since the change began (geometric mean of the ratios); undefined without an alarm.
 *
 * @since 0.1.0
 * @category getters
 */
export const factor = (state: State): number | undefined =>
  state.isAlarmed && state.calls > 0 ? Math.exp(state.sum / state.calls) : undefined

/**
 * Whether there is an alarm, or half the evidence for one: what is learned of such calls had better count little, lest the
 * change becomes the norm before it is seen.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSuspicious = (state: State, config: Config = defaults): boolean =>
  state.isAlarmed || state.statistic > config.threshold / 6
