/** Where the time of a call went: each millisecond in one phase, whatever becomes of the call. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { OllamaClient, Policy } from "effect-ollama"
import { within } from "../../support/clock.js"
import {
  embedding,
  end,
  failure,
  json,
  late,
  refused,
  request,
  silence,
  silent,
  stream,
  token,
  version,
  wait
} from "../../support/replies.js"
import { make } from "../../support/server.js"
import { assertWhole, heard, millis, simulated } from "./records.js"

const second = 1000

/** A model that answers "One two three": 2 s for the prompt, half a second for each token. */
const paced = { name: "llama3.2", promptTime: "2 seconds", tokenTime: "500 millis", reply: "One two three" } as const

/** The record of one call to a simulator. */
const recorded = (call: Effect.Effect<unknown, unknown, OllamaClient.OllamaClient>) =>
  Effect.gen(function* () {
    const told = yield* heard(yield* OllamaClient.OllamaClient)
    yield* within(Effect.exit(call))
    const [record] = told.records()
    if (record === undefined) return assert.fail("no record")
    assertWhole(record)
    return record
  })

describe("the phases of a call that is answered", () => {
  it.scoped("of a cold model: the load that the client owns, the prompt, the tokens", () =>
    Effect.gen(function* () {
      const record = yield* recorded(OllamaClient.chat(request))
      const { generating = 0, loading, other = 0, prompt, ...rest } = millis(record)
      assert.deepStrictEqual(
        { loading, prompt, ...rest },
        { loading: 20 * second, prompt: 2 * second, queued: 0, waiting: 0, lost: 0 }
      )
      assert.approximately(generating + other, Duration.toMillis(record.elapsed) - 22 * second, 1e-6)
      assert.isAbove(generating, second)
      assert.strictEqual(Duration.toMillis(record.firstToken ?? 0), 22 * second)
      assert.deepStrictEqual([record.outcome, record.doneReason, record.chunks], ["success", "stop", 4])
      assert.deepStrictEqual(record.servedBy, { host: "http://127.0.0.1:11434", model: "llama3.2" })
      assert.isAbove(record.tokens.prompt ?? 0, 0)
      assert.strictEqual(record.tokens.generated, 3)
      assert.isAbove(record.bytes.sent, 50)
      assert.isAbove(record.bytes.received, 300)
      assert.strictEqual(record.status, 200)
    }).pipe(Effect.provide(simulated({ models: [{ ...paced, loadTime: "20 seconds" }] })))
  )

  it.scoped("behind another call of ours: in the server's queue, or in the client's", () =>
    Effect.gen(function* () {
      const client = yield* OllamaClient.OllamaClient
      const told = yield* heard(client)
      yield* within(Effect.all([client.chat(request), client.chat(request)], { concurrency: 2 }))
      const [, second] = told.records()
      if (second === undefined) return assert.fail("no record")
      for (const record of told.records()) assertWhole(record)
      const { queued = 0, waiting = 0 } = millis(second)
      assert.isAbove(queued + waiting, 3000)
      assert.strictEqual(waiting, 0)
    }).pipe(
      Effect.provide(
        simulated({ models: [{ ...paced, loaded: true }] }, { policy: Policy.make({ concurrency: "off" }) })
      )
    )
  )

  it.scoped("that waits for a permit: waiting", () =>
    Effect.gen(function* () {
      const client = yield* OllamaClient.OllamaClient
      const told = yield* heard(client)
      yield* within(Effect.all([client.chat(request), client.chat(request)], { concurrency: 2 }))
      const [, second] = told.records()
      if (second === undefined) return assert.fail("no record")
      for (const record of told.records()) assertWhole(record)
      const { queued, waiting = 0 } = millis(second)
      assert.isAbove(waiting, 3000)
      assert.strictEqual(queued, 0)
      assert.deepStrictEqual(
        second.decisions.map(({ what }) => what),
        ["queued"]
      )
    }).pipe(
      Effect.provide(
        simulated({ models: [{ ...paced, loaded: true }] }, { policy: Policy.make({ concurrency: { limit: 1 } }) })
      )
    )
  )

  it.scoped("after attempts that failed: lost, and the waits between them", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": [
          late("3 seconds", failure(503, "server busy")),
          stream(wait("1 second"), token("a"), wait("1 second"), end())
        ]
      })
      const client = yield* server.connect({
        policy: Policy.make({ retry: { jitter: "none", baseDelay: "2 seconds" } })
      })
      const told = yield* heard(client)
      yield* within(client.chat(request))
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      const { generating, lost, prompt, waiting } = millis(record)
      // the server says nothing of its time
      assert.deepStrictEqual([lost, waiting, prompt, generating], [3000, 2000, 1000, 1000])
      assert.strictEqual(record.bytes.sent % 2, 0)
      assert.strictEqual(record.attempts.length, 1)
    })
  )

  it.scoped("of a hedged call: what the winner did, and what was waited before it was sent", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [silent, stream(wait("1 second"), token("b"), end())] })
      const client = yield* server.connect({ policy: Policy.make({ hedging: { after: "5 seconds" } }) })
      const told = yield* heard(client)
      yield* within(client.chat(request))
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      const { lost, prompt } = millis(record)
      assert.deepStrictEqual([lost, prompt], [5000, 1000])
      assert.deepStrictEqual(told.tags(), ["Started", "Decided", "FirstToken", "Ended"])
    })
  )

  it.scoped("of a call that fell back: the first model is lost", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": ({ body }) =>
          body.includes("small")
            ? stream(wait("1 second"), token("b"), end())
            : late("4 seconds", failure(500, "llama runner process has terminated"))
      })
      const client = yield* server.connect({
        policy: Policy.make({ fallback: [{ model: "small" }], retry: { attempts: 1 } })
      })
      const told = yield* heard(client)
      yield* within(client.chat(request))
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      assert.strictEqual(millis(record).lost, 4000)
      assert.deepStrictEqual([record.model, record.servedBy?.model], ["llama3.2", "small"])
    })
  )

  it.scoped("of what is not generated: embeddings, reads", () =>
    Effect.gen(function* () {
      const timed = json({
        model: "llama3.2",
        embeddings: [[1]],
        total_duration: 3e9,
        load_duration: 1e9,
        prompt_eval_count: 7
      })
      const server = make({
        "/api/embed": late("4 seconds", timed),
        "/api/embeddings": embedding,
        "/api/version": late("2 seconds", version)
      })
      const client = yield* server.connect()
      const told = yield* heard(client)
      yield* within(client.embed({ model: "llama3.2", input: "Hello" }))
      yield* within(client.version())
      const [vectors, read] = told.records()
      if (vectors === undefined || read === undefined) return assert.fail("no record")
      assertWhole(vectors)
      assertWhole(read)
      assert.deepStrictEqual(millis(vectors), { waiting: 0, lost: 0, loading: 1000, prompt: 2000, other: 1000 })
      assert.strictEqual(vectors.tokens.prompt, 7)
      assert.deepStrictEqual(millis(read), { waiting: 0, lost: 0, other: 2000 })
    })
  )

  it.scoped("by a server whose clock runs faster than ours: its shares of our time", () =>
    Effect.gen(function* () {
      const figures = { total_duration: 40e9, load_duration: 10e9, prompt_eval_duration: 10e9, eval_duration: 20e9 }
      const server = make({ "/api/chat": stream(wait("1 second"), token("a"), wait("3 seconds"), end(figures)) })
      const client = yield* server.connect()
      const told = yield* heard(client)
      yield* within(client.chat(request))
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      assert.deepStrictEqual(millis(record), {
        waiting: 0,
        lost: 0,
        queued: 0,
        loading: 1000,
        prompt: 1000,
        generating: 2000,
        other: 0
      })
    })
  )
})

describe("the phases of a call that is not answered", () => {
  /** Leaves after so long. */
  const left = (reply: Parameters<typeof make>[0]["/api/chat"], after: Duration.DurationInput) =>
    Effect.gen(function* () {
      if (reply === undefined) return assert.fail("no reply")
      const client = yield* make({ "/api/chat": reply }).connect()
      const told = yield* heard(client)
      const fiber = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust(after)
      yield* Fiber.interrupt(fiber)
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      assert.strictEqual(record.outcome, "left")
      return record
    })

  it.scoped("left before the first value: the time is the prompt's", () =>
    Effect.gen(function* () {
      const record = yield* left(stream(silence), "7 seconds")
      assert.deepStrictEqual(millis(record), { waiting: 0, lost: 0, prompt: 7000, other: 0 })
      assert.strictEqual(record.endedIn, "firstToken")
    })
  )

  it.scoped("left after it: the rest is generation", () =>
    Effect.gen(function* () {
      const record = yield* left(stream(wait("2 seconds"), token("a"), silence), "7 seconds")
      assert.deepStrictEqual(millis(record), { waiting: 0, lost: 0, prompt: 2000, generating: 5000, other: 0 })
      assert.deepStrictEqual([record.endedIn, record.chunks], ["gap", 1])
    })
  )

  it.scoped("left in a wait between attempts: the attempt is lost", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": late("1 second", failure(503, "busy")) }).connect({
        policy: Policy.make({ retry: { jitter: "none", baseDelay: "8 seconds" } })
      })
      const told = yield* heard(client)
      const fiber = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(fiber)
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      assert.deepStrictEqual(millis(record), { waiting: 4000, lost: 1000, other: 0 })
      assert.strictEqual(record.endedIn, "queue")
    })
  )

  it.scoped("held while its host is offline: waiting", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": refused, "/api/version": refused }).connect({
        policy: Policy.make({ retry: { whileOffline: "wait", offlineLimit: "1 minute" } })
      })
      const told = yield* heard(client)
      yield* within(Effect.flip(client.chat(request)))
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      assert.strictEqual(millis(record).waiting, 60_000)
      assert.deepStrictEqual([record.outcome, record.failure?.phase], ["Unreachable", "queue"])
    })
  )

  it.scoped("that is over for its total clock: it ended in the phase that it was in", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": stream(wait("1 second"), token("a"), silence) }).connect()
      const told = yield* heard(client)
      yield* within(Effect.flip(client.chat(request, { policy: { timeouts: { total: "6 seconds" } } })))
      const [record] = told.records()
      if (record === undefined) return assert.fail("no record")
      assertWhole(record)
      assert.deepStrictEqual([record.outcome, record.failure?.phase, record.endedIn], ["Timeout", "total", "gap"])
      assert.deepStrictEqual(millis(record), { waiting: 0, lost: 0, prompt: 1000, generating: 5000, other: 0 })
    })
  )

  it.scoped("refused by its breaker, or for its request: no time at all", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": refused }).connect({
        policy: Policy.make({ retry: { attempts: 1 }, breaker: { host: { consecutive: 1 } } })
      })
      const told = yield* heard(client)
      yield* Effect.flip(client.chat(request))
      yield* Effect.flip(client.chat(request))
      yield* Effect.flip(client.chat({ model: "llama3.2", messages: "Hello" } as never))
      yield* Effect.flip(client.chat(request, { policy: { budget: { floor: 1 } } }))
      const records = told.records()
      assert.deepStrictEqual(
        records.map(({ operation, outcome }) => [operation, outcome]),
        [
          ["chat", "Unreachable"],
          ["chat", "CircuitOpen"],
          ["chat", "InvalidRequest"],
          ["chat", "InvalidRequest"]
        ]
      )
      assert.deepStrictEqual(
        told.tags().filter((tag) => tag === "Started" || tag === "Ended"),
        records.flatMap(() => ["Started", "Ended"])
      )
      for (const record of records) {
        assertWhole(record)
        assert.isUndefined(record.servedBy)
        assert.strictEqual(Duration.toMillis(record.elapsed), 0)
      }
    })
  )
})
