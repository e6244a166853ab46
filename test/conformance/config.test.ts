/** Ceilings of attempts, and values that are refused: gRPC's retry policy and retry throttling, as values of ours. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { OllamaError, Policy, Retry, RetryBudget } from "effect-ollama"
import { within } from "../support/clock.js"
import { ids, ofKind, optional } from "./cases.js"

const ran: Array<string> = []

const unavailable = new OllamaError.Unreachable({ reason: "refused" })

describe("attempt-cap-merge", () => {
  const cases = ofKind(
    "config",
    "attempt-cap-merge",
    Schema.Struct({
      rows: Schema.Array(
        Schema.Struct({
          policyMaxAttempts: Schema.Int,
          clientCeiling: Schema.NullOr(Schema.Int),
          expect: Schema.Struct({ attempts: Schema.Int })
        })
      )
    })
  )
  for (const { id, rows } of cases) {
    ran.push(id)
    for (const { clientCeiling, expect, policyMaxAttempts } of rows) {
      it.scoped(`${id}: ${policyMaxAttempts} under ${clientCeiling}`, () =>
        Effect.gen(function* () {
          const budget = yield* RetryBudget.make(RetryBudget.defaults)
          const { retry } = Policy.make({ retry: { attempts: policyMaxAttempts } })
          let attempts = 0
          const attempt = Effect.suspend(() => {
            attempts++
            return unavailable
          })
          const capped = RetryBudget.cap(retry, clientCeiling ?? undefined)
          yield* within(Effect.flip(budget.retry(attempt, capped)))
          assert.strictEqual(attempts, expect.attempts)
        })
      )
    }
  }
})

const strict = { errors: "all", onExcessProperty: "error" } as const
const decodeRetry = Schema.decodeUnknownEither(Retry.Retry, strict)
const decodeBudget = Schema.decodeUnknownEither(RetryBudget.RetryBudget, strict)

const RetryPolicy = Schema.Struct({
  maxAttempts: Schema.Number,
  initialBackoffMs: Schema.Number,
  maxBackoffMs: Schema.Number,
  backoffMultiplier: Schema.Number,
  retryable: Schema.Array(Schema.String)
})

const Throttling = Schema.Struct({ maxTokens: Schema.Number, tokenRatio: Schema.Number })

describe("validation", () => {
  const cases = ofKind(
    "config",
    "validation",
    Schema.Struct({
      rows: Schema.Array(
        Schema.Struct({
          retryPolicy: optional(RetryPolicy),
          retryThrottling: optional(Throttling),
          expect: Schema.Literal("valid", "invalid")
        })
      )
    })
  )

  const retryOf = (policy: typeof RetryPolicy.Type) => ({
    attempts: policy.maxAttempts,
    backoff: "exponential",
    baseDelay: policy.initialBackoffMs,
    factor: policy.backoffMultiplier,
    maxDelay: policy.maxBackoffMs,
    jitter: "full",
    whileOffline: "fail",
    offlineLimit: "10 minutes"
  })

  const poolOf = ({ maxTokens, tokenRatio }: typeof Throttling.Type) => ({
    size: maxTokens,
    initial: "full",
    cost: 1,
    perSuccess: tokenRatio,
    refund: "none",
    charge: "failures",
    threshold: 0.5
  })

  for (const { id, rows } of cases) {
    ran.push(id)
    for (const { expect, retryPolicy, retryThrottling } of rows) {
      const wanted = expect === "valid"
      if (retryThrottling !== undefined) {
        it(`${id}: ${expect}: ${JSON.stringify(retryThrottling)}`, () => {
          const decoded = decodeBudget({ ...RetryBudget.defaults, pool: poolOf(retryThrottling) })
          assert.strictEqual(Either.isRight(decoded), wanted)
        })
      }
      if (retryPolicy === undefined) continue
      const title = `${id}: ${expect}: ${JSON.stringify(retryPolicy)}`
      const decoded = decodeRetry(retryOf(retryPolicy))
      if (retryPolicy.maxAttempts === 1) {
        it(`${title}: valid here, because attempts count the first one and one attempt is how no retry is written`, () => {
          assert.isFalse(wanted)
          assert.isTrue(Either.isRight(decoded))
          assert.strictEqual(Retry.none.attempts, 1)
        })
      } else if (retryPolicy.retryable.length === 0) {
        it(`${title}: which failures are retryable is no field here, so no list is accepted, empty or not`, () => {
          assert.isFalse(wanted)
          for (const retryable of [[], ["UNAVAILABLE"]]) {
            assert.isTrue(Either.isLeft(decodeRetry({ ...retryOf(retryPolicy), retryable })))
          }
        })
      } else {
        it(title, () => {
          assert.strictEqual(Either.isRight(decoded), wanted)
        })
      }
    }
  }
})

describe("the file", () => {
  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("config")].sort())
  })
})
