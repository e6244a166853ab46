/** Whoever leaves a call closes its connection, in every phase. On sockets this is proven by the server noticing it. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { expectTimeout, failsAt, within } from "../support/clock.js"
import { broken, chat, end, json, late, request, silence, silent, stream, token, wait } from "../support/replies.js"
import { make, type Server } from "../support/server.js"

type Call = (client: OllamaClient.Service) => Effect.Effect<unknown, OllamaError.OllamaError>

const calls: ReadonlyArray<readonly [string, Call]> = [
  ["chat", (client) => client.chat(request)],
  ["chatStream", (client) => Stream.runDrain(client.chatStream(request))]
]

const left = (server: Server) => server.at("/api/chat").map((seen) => seen.left)

for (const [name, call] of calls) {
  describe(name, () => {
    const phases = {
      "before the headers": silent,
      "after the headers": stream(silence),
      "after a chunk": stream(token("a"), silence),
      "while the answer is being written": stream(
        ...Array.from({ length: 100 }, () => [token("a"), wait(1)]).flat(),
        end()
      )
    }
    for (const [phase, reply] of Object.entries(phases)) {
      it.scoped(`an interrupted fiber, ${phase}`, () =>
        Effect.gen(function* () {
          const server = make({ "/api/chat": reply })
          const client = yield* server.connect()
          const fiber = yield* Effect.fork(call(client))
          yield* TestClock.adjust(10)
          assert.deepStrictEqual(left(server), [false])
          const exit = yield* Fiber.interrupt(fiber)
          assert.isTrue(Exit.isInterrupted(exit))
          assert.deepStrictEqual(left(server), [true])
        })
      )
    }

    it.scoped("a race that is lost", () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": stream(token("a"), silence) })
        const client = yield* server.connect()
        yield* within(Effect.raceFirst(call(client), Effect.sleep(5)))
        assert.deepStrictEqual(left(server), [true])
      })
    )

    it.scoped("an interrupted wait between attempts: nothing more is sent", () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": broken("ECONNREFUSED") })
        const client = yield* server.connect({ policy: Policy.make({ retry: { jitter: "none", baseDelay: 1000 } }) })
        const fiber = yield* Effect.fork(call(client))
        yield* TestClock.adjust(10)
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(server.at("/api/chat").length, 1)
      })
    )

    it.scoped("an interrupted look at what is in memory: the call is never sent", () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": chat("a"), "/api/ps": late(400, json({ models: [] })) })
        const client = yield* server.connect()
        const fiber = yield* Effect.fork(call(client))
        yield* TestClock.adjust(10)
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(server.at("/api/chat").length, 0)
      })
    )

    it.scoped("a call that ends well is not left", () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": chat("a") })
        const client = yield* server.connect()
        yield* call(client)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(left(server), [false])
      })
    )
  })
}

describe("a stream", () => {
  it.scoped("that is taken from, and no more", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), token("b"), wait(1), token("c"), silence) })
      const client = yield* server.connect()
      const taken = yield* Stream.runCollect(Stream.take(client.chatStream(request), 1))
      assert.strictEqual(Chunk.size(taken), 1)
      assert.deepStrictEqual(left(server), [true])
    })
  )

  it.scoped("whose consumer fails", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), silence) })
      const client = yield* server.connect()
      const failed = yield* Effect.flip(
        Stream.runForEach(client.chatStream(request), () => Effect.fail("mine" as const))
      )
      assert.strictEqual(failed, "mine")
      assert.deepStrictEqual(left(server), [true])
    })
  )

  it.scoped("whose scope closes", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), silence) })
      const client = yield* server.connect()
      const scope = yield* Scope.make()
      const pull = yield* Scope.extend(Stream.toPull(client.chatStream(request)), scope)
      yield* pull
      assert.deepStrictEqual(left(server), [false])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(left(server), [true])
    })
  )

  it.scoped("can be run again: each run is a call of its own", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [chat("a"), chat("b")] })
      const client = yield* server.connect()
      const answer = client.chatStream(request)
      yield* Stream.runDrain(answer)
      const second = yield* Stream.runCollect(answer)
      assert.strictEqual(Chunk.unsafeHead(second).message.content, "b")
      assert.strictEqual(server.at("/api/chat").length, 2)
    })
  )

  it.scoped("a server that does not end its body after the last chunk is let go after a second", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), end(), silence) })
      const client = yield* server.connect()
      yield* Stream.runDrain(client.chatStream(request))
      yield* client.chat(request)
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(left(server), [false, false])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(left(server), [true, true])
    })
  )
})

describe("a region that cannot be interrupted, such as a finalizer", () => {
  for (const [name, call] of calls) {
    it.scoped(`${name}: all clocks run`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": [silent, stream(token("a"), silence)] })
        const client = yield* server.connect()
        expectTimeout(yield* failsAt(Effect.uninterruptible(call(client)), 30_050), "firstToken", 30_050)
        expectTimeout(yield* failsAt(Effect.uninterruptible(call(client)), 30_000), "gap", 30_000)
        assert.deepStrictEqual(left(server), [true, true])
      })
    )
  }
})

describe("many calls at once", () => {
  it.scoped("have clocks of their own", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": (_, nth) =>
          stream(wait(nth * 10), token("a"), ...(nth % 2 === 0 ? [silence] : [wait(29_999), end()]))
      })
      const client = yield* server.connect()
      const all = yield* within(
        Effect.all(
          Array.from({ length: 100 }, () => Effect.either(client.chat(request))),
          { concurrency: "unbounded" }
        )
      )
      all.forEach((result, nth) => {
        if (nth % 2 === 1) return assert.strictEqual(result._tag, "Right")
        if (result._tag === "Right") return assert.fail("succeeded, where it had to time out")
        assert.strictEqual(result.left.phase, "gap")
      })
    })
  )
})
