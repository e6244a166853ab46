/**
 * A client in a process of its own: `client.ts REDIS-PORT HOST`. Its fleet makes a few calls, and the process ends once what it
 * has learned is in Redis.
 */
import * as Redis from "@effect/experimental/Persistence/Redis"
import { Effect, Layer, Schedule } from "effect"
import { Fleet, OllamaClient, SharedState } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { PersistedState } from "effect-ollama/shared"

const [port, host = ""] = process.argv.slice(2)

const Store = PersistedState.layer().pipe(
  Layer.provide(Redis.layer({ host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: 1 }))
)

const Ollama = Fleet.layer({ hosts: [host], shared: { loopback: true, every: "1 second" } }).pipe(
  Layer.provide(OllamaNode.layerHttpClient()),
  Layer.provideMerge(Store)
)

const isTold = Effect.flatMap(SharedState.SharedState, (store) =>
  Effect.map(store.get([`1 ${host}`]), (found) => JSON.stringify(found).includes("generating"))
)

const program = Effect.gen(function* () {
  for (let n = 0; n < 3; n++) {
    yield* OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hi" }] })
  }
  yield* Effect.repeat(isTold, { schedule: Schedule.spaced("100 millis"), until: (told) => told })
})

await Effect.runPromise(Effect.provide(program, Ollama))
