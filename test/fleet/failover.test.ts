/** Which failures go on to another host: the column "other host" of the retry table. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Fault } from "effect-ollama/testing"
import { asked, model, recorded, settled, simulator, url, world } from "./scene.js"

const loaded = { models: [{ name: model, loaded: true }], reply: "Hello" }

describe("a fleet", () => {
  it.effect("answers", () =>
    Effect.gen(function* () {
      yield* settled
      const { record, result } = yield* recorded()
      assert.isTrue(Either.isRight(result), String(result))
      assert.strictEqual(record.servedBy?.host, record.host)
    }).pipe(Effect.provide(world({ a: loaded, b: loaded })))
  )

  it.effect("goes on at once when a host refuses", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).shutdown
      const { record, result } = yield* recorded()
      assert.isTrue(Either.isRight(result), String(result))
      assert.strictEqual(record.servedBy?.host, url("b"))
      assert.deepStrictEqual(
        record.decisions.map(({ what, why }) => `${what}: ${why}`),
        ["moved: Unreachable on http://a:11434"]
      )
      assert.strictEqual(yield* asked("b", "/api/chat"), 1)
    }).pipe(
      Effect.provide(
        world({ a: loaded, b: loaded }, { placement: { by: "priority" }, hosts: ["a", { host: "b", priority: 1 }] })
      )
    )
  )
})

void Fault
