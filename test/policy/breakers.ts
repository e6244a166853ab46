/** Circuit breakers, for property tests: small numbers, so that every rule is reached. */
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import { CircuitBreaker } from "effect-ollama"

const millis = (max: number) => FastCheck.integer({ min: 1, max }).map((ms) => Duration.millis(ms))

const orOff = <A>(arbitrary: FastCheck.Arbitrary<A>): FastCheck.Arbitrary<A | "off"> =>
  FastCheck.option(arbitrary, { nil: "off" as const })

const count = (max: number) => FastCheck.integer({ min: 1, max })

const fields = {
  mode: FastCheck.oneof(
    { weight: 9, arbitrary: FastCheck.constant("automatic" as const) },
    { weight: 1, arbitrary: FastCheck.constantFrom("forcedOpen" as const, "disabled" as const, "observeOnly" as const) }
  ),
  window: FastCheck.record({
    calls: FastCheck.oneof(count(12), FastCheck.constant("all" as const)),
    duration: FastCheck.oneof(millis(3000), FastCheck.constant("none" as const)),
    slices: count(10)
  }),
  minCalls: count(8),
  failureRate: orOff(FastCheck.double({ min: 0.05, max: 1, noNaN: true })),
  strict: FastCheck.boolean(),
  slowRate: orOff(FastCheck.double({ min: 0.05, max: 1, noNaN: true })),
  slowAfter: orOff(millis(100)),
  consecutive: orOff(count(6)),
  failures: orOff(count(6)),
  belief: orOff(FastCheck.double({ min: 0.5, max: 0.99, noNaN: true })),
  openFor: millis(300),
  openFactor: FastCheck.double({ min: 1, max: 4, noNaN: true }),
  openMax: millis(3000),
  openJitter: FastCheck.double({ min: 0, max: 1, noNaN: true }),
  trials: count(5),
  trialSuccesses: count(5),
  trialVerdict: FastCheck.constantFrom("early" as const, "complete" as const),
  trialLimit: millis(500),
  ramp: orOff(millis(1000)),
  rampFrom: FastCheck.double({ min: 0.05, max: 1, noNaN: true }),
  rampCurve: FastCheck.double({ min: 0.1, max: 10, noNaN: true })
}

export const anyBreaker: FastCheck.Arbitrary<CircuitBreaker.CircuitBreaker> = FastCheck.record(fields)
  .map((value) => ({
    ...value,
    trialSuccesses: Math.min(value.trials, value.trialSuccesses),
    openMax: Duration.max(value.openFor, value.openMax)
  }))
  .filter((value) => CircuitBreaker.contradictions(value).length === 0)

/** Some fields, and not all of those that a change of the window may have. */
export const anyBreakerPatch: FastCheck.Arbitrary<CircuitBreaker.Patch> = FastCheck.record(fields, { requiredKeys: [] })
