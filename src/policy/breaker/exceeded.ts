/** Whether what was counted is enough to open, and by which rule. */
import { belief } from "./belief.js"
import type { Rules } from "./rules.js"
import type { Rule, State } from "./state.js"

/** A share of outcomes, or -1 where there are too few to speak of one. */
export const rate = (part: number, total: number, least: number): number =>
  total < least || total === 0 ? -1 : part / total

/** The share of slow calls; those still running that have become slow are among them. */
export const slowRate = ({ runningSlow, window }: State, least: number): number =>
  rate(window.slow + runningSlow, window.total + runningSlow, least)

const reaches = (rules: Rules, found: number, threshold: number): boolean =>
  rules.isStrict ? found > threshold : found >= threshold

/** The first rule that is reached. The window must be that of now. */
export const exceeded = (rules: Rules, state: State): Rule | undefined => {
  const { failed, total } = state.window
  if (state.consecutive >= rules.consecutive) return "consecutive"
  if (failed >= rules.failures) return "failures"
  if (reaches(rules, rate(failed, total, rules.minCalls), rules.failureRate)) return "failureRate"
  if (reaches(rules, slowRate(state, rules.minCalls), rules.slowRate)) return "slowRate"
  if (rules.belief <= 1 && belief(failed, total) >= rules.belief) return "belief"
  return undefined
}
