/** Hosts that stop and come back, hang, or refuse a model: who is asked meanwhile, and what is known of them. */
import { assert, describe, it } from "@effect/vitest"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { Fleet, OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { asked, decisions, inOrder, model, recorded, request, settled, simulator, url, world } from "./scene.js"

const loaded: OllamaSimulator.Options = { models: [{ name: model, loaded: true }], reply: "Hello there" }

const two = world({ a: loaded, b: loaded }, inOrder("a", "b"))

const statusOf = (host: string) =>
  Effect.map(
    Effect.flatMap(Fleet.Fleet, (fleet) => fleet.state),
    ({ hosts }) => hosts.find((one) => one.host === url(host))?.status
  )

describe("a host that refuses", () => {
  it.effect("is left alone at once, by all calls", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).shutdown
      yield* recorded({}, request, 0)
      assert.strictEqual(yield* statusOf("a"), "down")
      const { record } = yield* recorded({}, request, 0)
      assert.deepStrictEqual(decisions(record), [])
      assert.strictEqual(record.host, url("b"))
    }).pipe(Effect.provide(two))
  )

  it.effect(
    "is known to be down without a call that finds out, and is asked again within 5 seconds of its return",
    () =>
      Effect.gen(function* () {
        yield* settled
        yield* (yield* simulator("a")).shutdown
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(yield* statusOf("a"), "down")
        yield* TestClock.adjust("5 minutes")
        yield* (yield* simulator("a")).restart
        yield* TestClock.adjust("4900 millis")
        assert.strictEqual(yield* statusOf("a"), "up")
        const { record } = yield* recorded({}, request, 0)
        assert.strictEqual(record.host, url("a"))
      }).pipe(Effect.provide(two))
  )

  it.effect("is found out within 2 seconds while calls run", () =>
    Effect.gen(function* () {
      yield* settled
      yield* Effect.fork(OllamaClient.chat(request, { host: "b" }))
      yield* TestClock.adjust("3 seconds")
      yield* (yield* simulator("a")).shutdown
      // a pause between two looks is a quarter more or less
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual(yield* statusOf("a"), "down")
    }).pipe(
      Effect.provide(
        world({ a: loaded, b: { models: [{ name: model, loaded: true, promptTime: "1 minute" }] } }, inOrder("a", "b"))
      )
    )
  )
})

describe("a host that hangs", () => {
  it.effect("is left alone after two answers that did not come", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.blackHole())
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* statusOf("a"), "down")
      yield* (yield* simulator("a")).clearFaults
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* statusOf("a"), "up")
    }).pipe(Effect.provide(two))
  )

  it.effect("loses the calls of which nothing has come to another one", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.blackHole())
      const { record, result } = yield* recorded({ policy: { slow: "off" } }, request, "15 seconds")
      assert.isTrue(Either.isRight(result), String(result))
      assert.deepStrictEqual(decisions(record), [`moved: Unreachable on ${url("a")}`])
      assert.strictEqual(record.servedBy?.host, url("b"))
      assert.isBelow(Duration.toMillis(record.elapsed), 10_000)
    }).pipe(Effect.provide(two))
  )

  it.effect("only with /api/ps is busy, and keeps its calls", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.blackHole({ path: "/api/ps" }))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* statusOf("a"), "up")
      const { record } = yield* recorded({}, request, "1 second")
      assert.strictEqual(record.servedBy?.host, url("a"))
    }).pipe(Effect.provide(two))
  )
})

describe("a host that answers chats with 503", () => {
  const three = ["m1", "m2", "m3"].map((name) => ({ name, loaded: true }))
  const busy: OllamaSimulator.Options = { models: three, reply: "Hello there" }

  /** A call every second, each for the next of the models; how many of them came to the first host. */
  const inVain = (seconds: number, models: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const before = yield* asked("a", "/api/chat")
      for (let n = 0; n < seconds; n++) {
        const { result } = yield* recorded({}, { ...request, model: models[n % models.length] ?? model }, "1 second")
        assert.isTrue(Either.isRight(result), String(result))
      }
      return (yield* asked("a", "/api/chat")) - before
    })

  it.effect("is left alone for longer each time, by all calls where it takes none of them", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.serverBusy({ path: "/api/chat" }))
      // after 0, 1, 3, 7, 15, 31 seconds, and one more for the second model
      assert.isAtMost(yield* inVain(60, ["m1", "m2", "m3"]), 7)
      yield* (yield* simulator("a")).clearFaults
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* inVain(3, ["m1", "m2", "m3"]), 3)
    }).pipe(Effect.provide(world({ a: busy, b: busy }, inOrder("a", "b"))))
  )

  it.effect("has the calls for the models that it does answer", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.serverBusy({ path: "/api/chat", times: 1 }))
      assert.strictEqual(yield* inVain(1, ["m1"]), 1)
      assert.strictEqual(yield* inVain(1, ["m2"]), 1)
      assert.strictEqual(yield* inVain(1, ["m1"]), 1)
    }).pipe(Effect.provide(world({ a: busy, b: busy }, inOrder("a", "b"))))
  )
})

describe("when no host answers", () => {
  it.effect("one is asked all the same, and the record says so", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b"]) yield* (yield* simulator(host)).shutdown
      yield* TestClock.adjust("20 seconds")
      // it is back, and nobody has noticed yet
      yield* (yield* simulator("b")).restart
      const { record, result } = yield* recorded({}, request, 0)
      assert.isTrue(Either.isRight(result), String(result))
      assert.include(
        record.decisions.map(({ what }) => what),
        "panicked"
      )
      assert.strictEqual(record.servedBy?.host, url("b"))
      assert.strictEqual(yield* statusOf("b"), "up")
    }).pipe(Effect.provide(two))
  )

  it.effect("each call asks one, and no call asks again who was asked in vain a moment ago", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b", "c"]) yield* (yield* simulator(host)).shutdown
      const attempts = []
      for (let n = 0; n < 4; n++) {
        const { record, result } = yield* recorded({}, request, "1 second")
        assert.isTrue(Either.isLeft(result) && result.left._tag === "Unreachable", String(result))
        attempts.push(record.attempts.length + 1)
      }
      // the first call finds out, the others know
      assert.deepStrictEqual(attempts, [3, 1, 1, 1])
      yield* TestClock.adjust("30 seconds")
      const { record } = yield* recorded({}, request, "1 second")
      assert.strictEqual(record.attempts.length, 2)
    }).pipe(Effect.provide(world({ a: loaded, b: loaded, c: loaded }, inOrder("a", "b", "c"))))
  )

  it.effect("a call that may be held is held until any of them does", () =>
    Effect.gen(function* () {
      yield* settled
      for (const host of ["a", "b"]) yield* (yield* simulator(host)).shutdown
      yield* TestClock.adjust("20 seconds")
      yield* Effect.forkDaemon(
        Effect.zipRight(
          Effect.sleep("1 minute"),
          Effect.flatMap(simulator("b"), ({ restart }) => restart)
        )
      )
      const { record, result } = yield* recorded(
        { policy: { retry: { whileOffline: "wait" }, slow: "off" } },
        request,
        "2 minutes"
      )
      assert.isTrue(Either.isRight(result), String(result))
      assert.strictEqual(record.servedBy?.host, url("b"))
      assert.isBelow(Duration.toMillis(record.elapsed), 65_000)
    }).pipe(Effect.provide(two))
  )
})

describe("a model", () => {
  it.effect("that a host says it lacks is not asked for there, until everybody lacks it", () =>
    Effect.gen(function* () {
      yield* settled
      const { record } = yield* recorded({}, request, 0)
      assert.deepStrictEqual(decisions(record), [])
      assert.strictEqual(record.host, url("b"))
      const other = { ...request, model: "nowhere" }
      const { result } = yield* recorded({}, other, 0)
      assert.isTrue(Either.isLeft(result) && result.left._tag === "ModelNotFound")
      assert.strictEqual(yield* asked("a", "/api/chat"), 0)
      assert.strictEqual(yield* asked("b", "/api/chat"), 1)
      // somebody may have pulled it meanwhile
      yield* TestClock.adjust("10 seconds")
      yield* recorded({}, other, 0)
      assert.strictEqual(yield* asked("a", "/api/chat"), 1)
    }).pipe(Effect.provide(world({ a: { models: ["qwen3"] }, b: loaded }, inOrder("a", "b"))))
  )

  it.effect("that fails on a host, again and again, is asked for on another one", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("a")).inject(Fault.error("runner.stopped", { path: "/api/chat" }))
      for (let n = 0; n < 6; n++) yield* recorded({}, request, 0)
      const before = yield* asked("a", "/api/chat")
      const { record } = yield* recorded({}, request, 0)
      assert.deepStrictEqual(decisions(record), [])
      assert.strictEqual(yield* asked("a", "/api/chat"), before)
    }).pipe(Effect.provide(two))
  )
})

describe("the looks at /api/ps", () => {
  const psOf = asked("a", "/api/ps")

  it.effect("come every 2 seconds while calls run, and every 15 otherwise", () =>
    Effect.gen(function* () {
      yield* settled
      const first = yield* psOf
      yield* TestClock.adjust("1 minute")
      const idle = (yield* psOf) - first
      assert.isTrue(idle >= 3 && idle <= 5, `${idle} looks in a minute without calls`)
      yield* Effect.fork(OllamaClient.chat(request, { policy: { slow: "off" } }))
      const second = yield* psOf
      yield* TestClock.adjust("20 seconds")
      const busy = (yield* psOf) - second
      assert.isTrue(busy >= 8 && busy <= 14, `${busy} looks in 20 seconds with a call`)
    }).pipe(
      Effect.provide(
        world({ a: { models: [{ name: model, loaded: true, promptTime: "25 seconds" }] } }, { hosts: ["a"] })
      )
    )
  )

  it.effect("come before the first call after a while: others may have had models loaded and put out", () =>
    Effect.gen(function* () {
      yield* settled
      const http = yield* HttpClient.HttpClient
      const ask = (host: string, keepAlive: number) =>
        http.post(`${url(host)}/api/generate`, { body: HttpBody.unsafeJson({ model, keep_alive: keepAlive }) })
      yield* Effect.fork(Effect.scoped(ask("a", 0)))
      yield* Effect.fork(Effect.scoped(ask("b", 300)))
      yield* TestClock.adjust("5 seconds")
      const { record, result } = yield* recorded({}, request, "10 seconds")
      assert.isTrue(Either.isRight(result), String(result))
      assert.strictEqual(record.host, url("b"))
    }).pipe(
      Effect.provide(
        world({
          a: { models: [{ name: model, loaded: true }], loadTime: "3 seconds" },
          b: { models: [model], loadTime: "3 seconds" }
        })
      )
    )
  )

  it.effect("are not waited for where they do not come", () =>
    Effect.gen(function* () {
      yield* settled
      yield* TestClock.adjust("5 seconds")
      yield* (yield* simulator("b")).inject(Fault.blackHole({ path: "/api/ps" }))
      const { record, result } = yield* recorded({}, request, "1 second")
      assert.isTrue(Either.isRight(result), String(result))
      assert.strictEqual(Duration.toMillis(record.elapsed), 200)
    }).pipe(Effect.provide(two))
  )

  it.scoped("end with the layer", () =>
    Effect.gen(function* () {
      const simulated = yield* Layer.build(OllamaSimulator.layerMany({ a: loaded }))
      yield* Effect.scoped(
        Effect.zipRight(
          Layer.build(Layer.provide(Fleet.layer({ hosts: ["a"] }), Layer.succeedContext(simulated))),
          settled
        )
      )
      const before = yield* Effect.provide(psOf, simulated)
      assert.isAbove(before, 0)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Effect.provide(psOf, simulated), before)
    })
  )
})
