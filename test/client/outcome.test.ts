/** What is known of an attempt that was won when it is over: how it ended, and what the server says of its time. */
import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { OllamaConfig } from "effect-ollama"
import * as Attempt from "../../src/client/attempt.js"
import * as Request from "../../src/client/request.js"
import * as Residency from "../../src/client/residency.js"
import { Trail } from "../../src/client/trail.js"
import * as Codec from "../../src/internal/codec.js"
import * as Endpoint from "../../src/internal/endpoint.js"
import * as Host from "../../src/internal/host.js"
import * as Watchdog from "../../src/internal/watchdog.js"
import * as Timeouts from "../../src/policy/Timeouts.js"
import { chat, end, errorLine, model, type Reply, request, silence, stream, token, wait } from "../support/replies.js"
import { make } from "../support/server.js"

const facts: Timeouts.Request = { characters: 5, hasTools: false, isTransfer: false }

/** Wins one attempt of a chat. */
const won = (reply: Reply) =>
  Effect.gen(function* () {
    const server = make({ "/api/chat": reply })
    const host = Host.make({
      address: yield* OllamaConfig.address(undefined),
      client: HttpClient.withScope(server.client),
      isCloud: false,
      connectLimit: undefined,
      soon: undefined
    })
    const { plan } = Request.call(host, Endpoint.chat, request, Codec.chat, { folded: false, streamed: true })
    const residency = Residency.make(host, yield* Effect.scope)
    return yield* Attempt.run(
      plan,
      {
        host,
        residency,
        watchdog: Watchdog.make(),
        limits: Timeouts.limits(Timeouts.defaults, facts),
        lineLimit: 1024,
        call: { endpoint: plan.path, model, secrets: [], request, startedAt: 0 },
        trail: new Trail(0, host.address.url, model),
        earlier: [],
        deadline: undefined
      },
      () => undefined
    )
  })

describe("how an attempt that was won ended", () => {
  it.scoped("success: the terminal marker came", () =>
    Effect.gen(function* () {
      const attempt = yield* won(chat("a", "b"))
      yield* Effect.repeat(attempt.reader.read, { until: (batch) => typeof batch === "symbol" })
      assert.strictEqual(attempt.outcome(), "success")
    })
  )

  it.scoped("left: nobody read on", () =>
    Effect.gen(function* () {
      const attempt = yield* won(stream(token("a"), wait("1 second"), token("b"), silence))
      assert.strictEqual(attempt.outcome(), "left")
      yield* attempt.close
      assert.strictEqual(attempt.outcome(), "left")
      assert.isUndefined(attempt.timing())
    })
  )

  const broken = {
    StreamInterrupted: stream(token("a"), wait("1 second")),
    ServerError: stream(token("a"), wait("1 second"), errorLine("x")),
    ProtocolError: stream(token("a"), wait("1 second"), "what?\n"),
    Timeout: stream(token("a"), silence)
  }
  for (const [tag, reply] of Object.entries(broken)) {
    it.scoped(`${tag}: its failure`, () =>
      Effect.gen(function* () {
        const attempt = yield* won(reply)
        const reading = yield* Effect.fork(Effect.flip(Effect.forever(attempt.reader.read)))
        yield* TestClock.adjust("1 minute")
        const error = yield* reading
        assert.strictEqual(error._tag, tag)
        yield* attempt.close
        assert.strictEqual(attempt.outcome(), error)
      })
    )
  }
})

describe("what the server says of its time", () => {
  const timingOf = (extra: object) => Effect.map(won(stream(end(extra))), (attempt) => attempt.timing())

  it.scoped("in milliseconds", () =>
    Effect.gen(function* () {
      const durations = {
        total_duration: 5_000_000_000,
        load_duration: 1_500_000,
        prompt_eval_duration: 250_000_000,
        eval_duration: 4_000_000_000
      }
      assert.deepStrictEqual(yield* timingOf(durations), { total: 5000, load: 1.5, prompt: 250, generation: 4000 })
    })
  )

  it.scoped("zero, which is absent on the wire; nothing when it says nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* timingOf({ total_duration: 1e6 }), { total: 1, load: 0, prompt: 0, generation: 0 })
      assert.isUndefined(yield* timingOf({}))
    })
  )
})
