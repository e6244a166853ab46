/** How likely a client holds a call back: Google SRE book, eq. 21-1. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Throttle } from "effect-ollama"
import { ids, ofKind } from "./cases.js"

const ran: Array<string> = []

describe("sre", () => {
  const cases = ofKind(
    "client-throttle",
    "sre",
    Schema.Struct({
      config: Schema.Struct({ K: Schema.Number }),
      rows: Schema.Array(
        Schema.Struct({
          requests: Schema.Int,
          accepts: Schema.Int,
          expect: Schema.Struct({ probability: Schema.Number })
        })
      )
    })
  )
  for (const { config, id, rows } of cases) {
    ran.push(id)
    it(`${id}: it is the default`, () => {
      assert.strictEqual(Throttle.defaults.k, config.K)
    })

    for (const { accepts, expect, requests } of rows) {
      it.scoped(`${id}: ${requests} requests, ${accepts} accepts`, () =>
        Effect.gen(function* () {
          assert.strictEqual(Throttle.rejection(requests, accepts, config.K), expect.probability)
          const throttle = yield* Throttle.make(Throttle.defaults)
          for (let i = 0; i < requests; i++) {
            // never held back: the chance is above every probability
            const ticket = throttle.unsafeAcquire(0, 1)
            if (ticket._tag === "Refusal") return assert.fail("held back")
            if (i >= accepts) ticket.rejected()
          }
          assert.deepStrictEqual(yield* throttle.state, { requests, accepts, probability: expect.probability })
        })
      )
    }
  }
})

describe("the file", () => {
  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("client-throttle")].sort())
  })
})
