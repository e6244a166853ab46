/** Policies and patches, for property tests. */
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import type {
  CircuitBreaker,
  Concurrency,
  Fallback,
  Hedging,
  Policy,
  Retry,
  RetryBudget,
  Slow,
  Throttle,
  Timeouts
} from "effect-ollama"

const { array, boolean, constantFrom, double, integer, oneof, record } = FastCheck

const millis = integer({ min: 1, max: 10_000_000 })
const positive = millis.map((n) => Duration.millis(n))
const between = (min: number, max: number) => double({ min, max, noNaN: true })
const above = (max: number) => double({ min: 1e-6, max, noNaN: true })
const count = (max: number) => integer({ min: 1, max })
const or = <A, const Word extends string>(value: FastCheck.Arbitrary<A>, ...words: ReadonlyArray<Word>) =>
  oneof(value, constantFrom(...words))

const clocks = <A>(duration: FastCheck.Arbitrary<A>) => {
  const clock = or(duration, "auto", "none")
  return { connect: clock, load: clock, firstToken: clock, gap: clock, total: clock }
}

const retryFields = <A>(duration: FastCheck.Arbitrary<A>) => ({
  attempts: count(100),
  backoff: constantFrom("exponential" as const, "linear" as const, "constant" as const),
  baseDelay: duration,
  factor: between(1, 100),
  maxDelay: duration,
  jitter: constantFrom("none" as const, "full" as const, "equal" as const, "decorrelated" as const),
  whileOffline: constantFrom("fail" as const, "wait" as const),
  offlineLimit: duration
})

const poolFields = {
  size: above(1000),
  initial: or(between(0, 1000), "full"),
  cost: oneof(between(0, 1000), record({ transient: between(0, 1000), throttling: between(0, 1000) })),
  perSuccess: above(1000),
  refund: constantFrom("none" as const, "lastRetry" as const),
  charge: constantFrom("retries" as const, "failures" as const),
  threshold: between(0, 0.99)
}

const depositFields = <A>(duration: FastCheck.Arbitrary<A>) => ({
  share: between(0, 10),
  window: duration,
  perSecond: between(0, 1000)
})

/** Fields of a breaker that contradict no other. */
const freeFields = <A>(duration: FastCheck.Arbitrary<A>) => ({
  mode: constantFrom("automatic" as const, "forcedOpen" as const, "disabled" as const, "observeOnly" as const),
  consecutive: or(count(1000), "off"),
  openFactor: between(1, 100),
  openJitter: between(0, 1),
  trialVerdict: constantFrom("early" as const, "complete" as const),
  trialLimit: duration,
  ramp: or(duration, "off"),
  rampFrom: above(1),
  rampCurve: between(0.1, 10)
})

/** A breaker without contradictions. */
const sound = (value: CircuitBreaker.CircuitBreaker): CircuitBreaker.CircuitBreaker => {
  const size = value.window.calls === "all" ? 1_000_000 : value.window.calls
  const rate = (share: number | "off") => (value.strict && share === 1 ? 0.5 : share)
  return {
    ...value,
    minCalls: Math.min(value.minCalls, size),
    failures: value.failures === "off" ? "off" : Math.min(value.failures, size),
    failureRate: rate(value.failureRate),
    slowRate: value.slowAfter === "off" ? "off" : rate(value.slowRate),
    belief: value.belief !== "off" && 1 - 0.5 ** (size + 1) < value.belief ? "off" : value.belief,
    openMax: Duration.max(value.openFor, value.openMax),
    trialSuccesses: Math.min(value.trials, value.trialSuccesses)
  }
}

export const anyBreaker: FastCheck.Arbitrary<CircuitBreaker.CircuitBreaker> = record({
  ...freeFields(positive),
  window: record({ calls: or(count(1000), "all"), duration: or(positive, "none"), slices: count(1000) }),
  minCalls: count(1_000_000),
  failureRate: or(above(1), "off"),
  strict: boolean(),
  slowRate: or(above(1), "off"),
  slowAfter: or(positive, "off"),
  failures: or(count(1000), "off"),
  belief: or(between(0.5, 0.9999), "off"),
  openFor: positive,
  openMax: positive,
  trials: count(100),
  trialSuccesses: count(100)
}).map(sound)

const concurrencyFields = <A>(admission: FastCheck.Arbitrary<A>) => ({
  limit: or(count(1000), "learned"),
  queue: or(integer({ min: 0, max: 1000 }), "unbounded"),
  admission
})

const throttleFields = <A>(duration: FastCheck.Arbitrary<A>) => ({ k: between(1, 100), window: duration })

const hedgingFields = <A>(duration: FastCheck.Arbitrary<A>) => ({ after: or(duration, "auto"), max: count(3) })

const slowFields = <A>(duration: FastCheck.Arbitrary<A>) => {
  const clock = or(duration, "auto", "none")
  return {
    queue: clock,
    load: clock,
    firstToken: clock,
    gap: clock,
    total: clock,
    factor: or(between(1.01, 1000), "off"),
    samples: count(1000),
    least: duration,
    log: boolean()
  }
}

const tags: ReadonlyArray<Fallback.Tag> = ["Timeout", "Unreachable", "Overloaded", "MalformedOutput"]

/** With a model or a host, and no key that is undefined. */
const entry: FastCheck.Arbitrary<Fallback.Fallback> = record(
  {
    model: constantFrom("small", "hf.co/a/b:Q4"),
    host: constantFrom("gpu-box", "https://gpu.lan/ollama", "[::1]:9"),
    on: array(constantFrom(...tags), { minLength: 1, maxLength: 3 })
  },
  { requiredKeys: [] }
).map((fields) => (fields.model === undefined && fields.host === undefined ? { ...fields, model: "small" } : fields))

const fallback = array(entry, { maxLength: 3 })

export const anyRetry: FastCheck.Arbitrary<Retry.Retry> = record(retryFields(positive))
const anyTimeouts: FastCheck.Arbitrary<Timeouts.Timeouts> = record(clocks(positive))
const anyBudget: FastCheck.Arbitrary<RetryBudget.RetryBudget> = record({
  share: between(0, 10),
  floor: integer({ min: 0, max: 10_000 }),
  pool: or(record(poolFields), "off"),
  deposit: or(record(depositFields(positive)), "off")
})
const anyConcurrency: FastCheck.Arbitrary<Concurrency.Concurrency> = record(
  concurrencyFields(or(record({ target: positive, interval: positive }), "off"))
)
const anyThrottle: FastCheck.Arbitrary<Throttle.Throttle> = record(throttleFields(positive))
const anySlow: FastCheck.Arbitrary<Slow.Slow> = record(slowFields(positive))
const anyHedging: FastCheck.Arbitrary<Hedging.Hedging> = record(hedgingFields(positive))

export const anyPolicy: FastCheck.Arbitrary<Policy.Policy> = record({
  timeouts: anyTimeouts,
  retry: anyRetry,
  budget: or(anyBudget, "off"),
  breaker: or(record({ host: or(anyBreaker, "off"), model: or(anyBreaker, "off") }), "off"),
  concurrency: or(anyConcurrency, "off"),
  throttle: or(anyThrottle, "off"),
  hedging: or(anyHedging, "off"),
  fallback,
  slow: or(anySlow, "off")
})

const some = <T extends object>(fields: { [K in keyof T]: FastCheck.Arbitrary<T[K]> }) =>
  record(fields, { requiredKeys: [] })

const anyBreakerPatch = or(some({ ...freeFields(millis), window: some({ slices: count(1000) }) }), "off")

/** As JSON has it: durations in milliseconds. It contradicts no policy. */
export const anyPatch: FastCheck.Arbitrary<Policy.Patch> = some({
  timeouts: some(clocks(millis)),
  retry: some(retryFields(millis)),
  budget: or(
    some({
      share: between(0, 10),
      pool: or(some(poolFields), "off"),
      deposit: or(some(depositFields(millis)), "off")
    }),
    "off"
  ),
  breaker: or(some({ host: anyBreakerPatch, model: anyBreakerPatch }), "off"),
  concurrency: or(some(concurrencyFields(or(some({ target: millis, interval: millis }), "off"))), "off"),
  throttle: or(some(throttleFields(millis)), "off"),
  hedging: or(some(hedgingFields(millis)), "off"),
  fallback,
  slow: or(some(slowFields(millis)), "off")
})
