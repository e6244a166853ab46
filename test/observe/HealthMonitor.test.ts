import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  broken,
  chat,
  failure,
  html,
  json,
  late,
  loaded,
  ps,
  refused,
  request,
  silent,
  stream,
  token,
  version,
  wait
} from "../support/replies.js"
import { exact, scene } from "./healthScene.js"

const millis = (at: DateTime.Utc | undefined): number | undefined => at && DateTime.toEpochMillis(at)

describe("how a host is", () => {
  it.scoped("healthy: with its version, its latency and its models", () =>
    Effect.gen(function* () {
      const { health } = yield* scene({
        answers: {
          version: late(3, version),
          ps: late(1, ps(loaded("a:latest", { size: 10, size_vram: 4, context_length: 4096 })))
        }
      })
      assert.deepInclude(yield* health, { host: "http://127.0.0.1:11434", status: "unknown", misses: 0 })
      yield* TestClock.adjust(3)
      const seen = yield* health
      assert.strictEqual(seen.status, "healthy")
      assert.strictEqual(seen.version, "0.33.0")
      assert.strictEqual(Duration.toMillis(seen.latency ?? Duration.zero), 3)
      assert.strictEqual(millis(seen.since), 1)
      assert.strictEqual(millis(seen.heardAt), 3)
      assert.strictEqual(millis(seen.modelsAt), 1)
      assert.deepStrictEqual(seen.models, [
        { name: "a:latest", size: 10, sizeVram: 4, context: 4096, expiresAt: "2026-01-01T00:00:00Z" }
      ])
      assert.deepStrictEqual(seen.moves, [])
    })
  )

  it.scoped("busy, and not dead, while /api/ps is blocked; what was in memory is kept", () =>
    Effect.gen(function* () {
      const { answers, health } = yield* scene()
      yield* TestClock.adjust(0)
      const before = yield* health
      answers.ps = silent
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual((yield* health).status, "healthy")
      yield* TestClock.adjust(4999)
      assert.strictEqual((yield* health).status, "healthy")
      yield* TestClock.adjust(1)
      const busy = yield* health
      assert.strictEqual(busy.status, "busy")
      assert.strictEqual(busy.misses, 0)
      assert.include(busy.why, "within 5 s")
      assert.deepStrictEqual(busy.models, before.models)
      assert.deepStrictEqual(busy.modelsAt, before.modelsAt)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* health).status, "busy")
      answers.ps = ps()
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual((yield* health).status, "healthy")
    })
  )

  it.scoped("a busy host is looked at as often as one with calls", () =>
    Effect.gen(function* () {
      const { asked } = yield* scene({ answers: { ps: silent } })
      yield* TestClock.adjust("30 seconds")
      // 5 s for the look that is not answered, and 2 s between two of them
      assert.deepStrictEqual(asked("/api/ps"), [0, 7000, 14_000, 21_000, 28_000])
    }).pipe(exact)
  )

  const missing = [
    ["unreachable", refused, "Unreachable (refused)", 0],
    ["unreachable", broken("ENOTFOUND"), "Unreachable (dns)", 0],
    ["unknown", silent, "no answer within 5 s", 5000],
    ["unknown", html(200), "Blocked (captivePortal)", 0],
    ["unknown", failure(500, "no"), "ServerError", 0],
    ["unknown", json({ hello: "world" }), "ProtocolError", 0]
  ] as const
  for (const [status, reply, why, takes] of missing) {
    it.scoped(`${why}: two misses make it ${status}, one does not, and an answer ends it`, () =>
      Effect.gen(function* () {
        const { answers, health } = yield* scene()
        yield* TestClock.adjust(0)
        answers.version = reply
        answers.ps = reply
        yield* TestClock.adjust(15_000 + takes)
        assert.deepInclude(yield* health, { status: "healthy", misses: 1 })
        yield* TestClock.adjust(2000 + takes - 1)
        assert.deepInclude(yield* health, { status: "healthy", misses: 1 })
        yield* TestClock.adjust(1)
        const after = yield* health
        assert.deepInclude(after, { status, misses: 2 })
        assert.include(after.why, why)
        assert.strictEqual(millis(after.since), 17_000 + 2 * takes)
        answers.version = version
        yield* TestClock.adjust(4000)
        assert.deepInclude(yield* health, { status: "healthy", misses: 0 })
      })
    )
  }

  it.scoped("nobody who was never heard: unknown at first, unreachable after two misses", () =>
    Effect.gen(function* () {
      const { health } = yield* scene({ answers: { version: refused, ps: refused } })
      yield* TestClock.adjust(0)
      const first = yield* health
      assert.deepInclude(first, { status: "unknown", misses: 1 })
      assert.include(first.why, "first probe")
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* health, { status: "unreachable", misses: 2 })
    })
  )

  it.scoped("a busy host that goes down is not busy any more", () =>
    Effect.gen(function* () {
      const { answers, health } = yield* scene({ answers: { ps: silent } })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* health).status, "busy")
      answers.version = refused
      answers.ps = refused
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* health).status, "unreachable")
    })
  )
})

describe("what calls show", () => {
  it.scoped("a refused connection counts at once; the next answer ends it", () =>
    Effect.gen(function* () {
      const { answers, client, health } = yield* scene()
      yield* TestClock.adjust(0)
      answers.chat = refused
      yield* Effect.flip(client.chat(request, { policy: { retry: { attempts: 1 } } }))
      yield* TestClock.adjust(0)
      const down = yield* health
      assert.strictEqual(down.status, "unreachable")
      assert.include(down.why, "A call got no connection")
      // the probe that follows finds it
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* health).status, "healthy")
    })
  )

  it.scoped("a call that was refused and then answered leaves it healthy", () =>
    Effect.gen(function* () {
      const { answers, client, health, server } = yield* scene({ answers: { chat: refused } })
      yield* TestClock.adjust(0)
      const call = yield* Effect.fork(client.chat(request, { policy: { retry: { baseDelay: "1 second" } } }))
      yield* TestClock.adjust(0)
      answers.chat = chat("Hi")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(call)
      yield* TestClock.adjust(0)
      assert.strictEqual(server.at("/api/chat").length, 2)
      assert.deepInclude(yield* health, { status: "healthy", running: 0 })
    })
  )

  it.scoped("a first token ends what probes believed, before the answer is over", () =>
    Effect.gen(function* () {
      const { answers, client, health } = yield* scene({ answers: { version: refused, ps: refused } })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* health).status, "unreachable")
      answers.chat = stream(token("a"), wait("1 hour"))
      yield* Effect.forkScoped(Stream.runDrain(client.chatStream(request)))
      yield* TestClock.adjust(0)
      const now = yield* health
      assert.deepInclude(now, { status: "healthy", misses: 0, running: 1 })
      assert.include(now.why, "answered a call")
    })
  )

  it.scoped.each([
    ["a missing model is an answer", failure(404, 'model "x" not found'), "healthy"],
    ["a bad option is an answer", failure(500, 'option "num_ctx" must be of type integer'), "healthy"],
    ["what a gateway says is none", html(502), "unreachable"],
    ["a reset is none, and no refusal either", broken("ECONNRESET"), "unreachable"]
  ] as const)("%s", ([, reply, status]) =>
    Effect.gen(function* () {
      const { answers, client, health } = yield* scene({ answers: { version: refused, ps: refused } })
      yield* TestClock.adjust("2 seconds")
      answers.chat = reply
      yield* Effect.flip(client.chat(request, { policy: { retry: { attempts: 1 } } }))
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* health).status, status)
    }).pipe(Effect.scoped)
  )

  it.scoped("a reset of a healthy host changes nothing", () =>
    Effect.gen(function* () {
      const { answers, client, health } = yield* scene()
      yield* TestClock.adjust(0)
      answers.chat = broken("ECONNRESET")
      yield* Effect.flip(client.chat(request, { policy: { retry: { attempts: 1 } } }))
      yield* TestClock.adjust(0)
      assert.deepInclude(yield* health, { status: "healthy", misses: 0 })
    })
  )

  it.scoped("how many run", () =>
    Effect.gen(function* () {
      const { answers, client, health } = yield* scene()
      answers.chat = stream(token("a"), wait("1 minute"), token("b"))
      const calls = yield* Effect.forkAll(Array.from({ length: 3 }, () => Effect.ignore(client.chat(request))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* health).running, 3)
      yield* Fiber.interrupt(calls)
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* health).running, 0)
    })
  )
})
