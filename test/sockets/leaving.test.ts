/** Leaving a call closes its connection at once, in every phase: the server sees it. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient, Policy } from "effect-ollama"
import { Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Servers from "./servers.js"
import * as Transports from "./transports.js"

/** No clock of ours closes anything here, and nothing is retried. */
const policy = Policy.none

type Run = Effect.Effect<void, unknown, OllamaClient.OllamaClient>

const calls: Readonly<Record<string, (onChunk: Effect.Effect<unknown>) => Run>> = {
  chat: () => Effect.asVoid(OllamaClient.chat(Transports.request)),
  chatStream: (onChunk) =>
    Effect.flatMap(OllamaClient.OllamaClient, (client) =>
      Stream.runForEach(client.chatStream(Transports.request), () => onChunk)
    )
}

const ways: Readonly<Record<string, (call: Run, leave: Effect.Effect<void>) => Run>> = {
  "an interrupted fiber": (call, leave) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(call)
      yield* leave
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
    }),
  "a lost race": (call, leave) =>
    Effect.gen(function* () {
      const winner = yield* Effect.race(Effect.as(call, "call"), Effect.as(leave, "other"))
      assert.strictEqual(winner, "other")
    }),
  "a closed scope": (call, leave) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.forkIn(call, scope)
      yield* leave
      yield* Scope.close(scope, Exit.void)
    })
}

const phases: Readonly<Record<string, (exchange: Servers.Exchange) => void>> = {
  "before the headers": () => undefined,
  "after the headers": Servers.startStream,
  "after a chunk": (exchange) => {
    Servers.startStream(exchange)
    exchange.response.write(Servers.chunk("Hel"))
  }
}

describe.each(Transports.names)("leaving, over %s", (transport) => {
  for (const [phase, serve] of Object.entries(phases)) {
    for (const [way, leaveBy] of Object.entries(ways)) {
      for (const [name, call] of Object.entries(calls)) {
        it.scopedLive(`${name} by ${way}, ${phase}`, () =>
          Effect.gen(function* () {
            const chunkSeen = yield* Deferred.make<void>()
            const server = yield* Servers.http(serve)
            const isSeen = phase === "after a chunk" && name === "chatStream"
            const leave = Effect.zipRight(server.next("request"), isSeen ? Deferred.await(chunkSeen) : Effect.void)
            const run = leaveBy(call(Deferred.succeed(chunkSeen, undefined)), leave)
            yield* Effect.provide(
              Effect.zipRight(run, server.next("closed")),
              Transports.layer(transport, { host: server.address, policy })
            )
            // fetch makes a connection anew, and sends nothing over it
            if (transport !== "fetch") assert.strictEqual(server.connections(), 1)
          })
        )
      }
    }
  }

  it.scopedLive("chatStream by Stream.take", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http(phases["after a chunk"]!)
      const taken = Effect.gen(function* () {
        const client = yield* OllamaClient.OllamaClient
        const chunks = yield* Stream.runCollect(Stream.take(client.chatStream(Transports.request), 1))
        assert.strictEqual(chunks.length, 1)
        yield* server.next("closed")
      })
      yield* Effect.provide(taken, Transports.layer(transport, { host: server.address, policy }))
    })
  )

  it.scopedLive("chatStream by the scope of a pull", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http(phases["after a chunk"]!)
      const pulled = Effect.gen(function* () {
        const client = yield* OllamaClient.OllamaClient
        const pull = yield* Stream.toPull(client.chatStream(Transports.request))
        yield* pull
      })
      yield* Effect.provide(
        Effect.zipRight(Effect.scoped(pulled), server.next("closed")),
        Transports.layer(transport, { host: server.address, policy })
      )
    })
  )
})
