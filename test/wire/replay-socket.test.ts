/**
 * The recordings once more, over real sockets and with each transport of Node.
 */
import { describe, it } from "@effect/vitest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OllamaClient, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { make } from "./calls.js"
import { check } from "./check.js"
import { expected } from "./expected.js"
import { read, versions } from "./recordings.js"

const policy = Policy.make({ retry: { attempts: 1 } })

type Options = Parameters<typeof OllamaClient.layer>[0]

const transports = {
  undici: (options: Options) => OllamaNode.layer(options),
  fetch: (options: Options) => OllamaClient.layer(options).pipe(Layer.provide(FetchHttpClient.layer)),
  "node:http": (options: Options) => OllamaClient.layer(options).pipe(Layer.provide(NodeHttpClient.layer))
}

/** Real time would take minutes: the order of things is kept, the pauses are not. */
const speed = 1_000

for (const [transport, layer] of Object.entries(transports)) {
  for (const version of versions) {
    describe.concurrent(`${version} over ${transport}`, () => {
      for (const [name, expectation] of Object.entries(expected[version])) {
        if ("notOurs" in expectation) continue
        for (const { calls, result } of expectation) {
          for (const call of calls) {
            it.scopedLive(
              `${name} answers ${call.method}${call.headers ? ` with ${Object.keys(call.headers)}` : ""}`,
              () =>
                Effect.gen(function* () {
                  const server = yield* OllamaSimulatorServer.recorded(read(version, name), { speed })
                  const outcome = yield* make(call).pipe(
                    Effect.provide(layer({ host: server.url, policy, ...(call.headers && { headers: call.headers }) }))
                  )
                  check(outcome, call, result, { breakLoses: true })
                })
            )
          }
        }
      }
    })
  }
}
