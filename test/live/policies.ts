/** The policies against a real Ollama. A part of `live.test.ts`: two files at once would disturb each other on one server. */
import { HttpClient } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { CallRecord } from "effect-ollama"
import { OllamaClient } from "effect-ollama"
import { answer, chatModel, failure, hello, isGone, provideWith, run } from "./server.js"

/** Counts what goes over the wire, by path. */
const counted = () => {
  const sent: Array<string> = []
  const transformClient = HttpClient.mapRequest((request) => {
    sent.push(new URL(request.url).pathname)
    return request
  })
  return { sent, transformClient }
}

// what a program in another language might send
const badOption: Record<string, unknown> = JSON.parse('{"stop":[1]}')

/** What became of a call. */
const recorded = <A, E, R>(
  call: (options: OllamaClient.CallOptions) => Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, CallRecord.CallRecord], E, R> =>
  Effect.gen(function* () {
    const told = yield* Deferred.make<CallRecord.CallRecord>()
    const value = yield* call({ onRecord: (record) => Deferred.succeed(told, record) })
    return [value, yield* Deferred.await(told)] as const
  })

export const policies = () => {
  it.live("a cold model is loaded once for all who ask, whoever leaves", () => {
    const { sent, transformClient } = counted()
    return Effect.gen(function* () {
      const model = yield* chatModel
      yield* OllamaClient.unload({ model })
      yield* isGone(model)
      sent.length = 0
      const patient = yield* Effect.fork(answer(model))
      const hasty = yield* Effect.forEach(Array.from({ length: 7 }), () => Effect.fork(answer(model)))
      // the load has begun when it was sent
      yield* Effect.repeat(Effect.yieldNow(), { until: () => sent.includes("/api/chat") })
      const ends = yield* Effect.forEach(hasty, Fiber.interrupt)
      assert.isTrue(ends.every((end) => Exit.isSuccess(end) || Cause.isInterruptedOnly(end.cause)))
      assert.isAbove((yield* Fiber.join(patient)).message.content.length, 0)
      // one load, and the call of the one who stayed
      assert.strictEqual(sent.filter((path) => path === "/api/chat").length, 2)
    }).pipe(provideWith({ transformClient }))
  })

  it.live("calls at once are all answered, and none is refused", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        yield* OllamaClient.load({ model })
        const calls = yield* Effect.forEach(
          Array.from({ length: 12 }, (_, i) => i),
          (i) =>
            recorded((callOptions) => answer(model, { ...callOptions, priority: i % 2 === 0 ? "batch" : "normal" })),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(calls.length, 12)
        for (const [response, record] of calls) {
          assert.isTrue(response.done)
          assert.strictEqual(record.outcome, "success")
          assert.deepStrictEqual(record.attempts, [])
        }
      })
    )
  )

  it.live("a model that is not there is replaced by one that is, and the record says so", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        const [response, record] = yield* recorded((callOptions) =>
          answer("no-such-model:1b", { ...callOptions, policy: { fallback: [{ model }] } })
        )
        assert.strictEqual(response.model, model)
        assert.strictEqual(record.servedBy?.model, model)
        assert.deepStrictEqual(
          record.decisions.map(({ what }) => what),
          ["fellBack"]
        )
      })
    )
  )

  it.live("mistakes of the caller open no breaker", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        for (let i = 0; i < 10; i++) {
          const error = yield* failure(OllamaClient.chat({ model, messages: hello, options: badOption }))
          assert.strictEqual(error._tag, "InvalidRequest")
        }
        assert.isTrue((yield* answer(model)).done)
      })
    )
  )

  it.live("a stream that is left counts as nothing, and its permit comes back", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        for (let i = 0; i < 6; i++) {
          const begun = yield* Stream.runCollect(
            Stream.take(OllamaClient.chatStream({ model, messages: hello, options: { num_predict: 2000 } }), 2)
          )
          assert.isAtLeast(Chunk.size(begun), 1)
        }
        assert.isTrue((yield* answer(model)).done)
      })
    )
  )

  it.live("a limit that is too low is a Timeout of that phase, and the call after it is answered", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        yield* OllamaClient.load({ model })
        const error = yield* failure(
          OllamaClient.chat(
            { model, messages: hello, options: { num_predict: 4000 } },
            { policy: { timeouts: { total: "1 millis" }, retry: { attempts: 1 } } }
          )
        )
        assert.strictEqual(error._tag, "Timeout")
        assert.strictEqual(error.phase, "total")
        assert.isTrue((yield* answer(model, { policy: { timeouts: { total: "none" } } })).done)
      })
    )
  )
}
