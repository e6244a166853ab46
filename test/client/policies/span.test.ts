/** What policies decided is on the span of the call, and nothing on the one around it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Policy } from "effect-ollama"
import { within } from "../../support/clock.js"
import { chat, failure, late, request } from "../../support/replies.js"
import { make } from "../../support/server.js"
import { traced } from "../observed/spans.js"

const decided = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.map(traced(Effect.withSpan(call, "ask")), ({ spans }) => {
    const [around, ...calls] = spans
    assert.strictEqual(around?.name, "ask")
    assert.isFalse(around?.attributes.has("ollama.decisions"))
    return calls.find(({ name }) => name === "chat llama3.2")?.attributes.get("ollama.decisions")
  })

const crash = failure(500, "llama runner process has terminated")

describe("the span of a call", () => {
  it.scoped("tells a fallback and a hedge, of single answers and of streams", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": ({ body }) => (body.includes("small") ? chat("a") : crash) })
      const client = yield* server.connect({
        policy: Policy.make({ fallback: [{ model: "small" }], retry: { attempts: 1 }, breaker: "off" })
      })
      assert.deepStrictEqual(yield* decided(client.chat(request)), ["fellBack: ServerError: small"])
      assert.deepStrictEqual(yield* decided(Stream.runDrain(client.chatStream(request))), [
        "fellBack: ServerError: small"
      ])
      const slow = make({ "/api/chat": [late("20 seconds", chat("slow")), chat("fast")] })
      const hedging = yield* slow.connect({ policy: Policy.make({ hedging: { after: "1 second" } }) })
      assert.deepStrictEqual(yield* within(decided(hedging.chat(request)), "2 seconds"), ["hedged: no first value yet"])
    })
  )

  it.scoped("says nothing where nothing was decided", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": chat("a") }).connect()
      assert.isUndefined(yield* decided(client.chat(request)))
    })
  )
})
