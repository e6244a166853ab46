/** Any call, with any fault, left at any time: one start, one end, and each of its milliseconds in one phase. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { request } from "../../support/replies.js"
import { assertWhole, heard, simulated } from "./records.js"

describe("any call", () => {
  const { boolean, integer, record } = FastCheck
  const oneOf = <const Word extends string>(...words: ReadonlyArray<Word>) => FastCheck.constantFrom(...words)
  const time = integer({ min: 0, max: 20_000 })

  /** A server and a call, and when the caller goes away. */
  const anyScene = record({
    method: oneOf("chat", "chatStream", "embed", "pull", "version"),
    loadTime: time,
    promptTime: time,
    tokenTime: integer({ min: 0, max: 3000 }),
    loaded: boolean(),
    parallel: integer({ min: 1, max: 2 }),
    fault: oneOf("none", "busy", "crash", "refused", "cut", "stall"),
    times: integer({ min: 1, max: 4 }),
    leaves: oneOf("never", "early", "late"),
    limit: oneOf("none", "15 seconds"),
    hedging: boolean(),
    calls: integer({ min: 1, max: 4 })
  })

  const faults: Readonly<Record<string, (times: number) => ReadonlyArray<Fault.Fault>>> = {
    none: () => [],
    busy: (times: number) => [Fault.serverBusy({ times })],
    crash: (times: number) => [Fault.error("runner.stopped", { times })],
    refused: (times: number) => [Fault.refused({ times })],
    cut: (times: number) => [Fault.resetAfter(1, { times })],
    stall: (times: number) => [Fault.stallAfter(1, { times })]
  }

  it.scoped.prop(
    "has one start, one end, and each of its milliseconds in one phase",
    [anyScene],
    ([scene]) =>
      Effect.gen(function* () {
        const client = yield* OllamaClient.OllamaClient
        const simulator = yield* OllamaSimulator.OllamaSimulator
        yield* simulator.inject(...(faults[scene.fault]?.(scene.times) ?? []))
        const told = yield* heard(client)
        const options: OllamaClient.CallOptions = {
          policy: { timeouts: { total: scene.limit }, hedging: scene.hedging ? { after: "2 seconds" } : "off" }
        }
        const calls = {
          chat: Effect.asVoid(client.chat(request, options)),
          chatStream: Stream.runDrain(client.chatStream(request, options)),
          embed: Effect.asVoid(client.embed({ model: "all-minilm", input: "Hello" }, options)),
          pull: Stream.runDrain(client.pull({ model: "tinyllama" }, options)),
          version: Effect.asVoid(client.version(options))
        }
        const fibers = yield* Effect.forEach(Array.from({ length: scene.calls }), () =>
          Effect.fork(calls[scene.method])
        )
        if (scene.leaves !== "never") {
          yield* TestClock.adjust(scene.leaves === "early" ? "3 seconds" : "17 seconds")
          yield* Fiber.interruptAll(fibers)
        }
        yield* TestClock.adjust("30 minutes")
        const started = told.events.flatMap((event) => (event._tag === "Started" ? [event.call.id] : []))
        const ended = told.records().map(({ id }) => id)
        assert.strictEqual(started.length, scene.calls)
        assert.deepStrictEqual([...ended].sort(), [...started].sort())
        for (const record of told.records()) assertWhole(record)
        assert.deepStrictEqual((yield* client.state).running, [])
      }).pipe(
        Effect.provide(
          simulated({
            models: [
              {
                name: "llama3.2",
                loadTime: scene.loadTime,
                promptTime: scene.promptTime,
                tokenTime: scene.tokenTime,
                loaded: scene.loaded,
                reply: "One two three"
              },
              { name: "all-minilm", loadTime: scene.loadTime, promptTime: scene.promptTime, loaded: scene.loaded }
            ],
            parallel: scene.parallel
          })
        )
      ),
    { fastCheck: { numRuns: 40 } }
  )
})
