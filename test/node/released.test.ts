/** Calls that outlive the layer of their client: nothing is asked again, and no server is blamed. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

/** A client, and how its layer is released. */
const client = (host: string) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(OllamaNode.layer({ host }), scope)
    return { client: Context.get(context, OllamaClient.OllamaClient), release: Scope.close(scope, Exit.void) }
  })

/** A server that says when it was asked, and answers with the beginning of an answer, or not at all. */
const server = (begin: (exchange: Servers.Exchange) => void) =>
  Effect.gen(function* () {
    const asked = yield* Deferred.make<void>()
    const seen = { calls: 0 }
    const { address } = yield* Servers.http((exchange) => {
      if (exchange.request.url === "/api/ps") return Servers.json(exchange, 200, { models: [{ model: "m:latest" }] })
      seen.calls++
      begin(exchange)
      Deferred.unsafeDone(asked, Effect.void)
    })
    return { address, asked: Deferred.await(asked), seen }
  })

/** Releases the layer once the call has come so far; the call is interrupted by it. */
const interruptedAfter = (
  moment: Effect.Effect<void>,
  { release }: { readonly release: Effect.Effect<void> },
  call: Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(call)
    yield* moment
    yield* release
    const exit = yield* Fiber.await(fiber)
    assert.isTrue(Exit.isInterrupted(exit), String(exit))
  })

describe("when the layer is released", () => {
  it.scopedLive("a call that waits for its answer is interrupted, and not sent again", () =>
    Effect.gen(function* () {
      const { address, asked, seen } = yield* server(() => undefined)
      const mine = yield* client(address)
      yield* interruptedAfter(asked, mine, mine.client.chat(Transports.request))
      assert.strictEqual(seen.calls, 1)
    })
  )

  it.scopedLive("a stream in the middle of its answer is interrupted", () =>
    Effect.gen(function* () {
      const { address, seen } = yield* server((exchange) => {
        Servers.startStream(exchange)
        exchange.response.write(Servers.chunk("Hel"))
      })
      const mine = yield* client(address)
      const first = yield* Deferred.make<void>()
      yield* interruptedAfter(
        Deferred.await(first),
        mine,
        Stream.runForEach(mine.client.chatStream(Transports.request), () => Deferred.succeed(first, undefined))
      )
      assert.strictEqual(seen.calls, 1)
    })
  )

  it.scopedLive("a call that begins later is a mistake of the program, and says which", () =>
    Effect.gen(function* () {
      const { address, seen } = yield* server(Servers.answer)
      const mine = yield* client(address)
      yield* mine.client.chat(Transports.request)
      yield* mine.release
      const exit = yield* Effect.exit(mine.client.chat(Transports.request))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", /used after its layer had been released/)
      assert.strictEqual(seen.calls, 1)
    })
  )
})
