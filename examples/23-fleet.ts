/**
 * Three hosts behind one client, and the program does not change. One of them is killed while calls run: those that had
 * not begun go on to another host at once, the others fail with what had arrived. It is asked again once it is back.
 *
 * expect: ^gpu-1 is up$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Layer, Stream } from "effect"
import { type CallRecord, Fleet, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const model = { name: "llama3.2", loaded: true, promptTime: "2 seconds", tokenTime: "300 millis" } as const

const simulated = OllamaSimulator.layerMany({
  "gpu-1": { models: [model], reply: "One of three hosts." },
  "gpu-2": { models: [model], reply: "One of three hosts." },
  "gpu-3": { models: [model], reply: "One of three hosts." }
})

const Ollama = Fleet.layer({ hosts: ["gpu-1", "gpu-2", "gpu-3"] }).pipe(Layer.provideMerge(simulated))

const nameOf = (host: string) => host.replace(/^http:\/\/|:\d+$/g, "")

const told = ({ decisions, id, outcome, servedBy }: CallRecord.CallRecord) => {
  const way = decisions.map(({ what, why }) => ` (${what}: ${why})`).join("")
  return Console.log(`call ${id}: ${outcome}, ${servedBy === undefined ? "by nobody" : nameOf(servedBy.host)}${way}`)
}

const ask = OllamaClient.chat(
  { model: "llama3.2", messages: [{ role: "user", content: "Who are you?" }] },
  { onRecord: told }
)

/** The state of a host, whenever it becomes another. */
const watch = (host: string) =>
  Stream.unwrap(Effect.map(Fleet.Fleet, ({ changes }) => changes)).pipe(
    Stream.map(({ hosts }) => hosts.find((state) => nameOf(state.host) === host)?.status),
    Stream.changes,
    Stream.runForEach((status) => Console.log(`${host} is ${status}`))
  )

const program = Effect.gen(function* () {
  const simulators = yield* OllamaSimulator.OllamaSimulators
  yield* Effect.fork(watch("gpu-1"))
  yield* Effect.sleep("1 second")
  const calls = yield* Effect.forEach([1, 2, 3], () => Effect.fork(Effect.either(ask)))
  yield* Effect.sleep("1 second")
  yield* simulators.at("gpu-1").shutdown
  yield* Effect.forEach(calls, Fiber.join)
  yield* Effect.sleep("1 minute")
  yield* simulators.at("gpu-1").restart
  yield* Effect.sleep("5 seconds")
})

program.pipe(Effect.provide(Ollama), onVirtualClock("2 minutes"), NodeRuntime.runMain)
