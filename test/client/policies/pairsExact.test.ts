/** Pairs of policies where one decides over the other: which, and when, to the millisecond. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { type CallRecord, Policy } from "effect-ollama"
import { expectTag, failsAt, within } from "../../support/clock.js"
import { cold, loadAnswer } from "../../support/loading.js"
import {
  chat,
  failure,
  late,
  loaded,
  ps,
  psEmpty,
  refused,
  type Reply,
  request,
  silent,
  version
} from "../../support/replies.js"
import { make } from "../../support/server.js"

const crash = failure(500, "llama runner process has terminated: exit status 2")

/** Gives up at the second failure in a row, and lets one call try after three seconds. */
const brittle: Policy.Patch = {
  breaker: { model: { consecutive: 2, openFor: "3 seconds", trials: 1, ramp: "off" } }
}

const steady = { baseDelay: "2 seconds", jitter: "none" } as const

const recording = () => {
  const records: Array<CallRecord.CallRecord> = []
  return {
    onRecord: (record: CallRecord.CallRecord) => Effect.sync(() => void records.push(record)),
    decisions: () => records.flatMap(({ decisions }) => decisions.map(({ what }) => what))
  }
}

describe("the limit of the whole call", () => {
  it.scoped("and retries: none is waited for that would come too late", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": crash })
      const client = yield* server.connect({
        policy: Policy.make({ timeouts: { total: "5 seconds" }, retry: { attempts: 5, ...steady } })
      })
      expectTag(yield* failsAt(client.chat(request), "2 seconds"), "ServerError")
      assert.deepStrictEqual(
        server.at("/api/chat").map(({ at }) => at),
        [0, 2000]
      )
    })
  )

  it.scoped("and a fallback: when it is over, nobody else is asked", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent })
      const client = yield* server.connect({
        policy: Policy.make({ timeouts: { total: "5 seconds" }, fallback: [{ model: "small", on: ["Timeout"] }] })
      })
      expectTag(yield* failsAt(client.chat(request), "5 seconds"), "Timeout")
      assert.strictEqual(server.at("/api/chat").length, 1)
    })
  )
})

describe("a breaker", () => {
  it.scoped("and retries: a call stops at the opening that it has caused, and tells its own failure", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": crash })
      const client = yield* server.connect({ policy: Policy.make({ ...brittle, retry: { attempts: 5, ...steady } }) })
      const error = expectTag(yield* failsAt(client.chat(request), "2 seconds"), "ServerError")
      assert.strictEqual(error.attempts.length, 1)
      assert.strictEqual(server.at("/api/chat").length, 2)
    })
  )

  it.scoped("and hedging: while one call may try, its copy is none", () =>
    Effect.gen(function* () {
      const replies: ReadonlyArray<Reply> = [crash, crash, late("10 seconds", chat("a")), chat("b")]
      const server = make({ "/api/chat": replies })
      const client = yield* server.connect({
        policy: Policy.make({ ...brittle, hedging: { after: "1 second" }, retry: { attempts: 1 }, budget: "off" })
      })
      for (let n = 0; n < 2; n++) expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
      yield* TestClock.adjust("3 seconds")
      const trial = yield* within(client.chat(request), "10 seconds")
      assert.strictEqual(trial.message.content, "a")
      assert.strictEqual(server.at("/api/chat").length, 3)
      assert.strictEqual((yield* client.chat(request)).message.content, "b")
    })
  )

  it.scoped("and the load that the client owns: one that fails for all who wait is one failure", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(chat("a"), (_, nth) => (nth === 0 ? late("1 second", crash) : loadAnswer)),
        "/api/ps": psEmpty
      })
      const client = yield* server.connect({ policy: Policy.make({ ...brittle, retry: { attempts: 1 } }) })
      const failures = yield* within(
        Effect.all(
          [1, 2, 3].map(() => Effect.flip(client.chat(request))),
          { concurrency: 3 }
        ),
        "1 second"
      )
      for (const error of failures) expectTag(error, "ServerError")
      assert.strictEqual((yield* within(client.chat(request), "1 second")).message.content, "a")
    })
  )
})

describe("an empty budget", () => {
  it.scoped("and a fallback: no retry is granted, another model is asked all the same", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": ({ body }) => (body.includes("small") ? chat("from small") : crash),
        "/api/ps": ps(loaded(), loaded("small:latest"))
      })
      const client = yield* server.connect({
        policy: Policy.make({ budget: { pool: { initial: 0 } }, fallback: [{ model: "small" }] })
      })
      const { decisions, onRecord } = recording()
      assert.strictEqual((yield* client.chat(request, { onRecord })).message.content, "from small")
      yield* TestClock.adjust(0)
      assert.strictEqual(server.at("/api/chat").length, 2)
      assert.deepStrictEqual(decisions(), ["notRetried", "fellBack"])
    })
  )

  it.scoped("and hedging: no copy is sent", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": late("5 seconds", chat("slow")) })
      const client = yield* server.connect({
        policy: Policy.make({ budget: { pool: { initial: 0 } }, hedging: { after: "1 second" } })
      })
      yield* within(client.chat(request), "5 seconds")
      assert.strictEqual(server.at("/api/chat").length, 1)
    })
  )
})

describe("a permit", () => {
  it.scoped("and a host that is down: who is held for it holds none", () =>
    Effect.gen(function* () {
      let isUp = false
      const when = (reply: Reply) => (): Reply => (isUp ? reply : refused)
      const server = make({ "/api/chat": when(chat("a")), "/api/version": when(version), "/api/ps": when(ps()) })
      const client = yield* server.connect({
        policy: Policy.make({ concurrency: { limit: 1 }, retry: { whileOffline: "wait" } })
      })
      const held = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("1 minute")
      isUp = true
      // no time passes: the prober has not asked again
      const other = client.chat(request, { policy: { retry: { whileOffline: "fail" } } })
      assert.strictEqual((yield* within(other, 0)).message.content, "a")
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* Fiber.join(held)).message.content, "a")
    })
  )

  it.scoped("and the wait before a retry: it is free for another call", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": (_, nth) => (nth === 0 ? crash : chat(String(nth))) })
      const client = yield* server.connect({ policy: Policy.make({ concurrency: { limit: 1 }, retry: steady }) })
      const waiting = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* within(client.chat(request), 0)).message.content, "1")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(waiting)).message.content, "2")
    })
  )
})

describe("a schedule of one's own", () => {
  it.scoped("and the record: what it sends again is told as what a policy sends again", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [crash, crash, chat("a")] })
      const client = yield* server.connect({ policy: Policy.make({ breaker: "off" }) })
      const { decisions, onRecord } = recording()
      const retrySchedule = Schedule.spaced("1 second")
      yield* within(client.chat(request, { onRecord, retrySchedule }), "2 seconds")
      assert.deepStrictEqual(decisions(), ["retried", "retried"])
    })
  )
})
