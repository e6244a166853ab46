/**
 * Whether a call is refused for the wait that is predicted for it.
 *
 * Only the wait counts, never the load: a model that is in no memory would be refused for ever (resilience notes, finding
 * 10). And a wait that is too long is no reason before it has lasted: refusing at once costs calls that would have been
 * answered well. Pure.
 */
import * as Duration from "effect/Duration"
import type { Admission } from "../../policy/Concurrency.js"

/**
 * How the wait of one kind of calls has been.
 *
 * Once calls are refused, those with too long a wait are refused until the wait has been below the target for as long as it
 * had to be above: otherwise every interval would begin with letting in a queue that is too long.
 *
 * @since 0.1.0
 * @category models
 */
export interface Excess {
  readonly isRefusing: boolean
  /** Since when the wait has been on the other side of the target, in milliseconds; undefined if it is not. */
  readonly since: number | undefined
  /** When it was last looked at. */
  readonly at: number
}

export const calm: Excess = { isRefusing: false, since: undefined, at: Number.NEGATIVE_INFINITY }

/** With one more wait that was predicted; milliseconds. What was not looked at for an interval is forgotten. */
export const step = (excess: Excess, admission: Admission, wait: number, now: number): Excess => {
  const interval = Duration.toMillis(admission.interval)
  const { isRefusing, since } = now - excess.at > interval ? calm : excess
  const isAbove = wait > Duration.toMillis(admission.target)
  if (isAbove === isRefusing) return { isRefusing, since: undefined, at: now }
  const from = since ?? now
  return now - from >= interval
    ? { isRefusing: !isRefusing, since: undefined, at: now }
    : { isRefusing, since: from, at: now }
}

/** Whether a call with this wait is refused, now. */
export const refuses = (excess: Excess, admission: Admission, wait: number): boolean =>
  excess.isRefusing && wait > Duration.toMillis(admission.target)
