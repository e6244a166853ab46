/** What can be read off a breaker. */
import * as Duration from "effect/Duration"
import type * as OllamaError from "../../OllamaError.js"
import { exceeded, rate, slowRate } from "./exceeded.js"
import { wait, weight } from "./permits.js"
import * as Rules from "./rules.js"
import type { Rule, State, StateName, Why } from "./state.js"
import type { CircuitBreaker } from "./value.js"
import * as Window from "./window.js"

/**
 * A breaker at one moment.
 *
 * Counts and rates are those of the window; half-open, those of the trials; open, those that opened it. `slow` has the
 * calls among it that are still running and have become slow.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reading {
  readonly state: StateName
  /** When this state began, in milliseconds on `Clock`. */
  readonly since: number
  /** What brought it about; `undefined` for a breaker that nothing has happened to. */
  readonly why: Why | undefined
  readonly total: number
  readonly failed: number
  readonly slow: number
  /** From 0 to 1; -1 where there are fewer calls than `minCalls`, or trials than `trials`. */
  readonly failureRate: number
  /** From 0 to 1; -1 where there are fewer calls than `minCalls`, or trials than `trials`. */
  readonly slowRate: number
  /** The rule that is reached, where the breaker only observes. */
  readonly exceeded: Rule | undefined
  /** Until a call may pass; zero when one may now. */
  readonly retryAfter: Duration.Duration
  /** The share of its usual calls that the target should get now, from 0 to 1. */
  readonly weight: number
  readonly lastFailure: OllamaError.Attempt | undefined
}

/** A failure as the state keeps it, with its time as a Duration again. */
export const failureOf = ({ lastFailure }: State): OllamaError.Attempt | undefined =>
  lastFailure === null ? undefined : { ...lastFailure, elapsed: Duration.millis(lastFailure.elapsed) }

const numbers = (rules: Rules.Rules, state: State) => {
  switch (state.state) {
    case "open": {
      const { failed, slow, total } = state.evidence
      return { ...state.evidence, failureRate: rate(failed, total, 1), slowRate: rate(slow, total, 1) }
    }
    case "halfOpen": {
      const { failed, slow, total } = state.tried
      return {
        ...state.tried,
        failureRate: rate(failed, total, rules.trials),
        slowRate: rate(slow, total, rules.trials)
      }
    }
    default: {
      const { failed, slow, total } = state.window
      return {
        total: total + state.runningSlow,
        failed,
        slow: slow + state.runningSlow,
        failureRate: rate(failed, total, rules.minCalls),
        slowRate: slowRate(state, rules.minCalls)
      }
    }
  }
}

/**
 * What can be read off a state at a time. Pure.
 *
 * @since 0.1.0
 * @category getters
 */
export const read = (config: CircuitBreaker, before: State, nowMillis: number): Reading => {
  const rules = Rules.of(config)
  const state: State = { ...before, window: Window.at(before.window, nowMillis) }
  return {
    state: state.state,
    since: state.since,
    why: state.why ?? undefined,
    ...numbers(rules, state),
    exceeded: state.state === "observeOnly" ? exceeded(rules, state) : undefined,
    retryAfter: Duration.millis(wait(rules, state, nowMillis, true)),
    weight: weight(config, state, nowMillis),
    lastFailure: failureOf(state)
  }
}
