/** What listeners and streams are told of calls, and that it harms none of them. */
import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaClient, Policy } from "effect-ollama"
import { within } from "../../support/clock.js"
import { cold, loadAnswer } from "../../support/loading.js"
import {
  chat,
  embedding,
  failure,
  late,
  psEmpty,
  refused,
  request,
  silence,
  stream,
  token,
  version,
  wait
} from "../../support/replies.js"
import { make } from "../../support/server.js"
import { heard } from "./records.js"

describe("a listener", () => {
  it.scoped("is told of each call's start, first value and end, with its operation", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": chat("a", "b"), "/api/embed": embedding, "/api/version": version })
      const client = yield* server.connect()
      const told = yield* heard(client)
      yield* client.chat(request, { session: "s" })
      yield* Stream.runDrain(client.chatStream(request))
      yield* client.embed({ model: "llama3.2", input: "Hello" })
      yield* client.version()
      assert.deepStrictEqual(told.tags(), Array.from({ length: 4 }, () => ["Started", "FirstToken", "Ended"]).flat())
      const ended = told.records()
      assert.deepStrictEqual(
        ended.map(({ endpoint, id, operation, outcome, session }) => [id, operation, endpoint, outcome, session]),
        [
          [1, "chat", "/api/chat", "success", "s"],
          [2, "chat", "/api/chat", "success", undefined],
          [3, "embed", "/api/embed", "success", undefined],
          [4, "version", "/api/version", "success", undefined]
        ]
      )
      assert.deepStrictEqual(
        ended.map(({ chunks }) => chunks),
        [3, 3, 1, 1]
      )
    })
  )

  it.scoped("is told what policies decide, when they do", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [failure(503, "server busy"), chat("a")] })
      const client = yield* server.connect()
      const told = yield* heard(client)
      yield* within(client.chat(request))
      assert.deepStrictEqual(told.tags(), ["Started", "Decided", "FirstToken", "Ended"])
      const [, decided] = told.events
      assert.strictEqual(decided?._tag === "Decided" && decided.decision.what, "retried")
    })
  )

  it.scoped("is told of breakers and loads", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(refused, late("20 seconds", loadAnswer)), "/api/ps": psEmpty })
      const policy = Policy.make({ retry: { attempts: 1 }, breaker: { host: { consecutive: 1 } } })
      const client = yield* server.connect({ policy })
      const told = yield* heard(client)
      yield* within(Effect.flip(client.chat(request)))
      const own = told.events.filter((event) => event._tag === "Load" || event._tag === "Breaker")
      const host = "http://127.0.0.1:11434"
      assert.deepStrictEqual(own, [
        { _tag: "Load", host, model: "llama3.2:latest", outcome: "success", took: Duration.seconds(20) },
        { _tag: "Breaker", host, model: undefined, from: "closed", to: "open" }
      ])
    })
  )

  it.scoped("that throws harms no call, and is logged once", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ annotations, logLevel, message }) => {
      lines.push(`${logLevel.label} ${String(message)} ${HashMap.size(annotations)}`)
    })
    return Effect.gen(function* () {
      const client = yield* make({ "/api/chat": chat("a") }).connect()
      yield* client.listen(() => {
        throw new Error("a listener's own mistake")
      })
      const told = yield* heard(client)
      yield* client.chat(request)
      yield* client.chat(request)
      yield* TestClock.adjust(0)
      assert.strictEqual(told.tags().filter((tag) => tag === "Ended").length, 2)
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0] ?? "", /^WARN .*listener/)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.scoped("is told nothing after its Scope has closed", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/version": version }).connect()
      const told = yield* Effect.scoped(Effect.zipLeft(heard(client), client.version()))
      yield* client.version()
      assert.deepStrictEqual(told.tags(), ["Started", "FirstToken", "Ended"])
    })
  )
})

/** Answers very many calls at once. */
const quick = HttpClient.make((asked) =>
  Effect.sync(() => HttpClientResponse.fromWeb(asked, new Response(JSON.stringify({ version: "0.33.0" }))))
)

describe("records", () => {
  it.scoped("come as a stream, which ends with the client", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(make({ "/api/version": version }).connect(), scope)
      const reading = yield* Effect.fork(Stream.runCollect(client.records))
      yield* TestClock.adjust(0)
      yield* client.version()
      yield* client.version()
      yield* Scope.close(scope, Exit.void)
      const records = yield* Fiber.join(reading)
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(records).map(({ id }) => id),
        [1, 2]
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(client.records)), [])
    })
  )

  it.scoped("that nobody takes in time are dropped, the oldest first, and counted", () =>
    Effect.gen(function* () {
      const client = yield* Effect.provideService(OllamaClient.make(), HttpClient.HttpClient, quick)
      const ids: Array<number> = []
      const slowly = Stream.runForEach(client.records, ({ id }) =>
        Effect.zipRight(
          Effect.sync(() => ids.push(id)),
          ids.length === 0 ? Effect.sleep(1) : Effect.void
        )
      )
      const reading = yield* Effect.fork(slowly)
      yield* TestClock.adjust(0)
      const count = 1100
      yield* Effect.repeatN(client.version(), count - 1)
      yield* TestClock.adjust(1)
      const { dropped } = yield* client.state
      assert.isAbove(dropped, 0)
      assert.strictEqual(ids.length, count - dropped)
      assert.strictEqual(ids.at(-1), count)
      yield* Fiber.interrupt(reading)
    })
  )
})

describe("state", () => {
  it.scoped("has the calls that run, their phases and permits", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": stream(wait("3 seconds"), token("a"), silence),
        "/api/version": late("1 hour", version)
      })
      const client = yield* server.connect({ policy: Policy.make({ concurrency: { limit: 1 } }) })
      const calls = yield* Effect.forEach([1, 2], () => Effect.fork(client.chat(request)))
      yield* TestClock.adjust("1 second")
      const early = yield* client.state
      assert.deepStrictEqual(
        early.running.map(({ chunks, phase }) => [phase, chunks]),
        [
          ["firstToken", 0],
          ["queue", 0]
        ]
      )
      assert.deepStrictEqual(early.hosts, [
        {
          host: "http://127.0.0.1:11434",
          breaker: "closed",
          models: [{ model: "llama3.2:latest", breaker: "closed", inFlight: 1, queued: 1, limit: 1, isLoading: false }]
        }
      ])
      yield* TestClock.adjust("3 seconds")
      const { running } = yield* client.state
      assert.deepStrictEqual([running[0]?.phase, running[0]?.chunks], ["gap", 1])
      yield* Fiber.interruptAll(calls)
      assert.deepStrictEqual((yield* client.state).running, [])
    })
  )
})
