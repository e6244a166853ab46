/**
 * How to test a program that calls Ollama: it runs against the simulator, which behaves as a server does, breaks on
 * demand, and takes its time on TestClock. No network, no model, no waiting.
 *
 * In a file of tests each check is `it.effect(name, () => check)` of @effect/vitest, and its assertions are `expect`.
 *
 * expect: ^2 checks passed$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Layer, TestClock, TestContext } from "effect"
import { OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import * as assert from "node:assert/strict"

// ---- the program ----------------------------------------------------------------------------------------------------

const summarise = (text: string) =>
  OllamaClient.chat(
    { model: "llama3.2", messages: [{ role: "user", content: `Summarise: ${text}` }] },
    { policy: { timeouts: { total: "1 minute" } } }
  ).pipe(
    Effect.map((answer) => answer.message.content),
    Effect.catchTag("Timeout", () => Effect.succeed("(no summary today)"))
  )

// ---- its checks -----------------------------------------------------------------------------------------------------

const simulated = (options: OllamaSimulator.Options) =>
  OllamaClient.layer().pipe(Layer.provideMerge(OllamaSimulator.layer(options)))

const comesThroughABusyServer = Effect.gen(function* () {
  const simulator = yield* OllamaSimulator.OllamaSimulator
  const fiber = yield* Effect.fork(summarise("Moby-Dick"))
  yield* TestClock.adjust("10 seconds")
  assert.equal(yield* Fiber.join(fiber), "A whale.")
  const chats = (yield* simulator.requests).filter(({ path }) => path === "/api/chat")
  // two that were refused, the load that the client owns, and the question
  assert.equal(chats.length, 4)
}).pipe(
  Effect.provide(
    simulated({ reply: "A whale.", loadTime: "5 seconds", faults: [Fault.serverBusy({ path: "/api/chat", times: 2 })] })
  )
)

const givesUpAfterAMinute = Effect.gen(function* () {
  const simulator = yield* OllamaSimulator.OllamaSimulator
  const fiber = yield* Effect.fork(summarise("Moby-Dick"))
  yield* TestClock.adjust("1 minute")
  assert.equal(yield* Fiber.join(fiber), "(no summary today)")
  // and the server was told: it does not go on writing
  assert.equal(yield* simulator.inFlight, 0)
}).pipe(Effect.provide(simulated({ tokenTime: "20 seconds", reply: "Call me Ishmael. Some years ago" })))

const checks = { comesThroughABusyServer, givesUpAfterAMinute }

Effect.forEach(Object.entries(checks), ([name, check]) =>
  check.pipe(Effect.provide(TestContext.TestContext), Effect.zipRight(Console.log(`ok ${name}`)))
).pipe(
  Effect.flatMap((passed) => Console.log(`${passed.length} checks passed`)),
  NodeRuntime.runMain
)
