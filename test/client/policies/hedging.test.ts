/** A second copy of a call that has not begun to answer. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type CallRecord, Policy } from "effect-ollama"
import { failsAt, within } from "../../support/clock.js"
import {
  chat,
  end,
  failure,
  late,
  psEmpty,
  type Reply,
  request,
  silence,
  stream,
  token,
  wait
} from "../../support/replies.js"
import { make, type Route } from "../../support/server.js"

const hedged = (rest: Policy.Patch = {}) =>
  Policy.make({ hedging: { after: "1 second" }, retry: { attempts: 1 }, ...rest })

const serverOf = (...replies: ReadonlyArray<Reply>) => make({ "/api/chat": replies })

describe("hedging", () => {
  it.scoped("is off by default", () =>
    Effect.gen(function* () {
      const server = serverOf(late("20 seconds", chat("slow")), chat("fast"))
      const client = yield* server.connect()
      yield* within(client.chat(request), "20 seconds")
      assert.strictEqual(server.at("/api/chat").length, 1)
    })
  )

  it.scoped("sends a copy after the delay, uses what begins first, and closes the other at that moment", () =>
    Effect.gen(function* () {
      const server = serverOf(
        late("20 seconds", chat("slow")),
        late("2 seconds", stream(token("fast"), wait("1 minute"), end()))
      )
      const client = yield* server.connect({ policy: hedged({ timeouts: { gap: "2 minutes" } }) })
      const call = yield* Effect.fork(Stream.runCollect(client.chatStream(request)))
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(server.at("/api/chat").length, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(server.at("/api/chat").length, 2)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(
        server.at("/api/chat").map(({ left }) => left),
        [true, false]
      )
      yield* TestClock.adjust("1 minute")
      const texts = [...(yield* Fiber.join(call))].map(({ message }) => message.content)
      assert.strictEqual(texts.join(""), "fast")
    })
  )

  it.scoped("sends nothing twice where the answer begins in time, and never after the first value", () =>
    Effect.gen(function* () {
      const server = serverOf(stream(token("a"), wait("10 seconds"), token("b"), end()))
      const client = yield* server.connect({ policy: hedged() })
      yield* within(client.chat(request), "10 seconds")
      yield* within(Stream.runDrain(client.chatStream(request)), "10 seconds")
      assert.strictEqual(server.at("/api/chat").length, 2)
    })
  )

  it.scoped("is inside the budget", () =>
    Effect.gen(function* () {
      const server = serverOf(late("5 seconds", chat("slow")))
      const client = yield* server.connect({ policy: hedged({ budget: { pool: { initial: 2 }, floor: 10 } }) })
      yield* within(
        Effect.all(
          Array.from({ length: 8 }, () => client.chat(request)),
          { concurrency: 8 }
        ),
        "5 seconds"
      )
      assert.strictEqual(server.at("/api/chat").length, 10)
    })
  )

  it.scoped("takes a permit of its own, and none where it would have to wait for one", () =>
    Effect.gen(function* () {
      const server = serverOf(late("5 seconds", chat("slow")))
      const client = yield* server.connect({ policy: hedged({ concurrency: { limit: 3 }, budget: { floor: 10 } }) })
      const two = yield* Effect.fork(Effect.all([client.chat(request), client.chat(request)], { concurrency: 2 }))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(server.at("/api/chat").length, 3)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(two)
      // all permits are there again
      const three = yield* Effect.fork(
        Effect.all(
          [1, 2, 3].map(() => client.chat(request)),
          { concurrency: 3 }
        )
      )
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(server.at("/api/chat").length, 6)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(three)
    })
  )

  it.scoped("sends no copy for a model that is not in memory", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": late("10 seconds", chat("cold")),
        "/api/ps": psEmpty,
        "/api/generate": chat()
      })
      const client = yield* server.connect({ policy: hedged({ timeouts: { load: "1 minute" } }) })
      const call = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("9 seconds")
      // the load that the client owns
      assert.strictEqual(server.at("/api/chat").length, 1)
      yield* Fiber.interrupt(call)
    })
  )

  it.scoped("fails as the first did, when all have failed", () =>
    Effect.gen(function* () {
      const crash = (delay: string) => ({ ...failure(500, `llama runner process has terminated: ${delay}`) })
      const server = make({
        "/api/chat": ((_, nth) =>
          nth === 0
            ? { ...crash("first"), delay: "3 seconds" }
            : { ...crash("second"), delay: "3 seconds" }) satisfies Route
      })
      const client = yield* server.connect({ policy: hedged() })
      const error = yield* failsAt(client.chat(request), "4 seconds")
      assert.include(error.detail ?? "", "first")
    })
  )

  it.scoped("leaves nothing behind when the call is interrupted", () =>
    Effect.gen(function* () {
      const server = serverOf(stream(silence))
      const client = yield* server.connect({ policy: hedged() })
      const call = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(call)
      assert.deepStrictEqual(
        server.at("/api/chat").map(({ left }) => left),
        [true, true]
      )
    })
  )

  it.scoped("is told in the record", () =>
    Effect.gen(function* () {
      const server = serverOf(late("20 seconds", chat("slow")), chat("fast"))
      const client = yield* server.connect()
      const records: Array<CallRecord.CallRecord> = []
      const call = client.chat(request, {
        policy: { hedging: { after: "1 second" } },
        onRecord: (record) => Effect.sync(() => void records.push(record))
      })
      yield* within(call, "2 seconds")
      assert.deepStrictEqual(
        records.map(({ decisions, outcome }) => [outcome, decisions.map(({ what }) => what)]),
        [["success", ["hedged"]]]
      )
    })
  )
})
