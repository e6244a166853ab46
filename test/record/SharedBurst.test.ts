/** Calls of a burst make each other slow: the first of them as well, which began when there was no other. */
import { assert, describe, it } from "@effect/vitest"
import { type CallRecord, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { Effect, Fiber, Layer, TestClock } from "effect"

const reply = { content: "word ".repeat(80).trim() }
const simulator = OllamaSimulator.layer({
  models: [{ name: "llama3.2", size: 2e9, gpu: 1 }],
  tokenRate: 20,
  parallel: 8,
  together: 8,
  reply
})

const recorded = Effect.gen(function* () {
  const records: Array<CallRecord.CallRecord> = []
  yield* OllamaClient.chat(
    { model: "llama3.2", messages: [{ role: "user", content: "hi" }] },
    { onRecord: (record) => Effect.sync(() => records.push(record)) }
  )
  yield* Effect.yieldNow()
  return records[0]!
})

const passing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("5 minutes")
    return yield* Fiber.join(fiber)
  })

describe("a burst of calls that makes each of them slow", () => {
  it.effect("is told to all of them, also to those that began before the others", () =>
    Effect.gen(function* () {
      for (let call = 0; call < 12; call++) yield* passing(recorded)
      const { slowDown } = yield* OllamaSimulator.OllamaSimulator
      yield* slowDown(6)
      const late = Effect.delay(recorded, "1 second")
      const burst = yield* passing(Effect.all([recorded, recorded, late, late, late, late], { concurrency: 6 }))
      assert.deepStrictEqual(
        burst.map(({ verdict }) => (verdict._tag === "Shared" ? verdict.inFlight : verdict._tag)),
        [6, 6, 6, 6, 6, 6]
      )
    }).pipe(Effect.provide(Layer.provideMerge(OllamaClient.layer(), simulator)))
  )
})
