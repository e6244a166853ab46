/** A look at what is in memory that is newer than a model's last answer wins over it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as TestClock from "effect/TestClock"
import { within } from "../support/clock.js"
import { chat, json, loaded, ps, request } from "../support/replies.js"
import { make } from "../support/server.js"

const isLoad = (u: unknown): boolean => Predicate.isRecord(u) && u.messages === undefined

describe("a model that was put out of memory for another one", () => {
  it.scoped("is loaded first, as soon as a look has shown it", () =>
    Effect.gen(function* () {
      let inMemory = ps(loaded())
      const server = make({
        "/api/chat": (seen) => (isLoad(seen.json) ? json({ done: true, done_reason: "load" }) : chat("a")),
        "/api/ps": () => inMemory
      })
      const client = yield* server.connect()
      yield* within(client.chat(request), "1 second")
      inMemory = ps(loaded("other:latest"))
      yield* TestClock.adjust("5 seconds")
      yield* within(client.chat(request), "1 second")
      // nobody has asked since
      assert.strictEqual(server.at("/api/chat").filter(({ json }) => isLoad(json)).length, 0)
      yield* TestClock.adjust("5 seconds")
      yield* within(client.chat({ ...request, model: "other" }), "1 second")
      yield* within(client.chat(request), "1 second")
      assert.strictEqual(server.at("/api/chat").filter(({ json }) => isLoad(json)).length, 1)
    })
  )
})
