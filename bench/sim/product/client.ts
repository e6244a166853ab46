/** This library without its Fleet: a client for each host, and one of them by lot for each request. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import { OllamaClient, Policy } from "effect-ollama"
import type { Client, Player } from "../contestant.js"
import { dice } from "../dice.js"
import * as Calls from "./calls.js"

export const client: Player = {
  _tag: "Player",
  name: "OllamaClient, random host",
  says: "this library without its Fleet: a client for each host, one of them by lot",
  connectLimit: 2000,
  make: ({ hosts, http, scenario, seed }) =>
    Effect.gen(function* () {
      const next = dice(seed)
      const clients = yield* Effect.forEach(hosts, (host) =>
        Effect.map(OllamaClient.make({ host, policy: Policy.make(Calls.basic) }), (service) =>
          Calls.clientOf(service, scenario)
        )
      ).pipe(Effect.provideService(HttpClient.HttpClient, http), Effect.orDie)
      const any: Client = {
        run: (request, onFirst) => clients[Math.floor(next() * clients.length)]!.run(request, onFirst)
      }
      return any
    })
}
