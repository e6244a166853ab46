/** The program in a process of Node, Bun or Deno: `<config as JSON>` is its argument, a line of JSON its result. */
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer } from "effect"
import { OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import * as Broken from "./broken.js"
import * as Calls from "./calls.js"
import * as Check from "./check.js"
import type { Config } from "./config.js"
import * as Memory from "./memory.js"

const config: Config = JSON.parse(process.argv[2] ?? "{}")

const connect: Calls.Connect = (options) => (call) =>
  Effect.provide(
    call,
    config.transport === "node"
      ? OllamaNode.layer(options)
      : Layer.provide(OllamaClient.layer(options), FetchHttpClient.layer)
  )

/** The simplest call, which fails where the platform does not do what it needs. */
const refused = (name: string, expected: Parameters<typeof Check.fails>[1]): Check.Case => ({
  name,
  run: Effect.asVoid(Check.fails(connect({ host: config.simulator })(OllamaClient.list()), expected))
})

const forbidden = refused("an address that the sandbox forbids", {
  _tag: "Blocked",
  by: "firewall",
  remedy: /--allow-net/
})

const unsupported = refused("OllamaNode says that it does not work here", {
  _tag: "InvalidRequest",
  issue: "unsupported",
  remedy: /FetchHttpClient.layer/
})

const cases =
  config.only === "sandbox"
    ? [forbidden]
    : config.only === "unsupported"
      ? [unsupported]
      : [
          ...Calls.cases(config, connect),
          ...Broken.cases(config, connect),
          ...(config.transport === "fetch" ? Memory.cases : [])
        ]

const outcomes = await Effect.runPromise(Check.all(cases))
console.log(JSON.stringify(outcomes))
// what a platform leaves open must not keep it
process.exit(0)
