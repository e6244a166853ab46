/** Envoy's slow start: what share of its calls a target gets that has come back. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { CircuitBreaker } from "effect-ollama"
import { ids, ofKind } from "./cases.js"

const ran: Array<string> = []

describe("slow-start (Envoy)", () => {
  const cases = ofKind(
    "warmup",
    "slow-start",
    Schema.Struct({
      config: Schema.Struct({ windowMs: Schema.Number, minPercent: Schema.Number }),
      rows: Schema.Array(
        Schema.Struct({
          tMs: Schema.Number,
          aggression: Schema.Number,
          expect: Schema.Struct({ weight: Schema.Number })
        })
      )
    })
  )
  for (const { config, id, rows, title } of cases) {
    ran.push(id)
    for (const { aggression, expect, tMs } of rows) {
      it(`${id}: ${title}: ${tMs} ms, aggression ${aggression}`, () => {
        const value = CircuitBreaker.of({
          ramp: config.windowMs,
          rampFrom: config.minPercent / 100,
          rampCurve: aggression
        })
        const recoveredAt = 5_000_000
        const state = { ...CircuitBreaker.initial(value, 0), recoveredAt }
        assert.approximately(CircuitBreaker.weight(value, state, recoveredAt + tMs), expect.weight, 1e-12)
      })
    }
  }
})

describe("the file", () => {
  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("warmup")].sort())
  })
})
