/** Faults that come after a part of an answer pass by the request that only loads the model. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { expectTag, within } from "../support/clock.js"
import { request } from "../support/replies.js"

const world = (...faults: ReadonlyArray<Fault.Fault>) =>
  OllamaClient.layer().pipe(
    Layer.provideMerge(
      OllamaSimulator.layer({ models: ["llama3.2"], reply: "One two three", loadTime: "3 seconds", faults })
    )
  )

describe("a cold model, and a fault for one request", () => {
  for (const [name, fault] of Object.entries({
    cutAfter: Fault.cutAfter(2, { times: 1 }),
    resetAfter: Fault.resetAfter(2, { times: 1 }),
    endAfter: Fault.endAfter(2, { times: 1 })
  })) {
    it.effect(`${name} hits the answer, and not the load before it`, () =>
      Effect.gen(function* () {
        const error = yield* within(Effect.flip(Stream.runDrain(OllamaClient.chatStream(request))))
        assert.strictEqual(expectTag(error, "StreamInterrupted").partial?.chunks, 2)
        const simulator = yield* OllamaSimulator.OllamaSimulator
        assert.deepStrictEqual(yield* simulator.loads, { begun: 1, finished: 1, aborted: 0 })
      }).pipe(Effect.provide(world(fault)))
    )
  }

  it.effect("what the server answers hits both", () =>
    Effect.gen(function* () {
      yield* within(OllamaClient.chat(request))
      const simulator = yield* OllamaSimulator.OllamaSimulator
      const chats = (yield* simulator.requests).filter(({ path }) => path === "/api/chat")
      assert.strictEqual(chats.length, 3)
    }).pipe(Effect.provide(world(Fault.serverBusy({ times: 1 }))))
  )
})
