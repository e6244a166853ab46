/**
 * A download with its progress. One that breaks off goes on where it was when it is asked for again, so a retry around
 * the whole Stream is enough.
 *
 * expect: ^tinyllama:latest is here: completion$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { type Model, OllamaClient, Retry } from "effect-ollama"
import { Fault } from "effect-ollama/testing"
import { ollama } from "./_ollama.js"

const line = ({ completed = 0, status, total }: Model.ProgressResponse): string =>
  total === undefined ? status : `${status} ${Math.round((100 * completed) / total)} %`

const pull = OllamaClient.pull({ model: "tinyllama" }).pipe(
  Stream.map(line),
  Stream.changes,
  Stream.tap(Console.log),
  Stream.tapError((error) => Console.log(error.message)),
  Stream.retry(Retry.toSchedule({ ...Retry.defaults, attempts: 5 })),
  Stream.runDrain
)

// `OllamaClient.ensureModel("tinyllama")` does it only when the model is not there.
const program = Effect.gen(function* () {
  yield* pull
  const { capabilities } = yield* OllamaClient.show({ model: "tinyllama" })
  yield* Console.log(`tinyllama:latest is here: ${capabilities?.join(", ")}`)
})

// In the simulator the first download breaks off.
const stage = { pullTime: "500 millis", faults: [Fault.resetAfter(4, { path: "/api/pull", times: 1 })] } as const

program.pipe(Effect.provide(ollama(stage)), NodeRuntime.runMain)
