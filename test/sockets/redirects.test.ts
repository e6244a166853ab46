import { assert, describe, it } from "@effect/vitest"
import { OllamaClient } from "effect-ollama"
import { Effect, Redacted, Stream } from "effect"
import type { IncomingHttpHeaders } from "node:http"
import * as Servers from "./servers.js"
import * as Transports from "./transports.js"

const secrets = {
  apiKey: Redacted.make("sk-secret-key"),
  headers: { "x-gateway-key": Redacted.make("gw-secret-key"), "x-team": "blue" }
}

const options = { policy: { timeouts: { load: "none", firstToken: "none" }, retry: { attempts: 1 } } } as const

interface Seen {
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Answers, and keeps what it was sent. */
const elsewhere = Effect.gen(function* () {
  const seen: Array<Seen> = []
  const server = yield* Servers.http((exchange) => {
    seen.push({ url: exchange.request.url, headers: exchange.request.headers, body: exchange.body })
    Servers.answer(exchange)
  })
  return { server, seen }
})

const redirecting = (status: number, location: string) =>
  Servers.http(({ response }) => {
    response.writeHead(status, { location })
    response.end()
  })

const calls = {
  chat: Effect.asVoid(OllamaClient.chat(Transports.request, options)),
  chatStream: Effect.flatMap(OllamaClient.OllamaClient, (client) =>
    Stream.runDrain(client.chatStream(Transports.request, options))
  )
}

describe.each(Transports.names)("redirects, over %s", (transport) => {
  for (const status of [301, 302, 303, 307, 308]) {
    for (const [name, call] of Object.entries(calls)) {
      it.scopedLive(`${status} to another host: no credentials and no prompt go there: ${name}`, () =>
        Effect.gen(function* () {
          const { seen, server } = yield* elsewhere
          const first = yield* redirecting(status, `http://localhost:${server.port}/api/chat`)
          const error = yield* Effect.flip(
            Effect.provide(call, Transports.layer(transport, { host: first.address, ...secrets }))
          )
          assert.strictEqual(error._tag, "Blocked")
          assert.strictEqual(error._tag === "Blocked" ? error.by : undefined, "captivePortal")
          for (const { body, headers } of seen) {
            assert.notInclude(JSON.stringify(headers), "secret-key")
            assert.notInclude(body, "Hello")
          }
          assert.deepStrictEqual(seen, [])
        })
      )
    }
  }

  it.scopedLive("on the same host they are followed, with credentials and body", () =>
    Effect.gen(function* () {
      const seen: Array<Seen> = []
      const server = yield* Servers.http((exchange) => {
        const { headers, url } = exchange.request
        if (url === "/api/chat") {
          exchange.response.writeHead(307, { location: "/ollama/api/chat" })
          return void exchange.response.end()
        }
        seen.push({ url, headers, body: exchange.body })
        Servers.answer(exchange)
      })
      const answer = yield* OllamaClient.chat(Transports.request, options).pipe(
        Effect.provide(Transports.layer(transport, { host: server.address, ...secrets }))
      )
      assert.strictEqual(answer.message.content, "Hello")
      assert.deepStrictEqual(
        seen.map(({ url }) => url),
        ["/ollama/api/chat"]
      )
      assert.strictEqual(seen[0]?.headers.authorization, "Bearer sk-secret-key")
      assert.strictEqual(seen[0]?.headers["x-gateway-key"], "gw-secret-key")
      assert.include(seen[0]?.body, "Hello")
    })
  )
})
