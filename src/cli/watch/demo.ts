/** Two simulated servers and programs that ask them, so that every column can be seen without a server. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaError from "../../OllamaError.js"
import * as Policy from "../../policy/Policy.js"
import * as Fault from "../../testing/Fault.js"
import * as OllamaSimulator from "../../testing/OllamaSimulator.js"
import type { Server } from "./Source.js"

const models = ["llama3.2", "qwen3", "gemma3"]

interface Machine {
  readonly host: string
  readonly options: OllamaSimulator.Options
}

const machines: ReadonlyArray<Machine> = [
  {
    host: "http://gpu-box:11434",
    options: {
      models: models.map((name) => ({ name, size: 3_000_000_000, gpu: 1 })),
      memory: 7_000_000_000,
      parallel: 2,
      loadTime: "1500 millis",
      promptTime: "250 millis",
      tokenTime: "20 millis"
    }
  },
  {
    host: "http://laptop:11434",
    options: {
      models: models.map((name) => ({ name, size: 3_000_000_000, gpu: 0.6 })),
      memory: 4_000_000_000,
      loadTime: "3 seconds",
      promptTime: "700 millis",
      tokenTime: "70 millis"
    }
  }
]

interface Simulated extends Server {
  readonly simulator: OllamaSimulator.Service
}

const start = ({ host, options }: Machine): Effect.Effect<Simulated, OllamaError.InvalidRequest, Scope.Scope> =>
  Effect.gen(function* () {
    const { client: http, simulator } = yield* OllamaSimulator.make(options)
    const policy = Policy.make({ breaker: { host: { openFor: "3 seconds" } } })
    const client = yield* OllamaClient.make({ host, policy }).pipe(Effect.provideService(HttpClient.HttpClient, http))
    return { host, client, simulator }
  })

const between = (low: number, high: number) =>
  Effect.flatMap(Random.nextIntBetween(low, high), (millis) => Effect.sleep(millis))

/** A program that asks, reads the answer, thinks, and asks again; mostly the first model. */
const user = ({ client }: Simulated) =>
  Effect.gen(function* () {
    yield* between(100, 2500)
    const dice = yield* Random.next
    const model = (dice < 0.75 ? models[0] : dice < 0.92 ? models[1] : models[2]) ?? "llama3.2"
    yield* Effect.ignore(client.chat({ model, messages: [{ role: "user", content: "Why is the sky blue?" }] }))
  }).pipe(Effect.forever)

/** What happens to servers: they slow down for a while, are too busy, or are gone. */
const fate = ({ simulator }: Simulated) =>
  Effect.gen(function* () {
    yield* between(6000, 12_000)
    yield* simulator.slowDown(4)
    yield* between(4000, 6000)
    yield* simulator.slowDown(1)
    yield* between(3000, 6000)
    yield* simulator.inject(Fault.serverBusy({ times: 3 }))
    yield* between(4000, 8000)
    yield* simulator.shutdown
    yield* between(3000, 5000)
    yield* simulator.restart
  }).pipe(Effect.forever)

/** The servers, with all that goes on there until the Scope closes. */
export const servers: Effect.Effect<ReadonlyArray<Server>, OllamaError.InvalidRequest, Scope.Scope> = Effect.gen(
  function* () {
    const all = yield* Effect.forEach(machines, start)
    for (const server of all) {
      yield* Effect.forkScoped(Effect.all([user(server), user(server), user(server)], { concurrency: "unbounded" }))
      yield* Effect.forkScoped(fate(server))
    }
    return all
  }
)
