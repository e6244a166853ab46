/** Calls that wait for a host that cannot be reached: one prober, in order, never past their limits. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Policy } from "effect-ollama"
import { expectTag, failsAt } from "../../support/clock.js"
import { chat, html, json, refused, type Reply, request } from "../../support/replies.js"
import { make, type Route } from "../../support/server.js"

const waiting = (patch: Policy.Patch["retry"] = {}, rest: Policy.Patch = {}) =>
  Policy.make({ ...rest, retry: { whileOffline: "wait", ...patch } })

/** A server that is down until it is started. */
const host = (down: Reply = refused) => {
  let isUp = false
  const when =
    (reply: Reply): Route =>
    () =>
      isUp ? reply : down
  const server = make({
    "/api/chat": when(chat("Hello")),
    "/api/version": when(json({ version: "0.33.0" })),
    "/api/ps": when(json({ models: [{ model: "llama3.2:latest", name: "llama3.2:latest" }] }))
  })
  return {
    server,
    start: Effect.sync(() => {
      isUp = true
    }),
    probes: () => server.at("/api/version").length
  }
}

describe("a call to a host that is down", () => {
  it.scoped("is held, and answered when the host comes back", () =>
    Effect.gen(function* () {
      const { probes, server, start } = host()
      const client = yield* server.connect({ policy: waiting() })
      const call = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(server.at("/api/chat").length, 1)
      assert.isNull(call.unsafePoll())
      const before = probes()
      assert.isAbove(before, 8)
      yield* start
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual((yield* Fiber.join(call)).message.content, "Hello")
      assert.strictEqual(server.at("/api/chat").length, 2)
      assert.strictEqual(probes(), before + 1)
    })
  )

  it.scoped("asks less and less often, never less than every 6.25 seconds", () =>
    Effect.gen(function* () {
      const { server } = host()
      const client = yield* server.connect({ policy: waiting() })
      yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("5 minutes")
      const at = server.at("/api/version").map((probe) => probe.at)
      const pauses = at.map((time, i) => time - (at[i - 1] ?? 0))
      const steady = pauses.slice(6)
      assert.isAbove(steady.length, 40)
      for (const pause of steady) assert.isTrue(pause >= 3750 && pause <= 6250, String(pause))
      assert.isBelow(pauses[0] ?? 0, 320)
    })
  )

  it.scoped("has one prober with all others, and they go in the order in which they came", () =>
    Effect.gen(function* () {
      const { probes, server, start } = host()
      const client = yield* server.connect({ policy: waiting() })
      const calls = yield* Effect.forEach([0, 1, 2, 3, 4], (n) =>
        Effect.zipLeft(
          Effect.fork(client.chat({ ...request, messages: [{ role: "user", content: `call ${n}` }] })),
          TestClock.adjust("10 seconds")
        )
      )
      const [first] = server.at("/api/chat")
      assert.include(first?.body ?? "", "call 0")
      // those that came later are not sent at all while it is down
      assert.strictEqual(server.at("/api/chat").length, 1)
      assert.isBelow(probes(), 25)
      yield* start
      yield* TestClock.adjust("7 seconds")
      yield* Fiber.joinAll(calls)
      const order = server
        .at("/api/chat")
        .slice(1)
        .map((seen) => /call \d/.exec(seen.body)?.[0])
      assert.deepStrictEqual(order, ["call 0", "call 1", "call 2", "call 3", "call 4"])
    })
  )

  it.scoped("fails with the last Unreachable at offlineLimit", () =>
    Effect.gen(function* () {
      const { server } = host()
      const client = yield* server.connect({ policy: waiting({ offlineLimit: "90 seconds" }) })
      const error = expectTag(yield* failsAt(client.chat(request), "90 seconds"), "Unreachable")
      assert.strictEqual(error.reason, "refused")
      assert.strictEqual(Duration.toMillis(error.elapsed), 90_000)
      assert.strictEqual(error.phase, "queue")
    })
  )

  it.scoped("fails with the last Unreachable when the call has to be over, before offlineLimit", () =>
    Effect.gen(function* () {
      const { server } = host()
      const client = yield* server.connect({ policy: waiting({}, { timeouts: { total: "20 seconds" } }) })
      expectTag(yield* failsAt(client.chat(request), "20 seconds"), "Unreachable")
      // one that comes while it is known to be down is not sent, and says the same
      yield* Effect.fork(client.chat(request, { policy: { timeouts: { total: "5 minutes" } } }))
      yield* TestClock.adjust("1 second")
      const sent = server.at("/api/chat").length
      expectTag(yield* failsAt(client.chat(request), "20 seconds"), "Unreachable")
      assert.strictEqual(server.at("/api/chat").length, sent)
    })
  )

  it.scoped("is held behind a gateway that has no server", () =>
    Effect.gen(function* () {
      const { server, start } = host(html(502))
      const client = yield* server.connect({ policy: waiting() })
      const call = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("30 seconds")
      assert.isNull(call.unsafePoll())
      yield* start
      yield* TestClock.adjust("7 seconds")
      yield* Fiber.join(call)
    })
  )

  it.scoped("is held as a stream, too, before its first value", () =>
    Effect.gen(function* () {
      const { server, start } = host()
      const client = yield* server.connect({ policy: waiting() })
      const stream = yield* Effect.fork(Stream.runCount(client.chatStream(request)))
      yield* TestClock.adjust("30 seconds")
      yield* start
      yield* TestClock.adjust("7 seconds")
      assert.isAbove(yield* Fiber.join(stream), 0)
    })
  )

  it.scoped("leaves the queue when it is interrupted, and with the last one the prober ends", () =>
    Effect.gen(function* () {
      const { probes, server } = host()
      const client = yield* server.connect({ policy: waiting() })
      const call = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(call)))
      const before = probes()
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(probes(), before)
    })
  )

  it.scoped("fails at once where the policy does not say to wait", () =>
    Effect.gen(function* () {
      const { probes, server } = host()
      const client = yield* server.connect({ policy: Policy.make({ retry: { attempts: 1 } }) })
      expectTag(yield* failsAt(client.chat(request), 0), "Unreachable")
      assert.strictEqual(probes(), 0)
    })
  )

  it.scoped("is held also when its breaker has opened", () =>
    Effect.gen(function* () {
      const { server, start } = host()
      const client = yield* server.connect({ policy: waiting() })
      yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => Effect.fork(client.chat(request)))
      yield* TestClock.adjust("1 minute")
      const late = yield* Effect.fork(client.chat(request))
      yield* start
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual((yield* Fiber.join(late)).message.content, "Hello")
    })
  )
})
