/** Whether a call may pass, and what share of calls a target that has recovered should get. */
import * as Rules from "./rules.js"
import type { State } from "./state.js"
import type { CircuitBreaker } from "./value.js"

/**
 * @since 0.1.0
 * @category models
 */
export type Permission =
  | { readonly _tag: "Permitted" }
  | {
      readonly _tag: "Refused"
      /** Until a call may pass: what is left of the wait, or of the time after which a trial is given up. */
      readonly retryAfterMillis: number
    }

const permitted: Permission = { _tag: "Permitted" }

/** While calls come back gradually, somebody who was refused asks again after this time at the latest. */
const longestRampWait = 1000

/** So little is rounding. */
const epsilon = 1e-9

const share = (rules: Rules.Rules, millis: number): number =>
  millis >= rules.ramp ? 1 : Math.max(rules.rampFrom, (Math.max(0, millis) / rules.ramp) ** (1 / rules.rampCurve))

/** Until one more call may run during the ramp; zero when it may now. */
const rampWait = (rules: Rules.Rules, { peak, running }: State, millis: number): number => {
  if (millis >= rules.ramp) return 0
  const limit = Math.max(1, Math.floor(share(rules, millis) * peak + epsilon))
  if (running < limit) return 0
  const next = Math.min(1, (limit + 1) / Math.max(1, peak))
  return Math.max(1, Math.min(longestRampWait, rules.ramp * next ** rules.rampCurve - millis))
}

/** The trials in flight that are not given up. */
export const awaited = (rules: Rules.Rules, { trials }: State, now: number): State["trials"] =>
  trials.every(({ at }) => now - at < rules.trialLimit)
    ? trials
    : trials.filter(({ at }) => now - at < rules.trialLimit)

/** How long a call has to wait; zero when it may pass. */
export const wait = (rules: Rules.Rules, state: State, nowMillis: number, ramp: boolean): number => {
  const now = Math.max(nowMillis, state.at)
  switch (state.state) {
    case "closed":
      return ramp && state.recoveredAt !== null ? rampWait(rules, state, now - state.recoveredAt) : 0
    case "open":
      return Math.max(0, state.wait - (now - state.since))
    case "halfOpen": {
      const trials = awaited(rules, state, now)
      const oldest = trials[0]
      return oldest === undefined || trials.length + state.tried.total < rules.trials
        ? 0
        : rules.trialLimit - (now - oldest.at)
    }
    case "forcedOpen":
      return rules.openMax
    case "disabled":
    case "observeOnly":
      return 0
  }
}

/**
 * Whether a call may pass now. Pure.
 *
 * A breaker that is forced open says `openMax`, because nobody knows when it will be let go. Where the clock was set back
 * the time of the last event counts, until `transition` hears of an `Acquired`, refused or not.
 *
 * @param options `ramp: false` does not limit calls while they come back gradually
 *
 * @since 0.1.0
 * @category getters
 */
export const permits = (
  config: CircuitBreaker,
  state: State,
  nowMillis: number,
  options?: { readonly ramp?: boolean | undefined }
): Permission => {
  const retryAfterMillis = wait(Rules.of(config), state, nowMillis, options?.ramp ?? true)
  return retryAfterMillis > 0 ? { _tag: "Refused", retryAfterMillis } : permitted
}

/**
 * The share of its usual calls that the target should get now, from 0 (open) to 1. After a recovery it grows as Envoy's
 * slow start: `max(rampFrom, (t / ramp) ^ (1 / rampCurve))`. Half-open it is `rampFrom`. Pure.
 *
 * @since 0.1.0
 * @category getters
 */
export const weight = (config: CircuitBreaker, state: State, nowMillis: number): number => {
  const rules = Rules.of(config)
  switch (state.state) {
    case "closed":
      return state.recoveredAt === null ? 1 : share(rules, Math.max(nowMillis, state.at) - state.recoveredAt)
    case "open":
    case "forcedOpen":
      return 0
    case "halfOpen":
      return rules.rampFrom
    case "disabled":
    case "observeOnly":
      return 1
  }
}
