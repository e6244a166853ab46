/**
 * Two programs with the same hosts tell each other what they know. The first one learns how fast the hosts are, and finds one
 * of them dead; the second one, which starts later, knows both before its first call. Here both share a memory of this process
 * (`Persistence.layerMemory`); programs on different machines share a Redis:
 * `layer({ host: "redis", maxRetriesPerRequest: 1 })` of `@effect/experimental/Persistence/Redis`.
 *
 * expect: ^second: answered by gpu-2 at the first attempt$
 */
import { Persistence } from "@effect/experimental"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { type CallRecord, Fleet, OllamaClient } from "effect-ollama"
import { PersistedState } from "effect-ollama/shared"
import { OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const model = { name: "llama3.2", loaded: true } as const

const reply = "One of three hosts."

const simulated = OllamaSimulator.layerMany({
  "gpu-1": { models: [model], promptRate: 900, tokenRate: 60, reply },
  "gpu-2": { models: [model], promptRate: 900, tokenRate: 60, reply },
  "gpu-3": { models: [model], promptRate: 400, tokenRate: 25, reply }
})

/** One program: its own fleet, and the store that it shares with the other. */
const Program = Layer.fresh(Fleet.layer({ hosts: ["gpu-1", "gpu-2", "gpu-3"], shared: { every: "1 second" } }))

const Store = PersistedState.layer().pipe(Layer.provide(Persistence.layerMemory))

const nameOf = (host: string) => host.replace(/^http:\/\/|:\d+$/g, "")

const ask = (who: string) => {
  const told = ({ attempts, servedBy }: CallRecord.CallRecord) =>
    Console.log(
      `${who}: answered by ${nameOf(servedBy?.host ?? "nobody")} ` +
        (attempts.length === 0 ? "at the first attempt" : `after ${attempts.length} that failed`)
    )
  const request = { model: "llama3.2", messages: [{ role: "user" as const, content: "Who are you?" }] }
  return Effect.zipRight(OllamaClient.chat(request, { onRecord: told }), Effect.yieldNow())
}

const knowledge = (who: string) =>
  Effect.gen(function* () {
    const fleet = yield* Fleet.Fleet
    const { hosts } = yield* fleet.state
    for (const { host, models, status } of hosts) {
      const rate = models.find(({ generationRate }) => generationRate !== undefined)?.generationRate
      yield* Console.log(
        `${who}: ${nameOf(host)} is ${status}${rate === undefined ? "" : `, ${rate.toFixed(0)} tokens a second`}`
      )
    }
  })

const program = Effect.gen(function* () {
  const simulators = yield* OllamaSimulator.OllamaSimulators
  const first = Effect.gen(function* () {
    yield* Effect.sleep("1 second")
    yield* Effect.forEach(["gpu-1", "gpu-2", "gpu-3"], (host) =>
      OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hello" }] }, { host })
    )
    yield* simulators.at("gpu-1").shutdown
    yield* ask("first")
    yield* Effect.sleep("1 minute")
  })
  const second = Effect.gen(function* () {
    yield* Effect.sleep("1 second")
    yield* knowledge("second")
    yield* ask("second")
  })
  yield* Effect.fork(Effect.provide(first, Program))
  yield* Effect.sleep("30 seconds")
  yield* Effect.provide(second, Program)
})

program.pipe(Effect.provide(Layer.merge(simulated, Store)), onVirtualClock("2 minutes"), NodeRuntime.runMain)
