/** Policies and patches, for property tests. */
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import type { Policy, Retry, Timeouts } from "effect-ollama"

const positive = FastCheck.integer({ min: 1, max: 10_000_000 }).map((millis) => Duration.millis(millis))

const clock: FastCheck.Arbitrary<Timeouts.Clock> = FastCheck.oneof(
  positive,
  FastCheck.constantFrom("auto" as const, "none" as const)
)

const clocks = { connect: clock, load: clock, firstToken: clock, gap: clock, total: clock }

const retryFields = {
  attempts: FastCheck.integer({ min: 1, max: 100 }),
  backoff: FastCheck.constantFrom("exponential" as const, "linear" as const, "constant" as const),
  baseDelay: positive,
  factor: FastCheck.double({ min: 1, max: 100, noNaN: true }),
  maxDelay: positive,
  jitter: FastCheck.constantFrom("none" as const, "full" as const, "equal" as const, "decorrelated" as const),
  whileOffline: FastCheck.constant("fail" as const),
  offlineLimit: positive
}

export const anyRetry: FastCheck.Arbitrary<Retry.Retry> = FastCheck.record(retryFields)

export const anyPolicy: FastCheck.Arbitrary<Policy.Policy> = FastCheck.record({
  timeouts: FastCheck.record(clocks),
  retry: anyRetry
})

export const anyPatch: FastCheck.Arbitrary<Policy.Patch> = FastCheck.record(
  {
    timeouts: FastCheck.record(clocks, { requiredKeys: [] }),
    retry: FastCheck.record(retryFields, { requiredKeys: [] })
  },
  { requiredKeys: [] }
)
