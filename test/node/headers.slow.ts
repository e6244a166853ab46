/** What dies after 300 s elsewhere; `npm run test:slow`. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Effect } from "effect"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

const silence = 310_000

describe("a server that is silent for 310 seconds", () => {
  const cases: Readonly<Record<string, (exchange: Servers.Exchange) => void>> = {
    "before the headers": (exchange) => void setTimeout(() => Servers.answer(exchange), silence),
    "in the body": (exchange) => {
      Servers.startStream(exchange)
      exchange.response.write(Servers.chunk("Hel"))
      setTimeout(() => {
        exchange.response.write(Servers.chunk("lo"))
        exchange.response.end(Servers.chunk("", true))
      }, silence)
    }
  }
  for (const [name, serve] of Object.entries(cases)) {
    it.concurrent(name, () =>
      Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const server = yield* Servers.http(serve)
            const answer = yield* Effect.provide(
              OllamaClient.chat(Transports.request),
              OllamaNode.layer({ host: server.address, policy: Policy.none })
            )
            assert.strictEqual(answer.message.content, "Hello")
          })
        )
      )
    )
  }
})
