/** The program in a page, which hands its results in at the desk. */
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer } from "effect"
import { OllamaClient } from "effect-ollama"
import * as Broken from "./broken.js"
import * as Calls from "./calls.js"
import * as Check from "./check.js"
import type { Config } from "./config.js"
import * as Memory from "./memory.js"
import * as Page from "./page.js"

const config: Config = JSON.parse(decodeURIComponent(location.hash.slice(1)))

const connect: Calls.Connect = (options) => (call) =>
  Effect.provide(call, Layer.provide(OllamaClient.layer(options), FetchHttpClient.layer))

const cases = {
  "127.0.0.1": () => [
    ...Calls.cases(config, connect),
    ...Broken.cases(config, connect),
    ...Memory.cases,
    ...Page.atHome(config, connect)
  ],
  "allowed.example": () => Calls.cases(config, connect).slice(0, 3),
  "app.example": () => Page.abroad(config, connect),
  "public.example": () => Page.fromOutside(config, connect)
}

const isKnown = (name: string): name is keyof typeof cases => name in cases

const handIn = (outcomes: unknown, query: string) =>
  Effect.promise(() => fetch(`/report${query}`, { method: "POST", body: JSON.stringify(outcomes) }))

Effect.runFork(
  Check.all(isKnown(location.hostname) ? cases[location.hostname]() : [], (soFar) =>
    Effect.asVoid(handIn(soFar, ""))
  ).pipe(Effect.flatMap((outcomes) => handIn(outcomes, "?all")))
)
