/** The engine against the simulator, which behaves as Ollama does: loads, queues, crashes. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { expectTag, expectTimeout, failsAt, within } from "../support/clock.js"
import { request } from "../support/replies.js"

const world = (options: OllamaSimulator.Options) =>
  Layer.provideMerge(OllamaClient.layer(), OllamaSimulator.layer(options))

const inMemory = { name: "llama3.2", loaded: true }

describe("a cold model", () => {
  it.effect("that takes four minutes to load is not taken for a dead server", () =>
    Effect.gen(function* () {
      const response = yield* within(OllamaClient.chat(request), "5 minutes")
      assert.strictEqual(response.message.content, "One two three")
      const simulator = yield* OllamaSimulator.OllamaSimulator
      assert.deepStrictEqual(yield* simulator.loads, { begun: 1, finished: 1, aborted: 0 })
    }).pipe(Effect.provide(world({ models: ["llama3.2"], loadTime: "4 minutes", reply: "One two three" })))
  )

  it.effect("that never comes ends on the load clock, once, and says so", () =>
    Effect.gen(function* () {
      const limit = 300_000
      expectTimeout(yield* failsAt(OllamaClient.chat(request), limit), "load", limit)
      yield* TestClock.adjust(0)
      const simulator = yield* OllamaSimulator.OllamaSimulator
      assert.deepStrictEqual(yield* simulator.loads, { begun: 1, finished: 0, aborted: 1 })
    }).pipe(Effect.provide(world({ models: ["llama3.2"], loadTime: "1 hour" })))
  )

  it.effect("that is loaded and then too slow for its prompt ends as firstToken", () =>
    Effect.gen(function* () {
      const error = yield* failsAt(OllamaClient.chat(request), 60_000 + 30_050)
      expectTimeout(error, "firstToken", 30_050)
    }).pipe(Effect.provide(world({ models: ["llama3.2"], loadTime: "1 minute", promptTime: "1 hour" })))
  )
})

describe("a model in memory", () => {
  it.effect("that is too slow ends on the firstToken clock", () =>
    Effect.gen(function* () {
      expectTimeout(yield* failsAt(OllamaClient.chat(request), 30_050), "firstToken", 30_050)
    }).pipe(Effect.provide(world({ models: [{ ...inMemory, promptTime: "1 hour" }] })))
  )
})

describe("a server that sheds, crashes, and comes back", () => {
  it.effect("is answered after the retries of the policy", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      yield* simulator.inject(
        Fault.serverBusy({ path: "/api/chat", times: 1 }),
        Fault.error("runner.stopped", { path: "/api/chat", times: 1 })
      )
      const chunks = yield* within(Stream.runCollect(OllamaClient.chatStream(request)))
      assert.strictEqual(
        Chunk.toReadonlyArray(chunks)
          .map((chunk) => chunk.message.content)
          .join(""),
        "One two three"
      )
      const asked = (yield* simulator.requests).filter((seen) => seen.path === "/api/chat")
      // two loads that failed, one that did not, and the call
      assert.strictEqual(asked.length, 4)
    }).pipe(Effect.provide(world({ models: ["llama3.2"], reply: "One two three" })))
  )

  it.effect("in the middle of an answer it is not asked again: what had come is in the failure", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      yield* simulator.inject(Fault.resetAfter(2, { path: "/api/chat", times: 1 }))
      const error = expectTag(yield* within(Effect.flip(OllamaClient.chat(request))), "StreamInterrupted")
      assert.strictEqual(error.partial?.text, "One two")
      const asked = (yield* simulator.requests).filter((seen) => seen.path === "/api/chat")
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide(world({ models: [inMemory], reply: "One two three" })))
  )
})

describe("the server notices", () => {
  it.effect("that a stream was left", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      yield* within(Stream.runDrain(Stream.take(OllamaClient.chatStream(request), 1)))
      const asked = (yield* simulator.requests).find((seen) => seen.path === "/api/chat")
      const ended = yield* simulator.ended(asked?.index ?? -1)
      assert.strictEqual(ended.how, "left")
    }).pipe(Effect.provide(world({ models: [inMemory], reply: "One two three", tokenTime: 1000 })))
  )
})
