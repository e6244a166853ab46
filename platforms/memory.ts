/** The core with the simulator in memory, on a clock that the program moves itself. */
import { Duration, Effect, Fiber, Layer, Stream, TestClock, TestContext } from "effect"
import { Fleet, OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { request } from "./calls.js"
import { type Case, fails, same } from "./check.js"

const simulated = (options: OllamaSimulator.Options, client: OllamaClient.Options = {}) =>
  Layer.provideMerge(OllamaClient.layer(client), OllamaSimulator.layer(options))

/** Runs a call while the clock moves on in steps. */
const moving = <A, E, R>(call: Effect.Effect<A, E, R>, by: Duration.DurationInput): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(call)
    yield* TestClock.adjust(by)
    return yield* Fiber.join(fiber)
  })

const virtual = (
  name: string,
  run: Effect.Effect<void, unknown, OllamaClient.OllamaClient | OllamaSimulator.OllamaSimulator>,
  options: OllamaSimulator.Options = {}
): Case => ({
  name: `in memory: ${name}`,
  run: run.pipe(Effect.provide(simulated(options)), Effect.provide(TestContext.TestContext))
})

const timed = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(call), ([taken, value]) => [Duration.toSeconds(taken), value] as const)

export const cases: ReadonlyArray<Case> = [
  virtual(
    "a load of four minutes is waited for",
    Effect.gen(function* () {
      const [seconds] = yield* timed(moving(OllamaClient.chat(request("llama3.2")), "240 seconds"))
      yield* same("seconds", seconds, 240)
    }),
    { loadTime: "240 seconds" }
  ),
  virtual(
    "a server that says nothing",
    Effect.gen(function* () {
      const client = yield* OllamaClient.OllamaClient
      const call = client.chat(request("llama3.2"), { policy: { retry: { attempts: 1 } } })
      const error = yield* fails(moving(call, "20 minutes"), { _tag: "Timeout", phase: "load" })
      yield* same("waited", Duration.toSeconds(error.elapsed) >= 300, true)
    }),
    { faults: [Fault.blackHole()] }
  ),
  virtual(
    "retries wait on the clock",
    Effect.gen(function* () {
      const retry = {
        attempts: 3,
        backoff: "constant",
        baseDelay: "1 minute",
        maxDelay: "1 minute",
        jitter: "none"
      } as const
      const [seconds] = yield* timed(moving(OllamaClient.chat(request("llama3.2"), { policy: { retry } }), "2 minutes"))
      yield* same("seconds", seconds, 120)
    }),
    { faults: [Fault.serverBusy({ times: 2, path: "/api/chat" })] }
  ),
  virtual(
    "a stream at the pace of the model",
    Effect.gen(function* () {
      const client = yield* OllamaClient.OllamaClient
      const [seconds, count] = yield* timed(
        moving(Stream.runCount(client.chatStream(request("llama3.2"))), "10 seconds")
      )
      yield* same("seconds and chunks", [seconds, count], [10, 11])
    }),
    { reply: Array.from({ length: 10 }, (_, i) => `${i}`), tokenTime: "1 seconds" }
  ),
  {
    name: "in memory: a fleet moves on",
    run: Effect.gen(function* () {
      const answer = yield* moving(OllamaClient.chat(request("llama3.2")), "10 seconds")
      yield* same("answer", answer.message.content, "second")
    }).pipe(
      Effect.provide(
        Layer.provide(
          Fleet.layer({ hosts: ["first", "second"] }),
          OllamaSimulator.layerMany({ first: { faults: [Fault.resetBeforeHeaders()] }, second: { reply: "second" } })
        )
      ),
      Effect.provide(TestContext.TestContext)
    )
  }
]
