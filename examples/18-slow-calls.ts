/**
 * Slow and unresponsive calls are in the log while they are slow, not when they have ended or brought the program down:
 * each with the phase it is in, how long that should take, and why it takes longer. The client logs them by itself
 * (`policy.slow`); beside the log they are values, for an alarm or a status page, and so is the record of every call.
 *
 * Here, on a virtual clock: a model that has to be loaded first, a call behind another one, and a model that falls
 * silent in the middle of its answer.
 *
 * expect: ^4 calls, 3 slow: load, firstToken, gap$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Fiber, Layer, Stream } from "effect"
import { type CallEvent, type CallRecord, OllamaClient, Policy, Verdict } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

/** Where it says nothing, a phase is slow after half of its limit, or after three times what was learned. */
const policy = Policy.make({ slow: { load: "20 seconds", firstToken: "10 seconds", gap: "10 seconds" } })

const seconds = (duration: Duration.Duration): string => `${Duration.toSeconds(duration).toFixed(0)} s`

/** What an alarm would be sent. */
const alarm = ({ call, elapsed, phase, verdict }: CallEvent.SlowCall) =>
  Console.log(`slow    #${call.id} in ${phase} since ${seconds(elapsed)}: ${Verdict.text(verdict)}`)

/** What a log of all calls would hold. */
const entry = ({ elapsed, id, outcome, verdict }: CallRecord.CallRecord) =>
  Console.log(`ended   #${id} ${outcome} after ${seconds(elapsed)}: ${Verdict.text(verdict)}`)

const ask = Effect.ignore(OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hello" }] }))

const program = Effect.gen(function* () {
  const simulator = yield* OllamaSimulator.OllamaSimulator
  const slowCalls = yield* OllamaClient.slowCalls.pipe(
    Stream.tap(alarm),
    Stream.take(3),
    Stream.runCollect,
    Effect.fork
  )
  const records = yield* OllamaClient.records.pipe(Stream.tap(entry), Stream.take(4), Stream.runCollect, Effect.fork)
  // both have begun to listen
  yield* Effect.yieldNow()

  // the model is not in memory, and loading it takes 40 seconds
  yield* ask
  // the second of two waits in the server for the only slot
  yield* Effect.all([ask, ask], { concurrency: "unbounded" })
  // the process that generates hangs after three tokens
  yield* simulator.inject(Fault.stallAfter(3, { path: "/api/chat", times: 1 }))
  yield* ask

  const slow = [...(yield* Fiber.join(slowCalls))].map(({ phase }) => phase)
  const calls = [...(yield* Fiber.join(records))]
  yield* Console.log(`${calls.length} calls, ${slow.length} slow: ${slow.join(", ")}`)
})

const Ollama = OllamaClient.layer({ policy }).pipe(
  Layer.provideMerge(
    OllamaSimulator.layer({
      models: [{ name: "llama3.2", loadTime: "40 seconds", tokenTime: "500 millis" }],
      reply: "This is an answer of some thirty words. ".repeat(4),
      parallel: 1
    })
  )
)

program.pipe(Effect.provide(Ollama), onVirtualClock("10 minutes"), NodeRuntime.runMain)
