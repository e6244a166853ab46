/** A breaker's value as the machine reads it: numbers only, milliseconds, and rules that are off as never reached. */
import * as Duration from "effect/Duration"
import type { CircuitBreaker, Mode } from "./value.js"
import type { Shape } from "./window.js"

export interface Rules {
  readonly mode: Mode
  readonly window: Shape
  readonly minCalls: number
  readonly failureRate: number
  readonly isStrict: boolean
  readonly slowRate: number
  readonly slowAfter: number
  readonly consecutive: number
  readonly failures: number
  readonly belief: number
  readonly openFor: number
  readonly openFactor: number
  readonly openMax: number
  readonly openJitter: number
  readonly trials: number
  readonly trialSuccesses: number
  readonly isEarly: boolean
  readonly trialLimit: number
  /** Zero for none. */
  readonly ramp: number
  readonly rampFrom: number
  readonly rampCurve: number
}

const never = Number.POSITIVE_INFINITY

const unlessOff = (value: number | "off"): number => (value === "off" ? never : value)

const compile = (value: CircuitBreaker): Rules => ({
  mode: value.mode,
  window: {
    calls: value.window.calls,
    millis: value.window.duration === "none" ? "none" : Duration.toMillis(value.window.duration),
    slices: value.window.slices
  },
  minCalls: value.minCalls,
  failureRate: unlessOff(value.failureRate),
  isStrict: value.strict,
  slowRate: unlessOff(value.slowRate),
  slowAfter: value.slowAfter === "off" ? never : Duration.toMillis(value.slowAfter),
  consecutive: unlessOff(value.consecutive),
  failures: unlessOff(value.failures),
  belief: unlessOff(value.belief),
  openFor: Duration.toMillis(value.openFor),
  openFactor: value.openFactor,
  openMax: Duration.toMillis(value.openMax),
  openJitter: value.openJitter,
  trials: value.trials,
  trialSuccesses: Math.min(value.trialSuccesses, value.trials),
  isEarly: value.trialVerdict === "early",
  trialLimit: Duration.toMillis(value.trialLimit),
  ramp: value.ramp === "off" ? 0 : Duration.toMillis(value.ramp),
  rampFrom: value.rampFrom,
  rampCurve: value.rampCurve
})

const compiled = new WeakMap<CircuitBreaker, Rules>()

/** The rules of a value, worked out once for each. */
export const of = (value: CircuitBreaker): Rules => {
  const known = compiled.get(value)
  if (known !== undefined) return known
  const rules = compile(value)
  compiled.set(value, rules)
  return rules
}
