/** How many retries a share of the requests allows: Finagle. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { RetryBudget } from "effect-ollama"
import { ids, ofKind } from "./cases.js"

const ran: Array<string> = []

const decode = Schema.decodeUnknown(RetryBudget.RetryBudget)

describe("deposit-budget (Finagle)", () => {
  const cases = ofKind(
    "retry-budget",
    "deposit-budget",
    Schema.Struct({
      config: Schema.Struct({ requests: Schema.Int, toleranceRetries: Schema.Int }),
      rows: Schema.Array(
        Schema.Struct({
          ttlS: Schema.Number,
          minPerS: Schema.Number,
          pct: Schema.Number,
          expect: Schema.Struct({ retries: Schema.Int })
        })
      )
    })
  )
  for (const { config, id, rows } of cases) {
    ran.push(id)
    for (const { expect, minPerS, pct, ttlS } of rows) {
      it.scoped(`${id}: ${ttlS} s, ${minPerS}/s, ${pct}`, () =>
        Effect.gen(function* () {
          const value = yield* decode({
            share: 1,
            floor: 1,
            pool: "off",
            deposit: { share: pct, window: `${ttlS} seconds`, perSecond: minPerS }
          })
          const budget = yield* RetryBudget.make(value)
          let retries = 0
          for (let request = 0; request < config.requests; request++) {
            budget.unsafeBegin(0)
            budget.unsafeOutcome("failure")
            const grant = budget.unsafeAcquire(0, "transient")
            if (grant !== undefined) retries++
            grant?.release("failure")
            budget.unsafeEnd()
          }
          assert.approximately(retries, expect.retries, config.toleranceRetries)
        })
      )
    }
  }
})

describe("the file", () => {
  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("retry-budget")].sort())
  })
})
