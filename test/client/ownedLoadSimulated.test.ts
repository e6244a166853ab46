/** The client's loads against the simulator, which throws away the load of a request that is left, as Ollama does. */
import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { expectTag, expectTimeout } from "../support/clock.js"
import { request } from "../support/replies.js"

const world = (options: OllamaSimulator.Options) =>
  Layer.provideMerge(OllamaClient.layer(), OllamaSimulator.layer(options))

const oneMinute = { models: ["llama3.2"], loadTime: "60 seconds", promptTime: 0, tokenTime: 0, reply: "Hello" } as const

const chat = OllamaClient.chat(request)
const impatient = OllamaClient.withPolicy(chat, { timeouts: { total: "10 seconds" } })

describe("a load of 60 seconds", () => {
  it.effect("for 50 callers with 10 seconds of patience: one load, none thrown away, and who stays is answered", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      const leaving = yield* Effect.fork(
        Effect.all(
          Array.makeBy(50, () => Effect.either(impatient)),
          { concurrency: "unbounded" }
        )
      )
      const staying = yield* Effect.fork(
        Effect.all(
          Array.makeBy(3, () => chat),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("10 seconds")
      for (const result of yield* Fiber.join(leaving)) {
        assert.isTrue(result._tag === "Left")
        if (result._tag === "Left") expectTimeout(result.left, "total", "10 seconds")
      }
      yield* TestClock.adjust("50 seconds")
      const answers = yield* Fiber.join(staying)
      assert.deepStrictEqual(
        answers.map((answer) => answer.message.content),
        ["Hello", "Hello", "Hello"]
      )
      assert.deepStrictEqual(yield* simulator.loads, { begun: 1, finished: 1, aborted: 0 })
    }).pipe(Effect.provide(world(oneMinute)))
  )

  it.effect("when all of them leave, finds the model in memory for those who come later", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      for (const _ of Array.range(1, 5)) {
        const leaving = yield* Effect.fork(
          Effect.all(
            Array.makeBy(10, () => Effect.flip(impatient)),
            { concurrency: "unbounded" }
          )
        )
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(leaving)
      }
      yield* TestClock.adjust("10 seconds")
      const answered = yield* Effect.fork(
        Effect.all(
          Array.makeBy(10, () => impatient),
          { concurrency: 10 }
        )
      )
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* Fiber.join(answered)).length, 10)
      assert.deepStrictEqual(yield* simulator.loads, { begun: 1, finished: 1, aborted: 0 })
    }).pipe(Effect.provide(world(oneMinute)))
  )

  it.effect("without the client's own load it would be begun again and again: each caller throws his away", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      const bare = OllamaClient.withPolicy(chat, { timeouts: { load: "none", firstToken: "none" } })
      for (const _ of Array.range(1, 5)) {
        const leaving = yield* Effect.fork(Effect.timeout(bare, "10 seconds").pipe(Effect.flip))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(leaving)
      }
      yield* TestClock.adjust("10 seconds")
      const { aborted, finished } = yield* simulator.loads
      assert.deepStrictEqual([aborted, finished], [5, 0])
    }).pipe(Effect.provide(world(oneMinute)))
  )

  it.effect("of a model that is not there: all who wait are told, once", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      const errors = yield* Effect.all(
        Array.makeBy(20, () => Effect.flip(OllamaClient.chat({ ...request, model: "other" }))),
        { concurrency: "unbounded" }
      )
      for (const error of errors) expectTag(error, "ModelNotFound")
      const asked = (yield* simulator.requests).filter((seen) => seen.path === "/api/chat")
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide(world(oneMinute)))
  )

  it.effect("of an embedding model for a chat ends as the chat's own failure", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(OllamaClient.chat({ ...request, model: "nomic" }))
      assert.strictEqual(expectTag(error, "InvalidRequest").issue, "unsupported")
    }).pipe(Effect.provide(world({ models: [{ name: "nomic", capabilities: ["embedding"] }] })))
  )
})
