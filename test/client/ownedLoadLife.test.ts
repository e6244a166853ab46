/** How long a load of the client's lives, what of it counts, and what becomes of a model that is put out of memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type OllamaClient, Policy } from "effect-ollama"
import { expectTimeout, failsAt, within } from "../support/clock.js"
import { callsOf, cold, loadAnswer, loadsOf } from "../support/loading.js"
import { chat, failure, late, model, ps, psEmpty, request, silent } from "../support/replies.js"
import { make } from "../support/server.js"
import { coldServer, firstToken, fork, leave, load, minute } from "./ownedLoadScene.js"

describe("a load", () => {
  it.scoped("goes on to its end when all have left, the first one first", () =>
    Effect.gen(function* () {
      const server = coldServer()
      const client = yield* server.connect()
      const first = yield* fork(client.chat(request))
      const second = yield* fork(client.chat(request))
      yield* leave(first)
      yield* TestClock.adjust(10_000)
      yield* leave(second)
      yield* TestClock.adjust(50_000)
      yield* client.chat(request)
      assert.strictEqual(loadsOf(server).length, 1)
      assert.isFalse(loadsOf(server)[0]?.left)
      assert.strictEqual(server.at("/api/ps").length, 1)
    })
  )

  it.scoped("that has ended leaves nothing behind that would look again", () =>
    Effect.gen(function* () {
      const server = coldServer()
      const client = yield* server.connect()
      yield* within(client.chat(request))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(server.at("/api/ps").length, 1)
    })
  )

  const leaves = (name: string, limits: ReadonlyArray<Duration.DurationInput>, until: Duration.DurationInput) =>
    it.scoped(`that nobody waits for ends ${name}`, () =>
      Effect.gen(function* () {
        const server = coldServer(silent)
        const client = yield* server.connect()
        for (const limit of limits) {
          const waiting = yield* fork(client.chat(request, { policy: { timeouts: { load: limit } } }))
          yield* TestClock.adjust(1000)
          yield* leave(waiting)
        }
        const millis = Duration.toMillis(until)
        yield* TestClock.adjust(millis - 1000 * limits.length - 1)
        assert.isFalse(loadsOf(server)[0]?.left)
        yield* TestClock.adjust(1)
        assert.isTrue(loadsOf(server)[0]?.left)
        assert.strictEqual(loadsOf(server).length, 1)
      })
    )
  leaves("after the largest load limit of those who waited, from its start", ["7 minutes", "20 minutes"], "20 minutes")
  leaves("not before 5 minutes, however short their limits were", ["10 seconds", "2 seconds"], "5 minutes")

  it.scoped("that somebody waited for without a limit ends 5 minutes after the last has left", () =>
    Effect.gen(function* () {
      const server = coldServer(silent)
      const client = yield* server.connect()
      const endless = yield* fork(client.chat(request, { policy: { timeouts: { load: "none" } } }))
      yield* TestClock.adjust("1 hour")
      assert.isFalse(loadsOf(server)[0]?.left)
      yield* leave(endless)
      yield* TestClock.adjust(299_999)
      assert.isFalse(loadsOf(server)[0]?.left)
      yield* TestClock.adjust(1)
      assert.isTrue(loadsOf(server)[0]?.left)
    })
  )

  it.scoped("that nobody waited for a while is kept for those who have joined it since", () =>
    Effect.gen(function* () {
      const server = coldServer(late(400_000, loadAnswer))
      const client = yield* server.connect()
      yield* leave(yield* fork(client.chat(request)))
      yield* TestClock.adjust(200_000)
      const second = yield* fork(client.chat(request))
      yield* TestClock.adjust(200_000)
      yield* Fiber.join(second)
      assert.strictEqual(loadsOf(server).length, 1)
    })
  )

  it.scoped("that hangs is left when its last waiter leaves, and those who come after its time begin another", () =>
    Effect.gen(function* () {
      const server = coldServer([silent, late(3 * minute, loadAnswer)])
      const client = yield* server.connect()
      const first = yield* fork(Effect.flip(client.chat(request)))
      yield* TestClock.adjust(200_000)
      const second = yield* fork(Effect.flip(client.chat(request)))
      yield* TestClock.adjust(100_000)
      expectTimeout(yield* Fiber.join(first), "load", load)
      const third = yield* fork(client.chat(request))
      assert.deepStrictEqual(
        loadsOf(server).map((seen) => [seen.at, seen.left]),
        [
          [0, false],
          [load, false]
        ]
      )
      yield* TestClock.adjust(minute)
      yield* leave(second)
      assert.isTrue(loadsOf(server)[0]?.left)
      const fourth = yield* fork(client.chat(request))
      yield* TestClock.adjust(2 * minute)
      yield* Fiber.join(Fiber.zip(third, fourth))
      assert.strictEqual(loadsOf(server).length, 2)
    })
  )

  it.scoped("is stopped with the client; who still waits sends the call itself", () =>
    Effect.gen(function* () {
      const server = coldServer(silent, chat("a"))
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(server.connect(), scope)
      const left = yield* fork(client.chat(request))
      const waiting = yield* fork(client.chat(request))
      yield* leave(left)
      assert.isFalse(loadsOf(server)[0]?.left)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(loadsOf(server)[0]?.left)
      yield* TestClock.adjust(0)
      yield* Fiber.join(waiting)
      assert.strictEqual(callsOf(server).length, 1)
    })
  )

  it.scoped("is not begun by a call that ends before it is known whether it is needed", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(chat("a")), "/api/ps": late(300, psEmpty) })
      const client = yield* server.connect()
      const left = yield* fork(client.chat(request))
      yield* TestClock.adjust(299)
      yield* leave(left)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(loadsOf(server).length, 0)
    })
  )

  it.scoped("by `load` waits for one that runs, and saves the look at ps", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(chat("a"), late(minute, loadAnswer)),
        "/api/generate": loadAnswer,
        "/api/ps": psEmpty
      })
      const client = yield* server.connect()
      const call = yield* fork(client.chat(request))
      const explicit = yield* fork(client.load({ model, keep_alive: "1h" }))
      yield* TestClock.adjust(minute)
      yield* Fiber.join(call)
      assert.strictEqual((yield* Fiber.join(explicit)).done_reason, "load")
      assert.deepStrictEqual(
        server.at("/api/generate").map((seen) => [seen.at, seen.json]),
        [[minute, { model, keep_alive: "1h" }]]
      )

      const other = make({ "/api/chat": cold(chat("a")), "/api/generate": loadAnswer, "/api/ps": psEmpty })
      const fresh = yield* other.connect()
      yield* fresh.load({ model })
      yield* fresh.chat(request)
      assert.strictEqual(other.seen.length, 2)
    })
  )
})

describe("the breaker of the model", () => {
  const breaking = Policy.make({ retry: { attempts: 1 } })
  const many = (client: OllamaClient.Service, policy: Policy.Patch = {}) =>
    fork(
      Effect.all(
        Array.makeBy(50, () => Effect.flip(client.chat(request, { policy }))),
        { concurrency: "unbounded" }
      )
    )

  it.scoped("counts a load that failed once, however many waited for it", () =>
    Effect.gen(function* () {
      const server = coldServer([late(minute, failure(500, "failed to load model")), loadAnswer])
      const client = yield* server.connect({ policy: breaking })
      const failed = yield* many(client, { concurrency: "off" })
      yield* TestClock.adjust(minute)
      for (const error of yield* Fiber.join(failed)) assert.strictEqual(error._tag, "LoadFailed")
      yield* client.chat(request)
    })
  )

  it.scoped("counts each load that failed", () =>
    Effect.gen(function* () {
      const client = yield* coldServer(failure(500, "failed to load model")).connect({ policy: breaking })
      for (const _ of [1, 2, 3, 4]) assert.strictEqual((yield* Effect.flip(client.chat(request)))._tag, "LoadFailed")
      assert.strictEqual((yield* Effect.flip(client.chat(request)))._tag, "CircuitOpen")
    })
  )

  it.scoped("does not count those who lost patience with a load that goes on", () =>
    Effect.gen(function* () {
      const client = yield* coldServer().connect({ policy: breaking })
      const left = yield* many(client, { timeouts: { load: 2000 }, concurrency: "off" })
      yield* TestClock.adjust(minute)
      for (const error of yield* Fiber.join(left)) expectTimeout(error, "load", 2000)
      yield* client.chat(request)
    })
  )

  it.scoped("counts those whose server says nothing any more", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(chat("a"), silent),
        "/api/ps": (_, nth) => (nth === 0 ? psEmpty : silent)
      })
      const client = yield* server.connect({ policy: breaking })
      const left = yield* many(client, { timeouts: { load: 5000 }, concurrency: "off" })
      yield* TestClock.adjust(5000)
      for (const error of yield* Fiber.join(left)) expectTimeout(error, "load", 5000)
      assert.strictEqual((yield* Effect.flip(client.chat(request)))._tag, "CircuitOpen")
    })
  )
})

describe("a model that is put out of memory before the call came", () => {
  it.scoped("is on the load clock: it is never a first token that did not come", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent, "/api/ps": [ps(), psEmpty] })
      const client = yield* server.connect()
      const error = expectTimeout(yield* failsAt(client.chat(request), load + firstToken), "load", load + firstToken)
      assert.include(error.remedy, "still being loaded")
    })
  )

  it.scoped("is answered when it is back", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": late(load + firstToken - 1, chat("a")), "/api/ps": [ps(), psEmpty] })
      const client = yield* server.connect()
      const answer = yield* within(client.chat(request))
      assert.strictEqual(answer.message.content, "a")
    })
  )

  it.scoped("also when another call had an answer of it a while ago", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [chat("a"), silent], "/api/ps": [ps(), psEmpty] })
      const client = yield* server.connect()
      yield* client.chat(request)
      const waiting = yield* fork(Effect.flip(client.chat(request)))
      yield* TestClock.adjust(firstToken)
      assert.strictEqual(loadsOf(server).length, 0)
      // what is known now is known to those who come later
      yield* fork(client.chat(request))
      assert.strictEqual(loadsOf(server).length, 1)
      yield* TestClock.adjust(load)
      assert.strictEqual((yield* Fiber.join(waiting)).phase, "load")
    })
  )

  it.scoped("and is back at the end, without a first token", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent, "/api/ps": [ps(), psEmpty, ps()] })
      const client = yield* server.connect({ policy: Policy.make({ slow: "off" }) })
      expectTimeout(yield* failsAt(client.chat(request), load + firstToken), "firstToken", load + firstToken)
    })
  )

  for (const [name, reply] of [
    ["still there", ps()],
    ["not known to be out", silent]
  ] as const) {
    it.scoped(`while it is ${name} the firstToken clock binds`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": silent, "/api/ps": [ps(), reply] })
        const client = yield* server.connect()
        expectTimeout(yield* failsAt(client.chat(request), firstToken), "firstToken", firstToken)
      })
    )
  }
})
