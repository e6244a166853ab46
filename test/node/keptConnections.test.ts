/** Connections that were kept and are dead: one tells of all, so that a call does not try them one after the other. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Effect } from "effect"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

const atOnce = 4

/**
 * Keeps the first calls waiting until all of them are there, so that each has a connection of its own. Those
 * connections it resets when it is told to forget them, and each time that one of them is used.
 */
const server = Effect.gen(function* () {
  const forgotten = new Set<number>()
  const known = new Set<number>()
  const waiting: Array<Servers.Exchange> = []
  const seen = { resets: 0 }
  const listening = yield* Servers.http((exchange) => {
    if (forgotten.has(exchange.connection)) {
      seen.resets++
      return void exchange.socket.resetAndDestroy()
    }
    known.add(exchange.connection)
    if (exchange.request.url === "/api/ps") return Servers.json(exchange, 200, { models: [{ model: "m:latest" }] })
    if (waiting.length >= atOnce) return Servers.answer(exchange)
    waiting.push(exchange)
    if (waiting.length === atOnce) waiting.forEach(Servers.answer)
  })
  const forget = Effect.sync(() => known.forEach((connection) => forgotten.add(connection)))
  return { address: listening.address, seen, forget }
})

const chat = OllamaClient.chat(Transports.request, {
  policy: { retry: { attempts: 2, baseDelay: "1 hour", maxDelay: "1 hour" } }
})

describe("connections that were kept", () => {
  it.scopedLive("all count as dead when one of them is: the second attempt has a fresh one", () =>
    Effect.gen(function* () {
      const { address, forget, seen } = yield* server
      yield* Effect.gen(function* () {
        yield* Effect.all(
          Array.from({ length: atOnce }, () => chat),
          { concurrency: "unbounded" }
        )
        yield* forget
        // undici needs a turn of the event loop before it uses a connection again
        while (seen.resets === 0) assert.strictEqual((yield* chat).message.content, "Hello")
        assert.strictEqual(seen.resets, 1)
      }).pipe(Effect.provide(OllamaNode.layer({ host: address })))
    })
  )
})
