/**
 * A Schedule of one's own, composed with ours: the client's retries become "ours, but never more than four, and told
 * each time"; and around a whole program `Retry.toSchedule` retries what is retryable and stops at anything else.
 *
 * expect: ^Hello! after 4 requests$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, type Duration, Effect, Layer, Schedule } from "effect"
import { OllamaClient, type OllamaError, Retry } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const patient = Retry.toSchedule({ ...Retry.defaults, attempts: 10, jitter: "none" })

const told: Schedule.Schedule<Duration.Duration, OllamaError.OllamaError> = patient.pipe(
  Schedule.tapInput((error: OllamaError.OllamaError) => Console.log(`${error._tag}: again`)),
  Schedule.intersect(Schedule.recurs(3)),
  Schedule.map(([wait]) => wait)
)

const program = Effect.gen(function* () {
  const simulator = yield* OllamaSimulator.OllamaSimulator
  const { message } = yield* OllamaClient.chat(
    { model: "llama3.2", messages: [{ role: "user", content: "Hi" }] },
    { retrySchedule: told }
  )
  const asked = (yield* simulator.requests).filter(({ path }) => path === "/api/chat")
  yield* Console.log(`${message.content} after ${asked.length} requests`)
}).pipe(
  // around everything: here it has nothing to do
  Effect.retry(patient)
)

const Ollama = OllamaClient.layer().pipe(
  Layer.provideMerge(
    OllamaSimulator.layer({
      models: [{ name: "llama3.2", loaded: true }],
      reply: "Hello!",
      faults: [Fault.serverBusy({ path: "/api/chat", times: 3 })]
    })
  )
)

program.pipe(Effect.provide(Ollama), onVirtualClock("1 minute"), NodeRuntime.runMain)
