/** A server that answers the request for a load as if it were a call: its first line is enough. */
import { assert, describe, it } from "@effect/vitest"
import { expectTimeout, failsAt, within } from "../support/clock.js"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { chat, end, psEmpty, request, silence, stream, token } from "../support/replies.js"
import { make } from "../support/server.js"

describe("a server that generates where a load was asked for", () => {
  it.scoped("and stalls: the call itself fails in the gap, with what had come", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), token("b"), silence), "/api/ps": psEmpty })
      const client = yield* server.connect()
      const error = expectTimeout(yield* failsAt(client.chat(request), "30 seconds"), "gap", "30 seconds")
      assert.strictEqual(error.partial?.text, "ab")
      assert.isTrue(server.at("/api/chat")[0]?.left)
    })
  )

  it.scoped("and goes on for ever: the load is over with its first line", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": [stream(token("a"), silence), stream(token("x"), end())],
        "/api/ps": psEmpty
      })
      const client = yield* server.connect()
      const texts = Stream.map(client.chatStream(request), ({ message }) => message.content)
      assert.deepStrictEqual([...(yield* within(Stream.runCollect(texts), "1 second"))], ["x", ""])
    })
  )

  it.scoped("and comes to its end: the call is answered", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": chat("a", "b"), "/api/ps": psEmpty })
      const client = yield* server.connect()
      assert.strictEqual((yield* within(client.chat(request), "1 second")).message.content, "ab")
    })
  )
})
