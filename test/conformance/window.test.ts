/** Windows of time in slices, as Polly's rolling health metrics. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { CircuitBreaker, type OllamaError } from "effect-ollama"
import { ids, ofKind, optional } from "./cases.js"

const ran: Array<string> = []

const failure: OllamaError.Attempt = { tag: "Failure", phase: "response", elapsed: Duration.zero }

describe("rolling-window (Polly)", () => {
  const cases = ofKind(
    "window",
    "rolling-window",
    Schema.Struct({
      config: Schema.Struct({ windowMs: Schema.Number, slices: Schema.Int }),
      steps: Schema.Array(
        Schema.Struct({
          record: optional(Schema.Array(Schema.Literal("success", "failure"))),
          advanceMs: optional(Schema.Number),
          expect: optional(Schema.Struct({ total: Schema.Int, rate: Schema.Number, failed: Schema.Int }))
        })
      )
    })
  )
  for (const { config, id, steps, title } of cases) {
    ran.push(id)
    for (const calls of ["all", 1000] as const) {
      it(`${id}: ${title}, of ${calls} calls`, () => {
        const value = CircuitBreaker.of({
          mode: "observeOnly",
          window: { calls, duration: config.windowMs, slices: config.slices },
          minCalls: 1
        })
        let now = 1_000_000
        let state = CircuitBreaker.initial(value, now)
        const tell = (event: CircuitBreaker.Event) => {
          state = CircuitBreaker.transition(value, state, event, now)
        }
        for (const { advanceMs = 0, expect, record = [] } of steps) {
          for (const outcome of record) {
            tell({ _tag: "Acquired" })
            const ended = { generation: state.generation, durationMillis: 0 }
            tell(outcome === "failure" ? { _tag: "Failed", ...ended, failure } : { _tag: "Succeeded", ...ended })
          }
          now += advanceMs
          if (expect === undefined) continue
          const { failed, failureRate, total } = CircuitBreaker.read(value, state, now)
          assert.deepStrictEqual({ total, failed, rate: failureRate }, expect)
        }
      })
    }
  }
})

describe("the file", () => {
  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("window")].sort())
  })
})
