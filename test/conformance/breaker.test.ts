/** Circuit breakers of failsafe-go, resilience4j, Polly, cockatiel and opossum, expressed as values of ours. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CircuitBreaker } from "effect-ollama"
import { begin, check, ends, failure, now, only, percent, play, stateNames, Step } from "./breakerSteps.js"
import { ids, ofKind, optional } from "./cases.js"

const ran: Array<string> = []

const RatioConfig = Schema.Struct({
  type: Schema.Literal("ratio"),
  failures: Schema.Int,
  window: Schema.Int,
  successes: optional(Schema.Int),
  successWindow: optional(Schema.Int),
  start: Schema.String,
  outerRetry: optional(Schema.Struct({ maxAttempts: Schema.Int }))
})

const TimeConfig = Schema.Struct({
  type: Schema.Literal("time-window"),
  windowS: Schema.Int,
  minCalls: Schema.Int,
  failureRatePct: Schema.Number,
  slowCallMs: Schema.Number,
  slowRatePct: Schema.Number,
  halfOpenPermitted: Schema.Int,
  openWaitMs: Schema.Number,
  start: Schema.String
})

/** failsafe-go: without a threshold of successes, half-open goes by that of failures. */
const ofRatio = ({ failures, successWindow, successes, window }: typeof RatioConfig.Type) =>
  only({
    window: { calls: window, duration: "none" },
    failures,
    trials: successWindow ?? window,
    trialSuccesses: successes ?? window - failures + 1,
    openFor: "1 minute"
  })

/** resilience4j: a failed share that is reached opens, in slices of a second; half-open is judged when complete. */
const ofTime = (config: typeof TimeConfig.Type) => {
  const failureRate = config.failureRatePct / 100
  return only({
    window: { calls: "all", duration: config.windowS * 1000, slices: config.windowS },
    minCalls: config.minCalls,
    failureRate,
    slowAfter: config.slowCallMs,
    slowRate: config.slowRatePct / 100,
    openFor: config.openWaitMs,
    trials: config.halfOpenPermitted,
    trialSuccesses: config.halfOpenPermitted - Math.ceil(failureRate * config.halfOpenPermitted) + 1,
    trialVerdict: "complete"
  })
}

describe("breaker-sequence (failsafe-go, resilience4j)", () => {
  const cases = ofKind(
    "breaker",
    "breaker-sequence",
    Schema.Struct({ config: Schema.Union(RatioConfig, TimeConfig), steps: Schema.Array(Step) })
  )
  for (const { config, id, steps, title } of cases) {
    ran.push(id)
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(config.type === "ratio" ? ofRatio(config) : ofTime(config))
        yield* begin(breaker, config.start)
        if (config.type === "ratio" && config.outerRetry !== undefined) {
          yield* rejectedRetries(breaker, config.outerRetry.maxAttempts, steps)
        } else {
          yield* play(breaker, steps)
        }
      })
    )
  }
})

/** The work runs until the breaker opens; the attempts after that are refused. */
const rejectedRetries = (breaker: CircuitBreaker.Breaker, maxAttempts: number, steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    for (const { expect = {} } of steps) {
      let attempts = 0
      let executions = 0
      const work = Effect.suspend(() => {
        executions++
        return Effect.fail("broken" as const)
      })
      const attempt = Effect.suspend(() => {
        attempts++
        return breaker.run(work)
      })
      const error = yield* Effect.flip(Effect.retry(attempt, { times: maxAttempts - 1 }))
      assert.deepStrictEqual({ attempts, executions }, { attempts: expect.attempts, executions: expect.executions })
      assert.strictEqual(expect.error, "BreakerOpen")
      assert.strictEqual(typeof error === "string" ? error : error._tag, "CircuitOpen")
      yield* check(breaker, expect, "after all attempts")
    }
  })

describe("count-window (resilience4j)", () => {
  const Outcomes = Schema.Array(Schema.Literal("success", "failure"))
  const cases = ofKind(
    "breaker",
    "count-window",
    Schema.Struct({
      config: Schema.Struct({ size: Schema.Int, minCalls: Schema.Int, failureRatePct: Schema.Number }),
      steps: Schema.Array(
        Schema.Struct({
          record: Outcomes,
          expect: Schema.Struct({
            total: Schema.Int,
            failed: Schema.Int,
            rate: Schema.Number,
            verdict: Schema.Literal("below-minimum", "below", "exceeded")
          })
        })
      )
    })
  )
  for (const { config, id, steps, title } of cases) {
    ran.push(id)
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(
          only({
            mode: "observeOnly",
            window: { calls: config.size, duration: "none" },
            minCalls: config.minCalls,
            failureRate: config.failureRatePct / 100
          })
        )
        for (const { expect, record } of steps) {
          for (const outcome of record) yield* ends(breaker, outcome, 0)
          const found = yield* breaker.state
          assert.deepInclude(found, { total: expect.total, failed: expect.failed })
          assert.strictEqual(percent(found.failureRate), expect.rate)
          assert.strictEqual(found.exceeded, expect.verdict === "exceeded" ? "failureRate" : undefined)
        }
      })
    )
  }
})

describe("transition-table and remaining-wait (Polly): must", () => {
  const Row = Schema.Struct({
    from: Schema.String,
    result: Schema.Literal("success", "failure"),
    thresholdReached: optional(Schema.Boolean),
    expect: Schema.String
  })
  const tables = ofKind("breaker", "transition-table", Schema.Struct({ rows: Schema.Array(Row) }))
  const defaults = { host: CircuitBreaker.hostDefaults, model: CircuitBreaker.modelDefaults }

  for (const { id, rows, title } of tables) {
    ran.push(id)
    for (const { expect, from, result, thresholdReached } of rows) {
      for (const [name, value] of Object.entries(defaults)) {
        const what = `${from}, ${result}${thresholdReached === true ? " at the threshold" : ""}`
        it.scoped(`${id}, ${name} defaults: ${title}: ${what}`, () =>
          Effect.gen(function* () {
            const breaker = yield* CircuitBreaker.make(value)
            // the result that arrives is that of a call from before the opening, but for a trial
            const before = breaker.unsafeAcquire(yield* now)
            yield* begin(breaker, from)
            if (from === "closed" && thresholdReached === true) {
              const need = value.consecutive === "off" ? 4 : value.consecutive
              for (let i = 1; i < need; i++) yield* ends(breaker, "failure", 0)
            }
            const call = from === "half-open" ? breaker.unsafeAcquire(yield* now) : before
            if (call._tag === "Refusal") return assert.fail("refused")
            const { retryAfter } = yield* breaker.state
            call.settle(result, yield* now, failure)
            const found = yield* breaker.state
            assert.strictEqual(found.state, stateNames[expect])
            if (from === "open") assert.deepStrictEqual(found.retryAfter, retryAfter)
          })
        )
      }
    }
  }

  const waits = ofKind(
    "breaker",
    "remaining-wait",
    Schema.Struct({ config: Schema.Struct({ openWaitMs: Schema.Number }), steps: Schema.Array(Step) })
  )
  for (const { config, id, steps, title } of waits) {
    ran.push(id)
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(Duration.toMillis(CircuitBreaker.modelDefaults.openFor), config.openWaitMs)
        yield* play(yield* CircuitBreaker.make(CircuitBreaker.modelDefaults), steps)
      })
    )
  }
})

describe("consecutive, count-strict and open-backoff (cockatiel)", () => {
  const consecutive = ofKind(
    "breaker",
    "consecutive",
    Schema.Struct({
      config: Schema.Struct({ threshold: Schema.Int }),
      steps: Schema.Array(
        Schema.Struct({
          op: Schema.Literal("failure", "success"),
          expect: Schema.Struct({ trips: Schema.NullOr(Schema.Boolean) })
        })
      )
    })
  )
  for (const { config, id, steps, title } of consecutive) {
    ran.push(id)
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(only({ mode: "observeOnly", consecutive: config.threshold }))
        for (const { expect, op } of steps) {
          yield* ends(breaker, op, 0)
          assert.strictEqual((yield* breaker.state).exceeded === "consecutive", expect.trips ?? false)
        }
      })
    )
  }

  const strict = ofKind(
    "breaker",
    "count-strict",
    Schema.Struct({
      config: Schema.Struct({
        size: Schema.Int,
        minCalls: Schema.Int,
        threshold: Schema.Number,
        strict: Schema.Boolean
      }),
      rows: Schema.Array(
        Schema.Struct({
          successes: Schema.Int,
          failures: Schema.Int,
          expect: Schema.Struct({ trips: Schema.Boolean })
        })
      )
    })
  )
  for (const { config, id, rows, title } of strict) {
    ran.push(id)
    for (const { expect, failures, successes } of rows) {
      it.scoped(`${id}: ${title}: ${successes} and ${failures}`, () =>
        Effect.gen(function* () {
          const breaker = yield* CircuitBreaker.make(
            only({
              window: { calls: config.size, duration: "none" },
              minCalls: config.minCalls,
              failureRate: config.threshold,
              strict: config.strict
            })
          )
          for (let i = 0; i < successes; i++) yield* ends(breaker, "success", 0)
          for (let i = 0; i < failures; i++) yield* ends(breaker, "failure", 0)
          assert.strictEqual((yield* breaker.state).state, expect.trips ? "open" : "closed")
        })
      )
    }
  }

  const backoff = ofKind(
    "breaker",
    "open-backoff",
    Schema.Struct({
      config: Schema.Struct({ consecutive: Schema.Int, openWaitsMs: Schema.Array(Schema.Number) }),
      steps: Schema.Array(Step)
    })
  )
  for (const { config, id, steps, title } of backoff) {
    ran.push(id)
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        const [first = 0, second = 0] = config.openWaitsMs
        const breaker = yield* CircuitBreaker.make(
          only({ consecutive: config.consecutive, openFor: first, openFactor: second / first })
        )
        yield* play(breaker, steps)
      })
    )
  }
})

describe("volume (opossum)", () => {
  const cases = ofKind(
    "breaker",
    "volume",
    Schema.Struct({
      config: Schema.Struct({ volumeThreshold: Schema.Int, errorThresholdPct: Schema.Number }),
      steps: Schema.Array(Step)
    })
  )
  for (const { config, id, steps, title } of cases) {
    ran.push(id)
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(
          only({ minCalls: config.volumeThreshold, failureRate: config.errorThresholdPct / 100 })
        )
        yield* play(breaker, steps)
      })
    )
  }
})

describe("the file", () => {
  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("breaker")].sort())
  })
})
