/** Which failures go on to another host: the column "other host" of the retry table. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Fiber from "effect/Fiber"
import { Fleet, OllamaClient, Policy } from "effect-ollama"
import { Fault, type OllamaSimulator } from "effect-ollama/testing"
import { asked, decisions, inOrder, model, recorded, request, settled, simulator, url, world } from "./scene.js"

const loaded: OllamaSimulator.Options = { models: [{ name: model, loaded: true }], reply: "Hello there" }

const two = world({ a: loaded, b: loaded }, inOrder("a", "b"))

const chat = { path: "/api/chat" }

/** The first host has this fault; the second is well. */
const afterFault = (fault: Fault.Fault, options?: OllamaClient.CallOptions, limit?: Duration.DurationInput) =>
  Effect.gen(function* () {
    yield* settled
    yield* (yield* simulator("a")).inject(fault)
    return yield* recorded(options, request, limit)
  })

describe("goes on to another host at once after", () => {
  const rows: ReadonlyArray<readonly [name: string, fault: Fault.Fault, tag: string]> = [
    ["a refused connection", Fault.refused(chat), "Unreachable"],
    ["a name that is not known", Fault.dns(chat), "Unreachable"],
    ["no way to it", Fault.unroutable(chat), "Unreachable"],
    ["a reset before an answer", Fault.resetBeforeHeaders(chat), "Unreachable"],
    ["a gateway without a server", Fault.badGateway(chat), "Unreachable"],
    ["a certificate that nobody trusts", Fault.selfSignedTls(chat), "Unreachable"],
    ["something that is not HTTP", Fault.notHttp(chat), "Unreachable"],
    ["a cloud that the server does not reach", Fault.error("cloud.unreachable", chat), "Unreachable"],
    ["a firewall", Fault.firewall("EACCES", chat), "Blocked"],
    ["a proxy that wants a password", Fault.proxyAuth(chat), "Blocked"],
    ["a forbidden origin", Fault.forbidden(chat), "Blocked"],
    ["a captive portal", Fault.captivePortal(chat), "Blocked"],
    ["a full queue", Fault.serverBusy(chat), "Overloaded"],
    ["a rate limit of a proxy", Fault.rateLimited(3, chat), "Overloaded"],
    ["a server that is not signed in", Fault.error("cloud.notSignedIn", chat), "Unauthorized"],
    ["a model that is not there", Fault.error("model.notFound", chat), "ModelNotFound"],
    ["a load that failed", Fault.error("load.timedOut", chat), "LoadFailed"],
    ["a load without enough memory", Fault.error("load.outOfMemory", chat), "LoadFailed"],
    ["a runner that crashed", Fault.error("runner.stopped", chat), "ServerError"],
    ["a server that says later", Fault.error("runner.noSlots", chat), "ServerError"],
    ["an answer that ended before it began", Fault.endAfter(0, chat), "StreamInterrupted"]
  ]
  for (const [name, fault, tag] of rows) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { record, result } = yield* afterFault(fault, undefined, 0)
        assert.isTrue(Either.isRight(result), String(result))
        assert.deepStrictEqual(decisions(record), [`moved: ${tag} on ${url("a")}`])
        assert.strictEqual(record.servedBy?.host, url("b"))
        assert.deepStrictEqual(
          record.attempts.map((attempt) => [attempt.tag, attempt.host]),
          [[tag, url("a")]]
        )
        assert.strictEqual(Duration.toMillis(record.elapsed), 0)
        assert.strictEqual(yield* asked("b", "/api/chat"), 1)
      }).pipe(Effect.provide(two))
    )
  }

  it.effect("a first token that did not come in time", () =>
    Effect.gen(function* () {
      const { record } = yield* afterFault(
        Fault.stallAfterHeaders(chat),
        { policy: { timeouts: { firstToken: "3 seconds" }, slow: "off" } },
        "4 seconds"
      )
      assert.deepStrictEqual(decisions(record), [`moved: Timeout on ${url("a")}`])
      assert.strictEqual(Duration.toMillis(record.elapsed), 3000)
      assert.strictEqual(record.servedBy?.host, url("b"))
    }).pipe(Effect.provide(two))
  )

  it.effect("a load that took too long, and not on the same host again", () =>
    Effect.gen(function* () {
      yield* settled
      const policy = { timeouts: { load: "20 seconds" }, slow: "off" } as const
      const { record, result } = yield* recorded({ policy }, request, "1 minute")
      assert.isTrue(Either.isLeft(result))
      // neither host could do it, and none was asked twice
      assert.deepStrictEqual(
        [...record.attempts, record.failure].map((attempt) => [attempt?.tag, attempt?.phase, attempt?.host]),
        [
          ["Timeout", "load", url("a")],
          ["Timeout", "load", url("b")]
        ]
      )
    }).pipe(
      Effect.provide(
        world(
          { a: { models: [model], loadTime: "1 hour" }, b: { models: [model], loadTime: "1 hour" } },
          inOrder("a", "b")
        )
      )
    )
  )
})

describe("stays where it is after", () => {
  const rows: ReadonlyArray<readonly [name: string, fault: Fault.Fault, tag: string]> = [
    ["a request that cannot be", Fault.error("request.option", chat), "InvalidRequest"],
    ["an answer that is not Ollama's", Fault.badLineAfter(0, chat), "ProtocolError"],
    ["usage limits, which hold everywhere", Fault.error("cloud.hourlyLimit", chat), "Overloaded"],
    ["any other failure of the server", Fault.error("server.diskFull", chat), "ServerError"],
    ["a part of the answer", Fault.resetAfter(1, chat), "StreamInterrupted"],
    ["a part of the answer, and an error", Fault.errorLine("runner.stopped", 1, chat), "ServerError"]
  ]
  for (const [name, fault, tag] of rows) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { record, result } = yield* afterFault(fault)
        assert.isTrue(Either.isLeft(result) && result.left._tag === tag, String(result))
        assert.deepStrictEqual(decisions(record), [])
        assert.strictEqual(yield* asked("b", "/api/chat"), 0)
      }).pipe(Effect.provide(two))
    )
  }

  it.effect("an answer that does not fit", () =>
    Effect.gen(function* () {
      yield* settled
      const fiber = yield* Effect.fork(
        Effect.either(OllamaClient.chatObject({ ...request, schema: Schema.Struct({ n: Schema.Number }) }))
      )
      yield* TestClock.adjust("1 second")
      const result = yield* Fiber.join(fiber)
      assert.isTrue(Either.isLeft(result) && result.left._tag === "MalformedOutput", String(result))
      assert.strictEqual(yield* asked("b", "/api/chat"), 0)
    }).pipe(Effect.provide(two))
  )

  it.effect("the time of the whole call", () =>
    Effect.gen(function* () {
      const { record, result } = yield* afterFault(
        Fault.stallAfterHeaders(chat),
        { policy: { timeouts: { total: "5 seconds" }, slow: "off" } },
        "6 seconds"
      )
      assert.isTrue(Either.isLeft(result) && result.left._tag === "Timeout" && result.left.phase === "total")
      assert.deepStrictEqual(decisions(record), [])
    }).pipe(Effect.provide(two))
  )
})

describe("a call that moves", () => {
  const broken = { path: "/api/chat" }

  it.effect("asks each host once before any of them twice, and then waits", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b", "c"]) yield* (yield* simulator(host)).inject(Fault.serverBusy(broken))
      const policy = { retry: { attempts: 4, jitter: "none" } } as const
      const { record } = yield* recorded({ policy }, request, "3 seconds")
      const hosts = [...record.attempts, record.failure].map((attempt) => attempt?.host)
      assert.deepStrictEqual(hosts.slice(0, 3), [url("a"), url("b"), url("c")])
      assert.strictEqual(hosts.length, 4)
      assert.deepStrictEqual(
        record.decisions.map(({ what }) => what),
        ["moved", "moved", "retried", "panicked"]
      )
      assert.strictEqual(Duration.toMillis(record.elapsed), 250)
    }).pipe(Effect.provide(world({ a: loaded, b: loaded, c: loaded }, inOrder("a", "b", "c"))))
  )

  it.effect("has no more attempts than its policy allows", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b"]) yield* (yield* simulator(host)).shutdown
      const { record, result } = yield* recorded({ policy: { retry: { attempts: 2 } } })
      assert.isTrue(Either.isLeft(result) && result.left._tag === "Unreachable")
      assert.strictEqual(record.attempts.length, 1)
      assert.strictEqual(yield* asked("c", "/api/chat"), 0)
    }).pipe(Effect.provide(world({ a: loaded, b: loaded, c: loaded }, inOrder("a", "b", "c"))))
  )

  it.effect("looks everywhere for its model, which is no retry, and knows it afterwards", () =>
    Effect.gen(function* () {
      yield* settled
      const missing = Fault.error("model.notFound", chat)
      for (const host of ["a", "b", "c", "d"]) yield* (yield* simulator(host)).inject(missing)
      const { record, result } = yield* recorded({ policy: { retry: { attempts: 2 } } })
      assert.isTrue(Either.isRight(result), String(result))
      assert.strictEqual(record.attempts.length, 4)
      assert.strictEqual(record.servedBy?.host, url("e"))
      const again = yield* recorded()
      assert.deepStrictEqual(decisions(again.record), [])
      assert.strictEqual(again.record.host, url("e"))
      assert.strictEqual(yield* asked("a", "/api/chat"), 1)
    }).pipe(
      Effect.provide(world({ a: loaded, b: loaded, c: loaded, d: loaded, e: loaded }, inOrder("a", "b", "c", "d", "e")))
    )
  )

  it.effect("tries a load that failed on one other host", () =>
    Effect.gen(function* () {
      yield* settled
      const failed = Fault.error("load.timedOut", chat)
      for (const host of ["a", "b", "c"]) yield* (yield* simulator(host)).inject(failed)
      const { record, result } = yield* recorded({ policy: { retry: { attempts: 5 } } })
      assert.isTrue(Either.isLeft(result) && result.left._tag === "LoadFailed")
      assert.strictEqual(record.attempts.length, 1)
      assert.strictEqual(yield* asked("c", "/api/chat"), 0)
    }).pipe(Effect.provide(world({ a: loaded, b: loaded, c: loaded }, inOrder("a", "b", "c"))))
  )

  it.effect("has one budget for all hosts", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b"]) yield* (yield* simulator(host)).inject(Fault.serverBusy(broken))
      const { record, result } = yield* recorded()
      assert.isTrue(Either.isLeft(result))
      assert.deepStrictEqual(
        record.decisions.map(({ what }) => what),
        ["notRetried"]
      )
    }).pipe(
      Effect.provide(
        world(
          { a: loaded, b: loaded },
          { ...inOrder("a", "b"), policy: Policy.merge(Fleet.policy, { budget: { floor: 0, share: 0.1 } }) }
        )
      )
    )
  )

  it.effect("follows a schedule of the caller's own, at another host each time", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b"]) yield* (yield* simulator(host)).inject(Fault.serverBusy(broken))
      const retrySchedule = Schedule.intersect(Schedule.spaced("500 millis"), Schedule.recurs(3))
      const { record, result } = yield* recorded({ retrySchedule }, request, "3 seconds")
      assert.isTrue(Either.isRight(result), String(result))
      assert.strictEqual(record.servedBy?.host, url("c"))
      assert.strictEqual(Duration.toMillis(record.elapsed), 1000)
    }).pipe(Effect.provide(world({ a: loaded, b: loaded, c: loaded }, inOrder("a", "b", "c"))))
  )

  it.effect("sends nothing again once a stream has begun", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.resetAfter(1, chat))
      const fiber = yield* Effect.fork(Effect.either(Stream.runCollect(OllamaClient.chatStream(request))))
      yield* TestClock.adjust("1 second")
      const result = yield* Fiber.join(fiber)
      assert.isTrue(Either.isLeft(result) && result.left._tag === "StreamInterrupted", String(result))
      assert.strictEqual(yield* asked("b", "/api/chat"), 0)
    }).pipe(Effect.provide(two))
  )
})
