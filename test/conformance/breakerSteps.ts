/** What breaker cases consist of: steps, and what is expected after each. */
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, type OllamaError } from "effect-ollama"
import { optional } from "./cases.js"

export const Expect = Schema.Struct({
  state: optional(Schema.String),
  permitted: optional(Schema.Boolean),
  retryAfterMs: optional(Schema.Number),
  failureRate: optional(Schema.Number),
  slowRate: optional(Schema.Number),
  slowCalls: optional(Schema.Number),
  attempts: optional(Schema.Int),
  executions: optional(Schema.Int),
  error: optional(Schema.String)
})

export const Step = Schema.Struct({
  op: Schema.Literal(
    "failure",
    "success",
    "ignored",
    "acquire",
    "advance",
    "trip",
    "probe-fails",
    "probe-succeeds",
    "call-that-always-fails"
  ),
  ms: optional(Schema.Number),
  durationMs: optional(Schema.Number),
  expect: optional(Expect)
})

export type Step = typeof Step.Type

export const stateNames: Readonly<Record<string, CircuitBreaker.StateName>> = {
  closed: "closed",
  open: "open",
  "half-open": "halfOpen",
  "forced-open": "forcedOpen"
}

export const failure: OllamaError.Attempt = { tag: "Failure", phase: "response", elapsed: Duration.zero }

const off = { consecutive: "off", belief: "off", ramp: "off" } as const

/** A value with no rule but the given ones. */
export const only = (patch: CircuitBreaker.Patch) => CircuitBreaker.of({ ...off, ...patch })

/** Brings a breaker into the state that a case begins with. */
export const begin = (breaker: CircuitBreaker.Breaker, start: string) =>
  Effect.gen(function* () {
    if (start === "forced-open") return yield* breaker.force("forcedOpen")
    if (start === "closed") return
    yield* trip(breaker)
    if (start === "half-open") {
      const { retryAfter } = yield* breaker.state
      yield* TestClock.adjust(retryAfter)
      // a call that ends as nothing is no trial
      yield* ends(breaker, "ignored", 0)
    }
  })

/** Fails until the breaker opens. */
export const trip = (breaker: CircuitBreaker.Breaker) =>
  Effect.gen(function* () {
    for (let calls = 0; (yield* breaker.state).state !== "open"; calls++) {
      assert.isBelow(calls, 1000, "does not open")
      yield* ends(breaker, "failure", 0)
    }
  })

export const now = Effect.map(Effect.clock, (clock) => clock.unsafeCurrentTimeMillis())

/** A call that is let through and ends so, after so long. */
export const ends = (breaker: CircuitBreaker.Breaker, outcome: CircuitBreaker.Outcome, durationMs: number) =>
  Effect.gen(function* () {
    const permit = breaker.unsafeAcquire(yield* now)
    if (permit._tag === "Refusal") return assert.fail(`refused, ${permit.state}`)
    if (durationMs > 0) yield* TestClock.adjust(durationMs)
    permit.settle(outcome, yield* now, failure)
  })

export const percent = (rate: number) => (rate === -1 ? -1 : Math.round(rate * 100))

export const check = (breaker: CircuitBreaker.Breaker, expect: typeof Expect.Type, what: string) =>
  Effect.gen(function* () {
    const found = yield* breaker.state
    if (expect.state !== undefined) assert.strictEqual(found.state, stateNames[expect.state], what)
    if (expect.failureRate !== undefined) assert.strictEqual(percent(found.failureRate), expect.failureRate, what)
    if (expect.slowRate !== undefined) assert.strictEqual(percent(found.slowRate), expect.slowRate, what)
    if (expect.slowCalls !== undefined) assert.strictEqual(found.slow, expect.slowCalls, what)
  })

/** A step, and what an acquired call is held for until the next step says how it ends. */
export const play = (breaker: CircuitBreaker.Breaker, steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    let held: CircuitBreaker.Permit | undefined
    for (const [index, { durationMs = 0, expect = {}, ms = 0, op }] of steps.entries()) {
      const what = `step ${index}: ${op}`
      if (op === "advance") yield* TestClock.adjust(ms)
      else if (op === "trip") yield* trip(breaker)
      else if (op === "acquire") {
        const permit = breaker.unsafeAcquire(yield* now)
        assert.strictEqual(permit._tag === "Permit", expect.permitted, what)
        if (permit._tag === "Permit") held = permit
        else if (expect.retryAfterMs !== undefined) {
          assert.strictEqual(permit.retryAfterMillis, expect.retryAfterMs, what)
          const error = yield* Effect.flip(breaker.run(Effect.void))
          assert.strictEqual(Duration.toMillis(error.retryAfter), expect.retryAfterMs, what)
        }
      } else if (op === "call-that-always-fails") {
        assert.fail("played by its own test")
      } else {
        const outcome = op === "probe-fails" ? "failure" : op === "probe-succeeds" ? "success" : op
        if (held === undefined) yield* ends(breaker, outcome, durationMs)
        else held.settle(outcome, yield* now, failure)
        held = undefined
      }
      yield* check(breaker, expect, what)
    }
  })
