/** A retry that is held for its host instead of being sent takes nothing of the budget. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { type OllamaClient, Policy } from "effect-ollama"
import { chat, failure, json, refused, type Reply, request } from "../../support/replies.js"
import { make } from "../../support/server.js"

type Record = Parameters<NonNullable<OllamaClient.CallOptions["onRecord"]>>[0]

const busy = failure(503, "server busy, please try again.  maximum pending requests exceeded")

const policy = Policy.make({
  breaker: "off",
  concurrency: "off",
  retry: { whileOffline: "wait", jitter: "none", baseDelay: "1 second" },
  budget: { floor: 1, share: 0, pool: "off" }
})

describe("a retry whose host went away while it waited for its turn", () => {
  it.scoped("leaves the budget to those who come later", () =>
    Effect.gen(function* () {
      let now: Reply = busy
      const server = make({
        "/api/chat": () => now,
        "/api/version": () => (now === refused ? refused : json({ version: "0.33.0" })),
        "/api/ps": json({ models: [{ model: "llama3.2:latest", name: "llama3.2:latest" }] })
      })
      const client = yield* server.connect({ policy })
      const records: Array<Record> = []
      const onRecord = (record: Record) => Effect.sync(() => void records.push(record))
      const call = Effect.fork(Effect.either(client.chat(request, { onRecord })))
      const decisions = () => records.flatMap(({ decisions }) => decisions.map(({ what }) => what))

      const first = yield* call
      yield* TestClock.adjust("500 millis")
      now = refused
      const second = yield* call
      yield* TestClock.adjust("10 seconds")
      now = chat("Hello")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.joinAll([first, second])
      assert.sameMembers(decisions(), ["retried", "heldOffline", "heldOffline"])

      records.length = 0
      now = busy
      const later = yield* call
      yield* TestClock.adjust("500 millis")
      now = chat("Hello")
      yield* TestClock.adjust("10 seconds")
      const result = yield* Fiber.join(later)
      assert.strictEqual(result._tag, "Right")
      assert.deepStrictEqual(decisions(), ["retried"])
    })
  )
})
