/** A cold model is loaded once, by the client, for all who wait for it. */
import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { expectTimeout, failsAt, within } from "../support/clock.js"
import { callsOf, cold, isLoad, loadAnswer, loadsOf } from "../support/loading.js"
import { chat, embedding, json, late, model, ps, psEmpty, request, silent } from "../support/replies.js"
import { make, type Route } from "../support/server.js"

import { coldServer, firstToken, fork, load, minute } from "./ownedLoadScene.js"

type Call = (client: OllamaClient.Service, more: object) => Effect.Effect<unknown, OllamaError.OllamaError>

const generated = json({ model, created_at: "", response: "", done: true, done_reason: "stop" })

/** Each call that needs a model, with what its endpoint answers. */
const kinds: Readonly<Record<string, readonly [path: string, call: Call, reply: Route]>> = {
  chat: ["/api/chat", (client, more) => client.chat({ ...request, ...more }), chat("a")],
  chatStream: ["/api/chat", (client, more) => Stream.runDrain(client.chatStream({ ...request, ...more })), chat("a")],
  generate: ["/api/generate", (client, more) => client.generate({ model, prompt: "secret words", ...more }), generated],
  embed: ["/api/embed", (client, more) => client.embed({ model, input: "secret words", ...more }), embedding],
  embeddings: [
    "/api/embeddings",
    (client, more) => client.embeddings({ model, prompt: "secret words", ...more }),
    json({ embedding: [0.5] })
  ]
}

describe("what is sent for a load", () => {
  for (const [name, [path, call, reply]] of Object.entries(kinds)) {
    it.scoped(`${name}: its own endpoint without a prompt, with the same model, options and keep_alive`, () =>
      Effect.gen(function* () {
        const server = make({ [path]: cold(reply), "/api/ps": psEmpty })
        const client = yield* server.connect({ apiKey: Redacted.make("sk-12345678"), headers: { "x-team": "red" } })
        const more = { options: { num_ctx: 2048, temperature: 0.5 }, keep_alive: "10m" }
        yield* within(call(client, more))
        const [sent, ...others] = loadsOf(server)
        assert.strictEqual(others.length, 0)
        assert.strictEqual(sent?.path, path)
        const streamed = path.startsWith("/api/embed") ? {} : { stream: false }
        assert.deepStrictEqual(sent?.json, { model, ...more, ...streamed })
        const [answered] = callsOf(server)
        assert.include(answered?.body, "keep_alive")
        assert.strictEqual(sent?.headers.authorization, "Bearer sk-12345678")
        assert.strictEqual(sent?.headers["x-team"], "red")
      })
    )

    it.scoped(`${name}: the model is then known to be in memory`, () =>
      Effect.gen(function* () {
        const server = make({ [path]: cold(silent), "/api/ps": [psEmpty, ps()] })
        const client = yield* server.connect({ policy: Policy.make({ timeouts: { firstToken: 4000 } }) })
        expectTimeout(yield* failsAt(call(client, {}), 4000), "firstToken", 4000)
      })
    )
  }

  for (const keepAlive of [0, "0", "0s", Duration.zero]) {
    it.scoped(`never keep_alive: 0, which unloads; the call has it (${JSON.stringify(keepAlive)})`, () =>
      Effect.gen(function* () {
        const server = coldServer()
        const client = yield* server.connect()
        yield* within(client.chat({ ...request, keep_alive: keepAlive }))
        assert.deepStrictEqual(loadsOf(server)[0]?.json, { model, stream: false })
        assert.include(callsOf(server)[0]?.body, '"keep_alive":')
      })
    )
  }

  it.scoped("once for calls that unload it: it is in memory until the first of them is done", () =>
    Effect.gen(function* () {
      const server = coldServer(loadAnswer, silent)
      const client = yield* server.connect()
      const call = client.chat({ ...request, keep_alive: 0 })
      yield* fork(call)
      yield* fork(call)
      assert.deepStrictEqual([loadsOf(server).length, server.at("/api/ps").length], [1, 1])
    })
  )

  it.scoped("nothing for a model that is in memory, not known, or in the cloud", () =>
    Effect.gen(function* () {
      const inMemory = make({ "/api/chat": chat("a") })
      yield* (yield* inMemory.connect()).chat(request)
      const notKnown = make({ "/api/chat": chat("a"), "/api/ps": json({}, 500) })
      yield* (yield* notKnown.connect()).chat(request)
      const cloud = make({ "/api/chat": chat("a"), "/api/ps": psEmpty })
      yield* (yield* cloud.connect()).chat({ ...request, model: "gpt-oss:120b-cloud" })
      for (const server of [inMemory, notKnown, cloud]) assert.strictEqual(loadsOf(server).length, 0)
    })
  )

  it.scoped("nothing under a policy without clocks", () =>
    Effect.gen(function* () {
      const server = coldServer()
      const client = yield* server.connect({ policy: Policy.none })
      yield* client.chat(request)
      assert.strictEqual(server.seen.length, 1)
    })
  )
})

describe("those who wait", () => {
  const impatient: Readonly<Record<string, (call: OllamaClient.Service["chat"]) => Effect.Effect<unknown, unknown>>> = {
    "a total limit": (call) => call(request, { policy: { timeouts: { total: "10 seconds" } } }),
    "a load limit": (call) => call(request, { policy: { timeouts: { load: "10 seconds" } } }),
    "an interruption": (call) => Effect.timeout(call(request), "10 seconds")
  }
  for (const [name, patience] of Object.entries(impatient)) {
    it.scoped(`fifty with 10 seconds of patience (${name}), and a load of 60: one load, none thrown away`, () =>
      Effect.gen(function* () {
        const server = coldServer()
        const client = yield* server.connect()
        const leaving = yield* fork(
          Effect.all(
            Array.makeBy(50, () => Effect.either(patience(client.chat))),
            { concurrency: "unbounded" }
          )
        )
        yield* TestClock.adjust("10 seconds")
        const left = yield* Fiber.join(leaving)
        assert.isTrue(left.every((result) => result._tag === "Left"))
        yield* TestClock.adjust("30 seconds")
        const staying = yield* fork(Effect.all([client.chat(request), client.chat(request)], { concurrency: 2 }))
        yield* TestClock.adjust(19_999)
        assert.isTrue(Option.isNone(yield* Fiber.poll(staying)))
        yield* TestClock.adjust(1)
        const answers = yield* Fiber.join(staying)
        assert.deepStrictEqual(
          answers.map((answer) => answer.message.content),
          ["a", "a"]
        )
        const asked = server.at("/api/ps").length
        yield* client.chat(request)
        assert.strictEqual(server.at("/api/ps").length, asked)
        assert.strictEqual(loadsOf(server).length, 1)
        assert.isFalse(loadsOf(server)[0]?.left)
        assert.deepStrictEqual(
          callsOf(server).map((call) => call.at),
          [minute, minute, minute]
        )
      })
    )
  }

  it.scoped("get their own answers on the firstToken clock, from when the model was there", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(silent, late(minute, loadAnswer)),
        "/api/ps": (_, nth) => (nth === 0 ? psEmpty : ps())
      })
      const client = yield* server.connect()
      expectTimeout(yield* failsAt(client.chat(request), minute + firstToken), "firstToken", firstToken)
    })
  )

  it.scoped("have their own load clocks, from when each began to wait", () =>
    Effect.gen(function* () {
      const server = coldServer(silent)
      const client = yield* server.connect()
      const first = yield* fork(Effect.flip(client.chat(request, { policy: { timeouts: { load: 100_000 } } })))
      yield* TestClock.adjust(90_000)
      const second = yield* fork(Effect.flip(client.chat(request, { policy: { timeouts: { load: 50_000 } } })))
      yield* TestClock.adjust(10_000)
      const early = expectTimeout(yield* Fiber.join(first), "load", 100_000)
      assert.include(early.remedy, "still being loaded")
      assert.strictEqual(Duration.toMillis(early.elapsed), 100_000)
      expectTimeout(yield* failsAt(Fiber.join(second).pipe(Effect.flatMap(Effect.fail)), 40_000), "load", 50_000)
      assert.strictEqual(loadsOf(server).length, 1)
      assert.strictEqual(callsOf(server).length, 0)
    })
  )

  it.scoped("meet their total limit, and not a load limit that would end with it", () =>
    Effect.gen(function* () {
      const server = coldServer(silent)
      const client = yield* server.connect()
      const timeouts = { load: 7000, total: 7000 }
      expectTimeout(yield* failsAt(client.chat(request, { policy: { timeouts } }), 7000), "total", 7000)
    })
  )

  it.scoped("without a load limit wait for ever, and then run on firstToken", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(silent, late("10 hours", loadAnswer)), "/api/ps": [psEmpty, ps()] })
      const client = yield* server.connect({ policy: Policy.make({ timeouts: { load: "none", firstToken: 1000 } }) })
      const error = yield* failsAt(client.chat(request), Duration.toMillis("10 hours") + 1000)
      expectTimeout(error, "firstToken", 1000)
    })
  )

  it.scoped("are held to their clock where they cannot be interrupted, too", () =>
    Effect.gen(function* () {
      const client = yield* coldServer(silent).connect()
      expectTimeout(yield* failsAt(Effect.uninterruptible(client.chat(request)), load), "load", load)
    })
  )

  it.scoped("go on when the load hangs, but ps lists the model: just before their clock runs out", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(chat("a"), silent), "/api/ps": [psEmpty, ps()] })
      const client = yield* server.connect()
      yield* within(client.chat(request))
      assert.strictEqual(callsOf(server)[0]?.at, load - 500)
    })
  )

  it.scoped("are told when nothing is known at the end: the server may hang", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(chat("a"), silent), "/api/ps": [psEmpty, silent] })
      const client = yield* server.connect()
      const { remedy } = expectTimeout(yield* failsAt(client.chat(request), load), "load", load)
      assert.include(remedy, "/api/ps did not tell")
    })
  )

  it.scoped("join a load that runs also when ps, which it may block, does not answer", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(chat("a"), late(minute, loadAnswer)),
        "/api/ps": [psEmpty, silent]
      })
      const client = yield* server.connect()
      const first = yield* fork(client.chat(request))
      yield* TestClock.adjust(10_000)
      const second = yield* fork(client.chat(request))
      yield* TestClock.adjust(minute)
      yield* Fiber.join(Fiber.zip(first, second))
      assert.strictEqual(loadsOf(server).length, 1)
      assert.deepStrictEqual(
        callsOf(server).map((call) => call.at),
        [minute, minute]
      )
    })
  )
})

describe("one load is for", () => {
  const loadsFor = (...calls: ReadonlyArray<(client: OllamaClient.Service) => Effect.Effect<unknown, unknown>>) =>
    Effect.gen(function* () {
      const route = (seen: Parameters<typeof isLoad>[0]) => (isLoad(seen) ? late(minute, loadAnswer) : embedding)
      const server = make({
        "/api/chat": cold(chat("a"), late(minute, loadAnswer)),
        "/api/generate": cold(generated, late(minute, loadAnswer)),
        "/api/embed": route,
        "/api/ps": psEmpty
      })
      const client = yield* server.connect()
      yield* within(
        Effect.all(
          calls.map((call) => call(client)),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(callsOf(server).length, calls.length)
      return loadsOf(server)
    })
  const chatOf = (more: object) => (client: OllamaClient.Service) => client.chat({ ...request, ...more })

  it.scoped("one model, however its name is written, and whichever the endpoint", () =>
    Effect.gen(function* () {
      const loads = yield* loadsFor(
        chatOf({}),
        chatOf({ model: "Llama3.2:LATEST" }),
        chatOf({ options: { temperature: 0 }, keep_alive: -1 }),
        (client) => client.generate({ model: "registry.ollama.ai/library/llama3.2", prompt: "x" }),
        (client) => client.embed({ model, input: "x" })
      )
      assert.strictEqual(loads.length, 1)
    })
  )

  it.scoped("the same reload options: with others the server loads again", () =>
    Effect.gen(function* () {
      const loads = yield* loadsFor(
        chatOf({ options: { num_ctx: 2048 } }),
        chatOf({ options: { num_ctx: 2048, seed: 1 } }),
        chatOf({ options: { num_ctx: 4096 } }),
        chatOf({ options: { num_gpu: 0 } }),
        chatOf({ shift: false }),
        chatOf({})
      )
      assert.deepStrictEqual(
        loads.map((seen) => seen.json),
        [
          { model, options: { num_ctx: 2048 }, stream: false },
          { model, options: { num_ctx: 4096 }, stream: false },
          { model, options: { num_gpu: 0 }, stream: false },
          { model, shift: false, stream: false },
          { model, stream: false }
        ]
      )
    })
  )

  it.scoped("one model: others are loaded beside it, in the order that the server likes", () =>
    Effect.gen(function* () {
      const loads = yield* loadsFor(chatOf({}), chatOf({ model: "qwen3" }), chatOf({ model: "qwen3:8b" }))
      assert.strictEqual(loads.length, 3)
      assert.isTrue(loads.every((seen) => seen.at === 0))
    })
  )
})
