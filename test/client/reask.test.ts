/** Asking again for an object that does not fit: off by default, and never in silence. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { type CallRecord, Policy } from "effect-ollama"
import { expectTag, expectTimeout, failsAt, within } from "../support/clock.js"
import { end, failure, request, silence, stream, token, wait } from "../support/replies.js"
import { make } from "../support/server.js"

const Country = Schema.Struct({ name: Schema.String, population: Schema.Number })
const canada = { name: "Canada", population: 40 }
const fits = JSON.stringify(canada)
const wrong = JSON.stringify({ name: "Canada", population: "secret" })

const says = (text: string, extra: object = {}) => stream(token(text), end(extra))

/** A client whose server gives these answers, one after the other, and its records. */
const scene = (...replies: ReadonlyArray<ReturnType<typeof stream>>) =>
  Effect.gen(function* () {
    const server = make({ "/api/chat": replies })
    const client = yield* server.connect({ policy: Policy.make({ retry: { baseDelay: 1 } }) })
    const records: Array<CallRecord.CallRecord> = []
    const onRecord = (record: CallRecord.CallRecord) => Effect.sync(() => void records.push(record))
    const ask = (reask?: number, policy: Policy.Patch = {}) =>
      client.chatObject({ ...request, schema: Country, reask }, { onRecord, policy })
    return { ask, records, client, bodies: () => server.at("/api/chat").map(({ json }) => json) }
  })

const decisions = (records: ReadonlyArray<CallRecord.CallRecord>) =>
  records.map(({ decisions, outcome }) => [outcome, ...decisions.map(({ what, why }) => `${what} ${why}`)])

describe("an object that does not fit", () => {
  it.scoped("is not asked for again by default", () =>
    Effect.gen(function* () {
      const { ask, bodies } = yield* scene(says(wrong), says(fits))
      expectTag(yield* Effect.flip(ask()), "MalformedOutput")
      assert.lengthOf(bodies(), 1)
    })
  )

  it.scoped("is asked for again, with what was wrong; each call has its record", () =>
    Effect.gen(function* () {
      const { ask, bodies, records } = yield* scene(says("no"), says(wrong), says(fits))
      const { response, value } = yield* ask(2)
      assert.deepStrictEqual(value, canada)
      assert.strictEqual(response.message.content, fits)
      const correction = (problem: string) => ({
        role: "user",
        content: [
          "That answer does not fit the JSON Schema that it has to fit:",
          problem,
          "Answer again: the whole, corrected, as JSON and nothing else."
        ].join("\n")
      })
      const first = [...request.messages]
      const second = [...first, { role: "assistant", content: "no" }, correction("- the answer is not JSON")]
      const third = [...second, { role: "assistant", content: wrong }, correction("- population: Expected number")]
      const sent = bodies().map((body) => Object(body) as { readonly messages: unknown; readonly format: unknown })
      assert.deepStrictEqual(
        sent.map(({ messages }) => messages),
        [first, second, third]
      )
      assert.strictEqual(new Set(sent.map(({ format }) => JSON.stringify(format))).size, 1)
      yield* Effect.yieldNow()
      assert.deepStrictEqual(decisions(records), [
        ["MalformedOutput"],
        ["MalformedOutput", "reasked MalformedOutput"],
        ["success", "reasked MalformedOutput"]
      ])
      assert.notInclude(JSON.stringify(records), "secret")
      // each record has the attempts of its own call
      assert.deepStrictEqual(
        records.map(({ attempts }) => attempts.length),
        [0, 0, 0]
      )
    })
  )

  it.scoped("fails as the last answer does, with the failures before it", () =>
    Effect.gen(function* () {
      const { ask, bodies } = yield* scene(says("no"), says("never"), says(wrong))
      const error = expectTag(yield* Effect.flip(ask(2)), "MalformedOutput")
      assert.strictEqual(error.text, wrong)
      assert.deepStrictEqual(
        error.attempts.map(({ tag }) => tag),
        ["MalformedOutput", "MalformedOutput"]
      )
      assert.lengthOf(bodies(), 3)
      assert.include(error.message, "attempt 3")
      assert.notInclude(error.message, "secret")
    })
  )

  it.scoped("is not asked for again when it was cut off: it would be cut off again", () =>
    Effect.gen(function* () {
      const { ask, bodies } = yield* scene(says('{"name":', { done_reason: "length" }), says(fits))
      assert.strictEqual(expectTag(yield* Effect.flip(ask(3)), "MalformedOutput").doneReason, "length")
      assert.lengthOf(bodies(), 1)
    })
  )

  it.scoped("retries of the policy are another matter: each call has its own", () =>
    Effect.gen(function* () {
      const busy = failure(503, "server busy")
      const { ask, bodies, records } = yield* scene(busy, says(wrong), busy, says(fits))
      assert.deepStrictEqual((yield* within(ask(1))).value, canada)
      assert.lengthOf(bodies(), 4)
      assert.deepStrictEqual(decisions(records), [
        ["MalformedOutput", "retried Overloaded"],
        ["success", "reasked MalformedOutput", "retried Overloaded"]
      ])
      assert.deepStrictEqual(
        records.map(({ attempts }) => attempts.map(({ tag }) => tag)),
        [["Overloaded"], ["Overloaded"]]
      )
    })
  )

  it.scoped("another failure ends it, and remembers what was before", () =>
    Effect.gen(function* () {
      const { ask } = yield* scene(says(wrong), failure(404, "model 'llama3.2' not found"))
      const error = expectTag(yield* Effect.flip(ask(5)), "ModelNotFound")
      assert.deepStrictEqual(
        error.attempts.map(({ tag }) => tag),
        ["MalformedOutput"]
      )
    })
  )

  it.scoped("the clock of the whole call counts over all of them", () =>
    Effect.gen(function* () {
      const slow = stream(wait("6 seconds"), token(wrong), end())
      const { ask, bodies } = yield* scene(slow, stream(silence))
      const error = expectTimeout(
        yield* failsAt(ask(3, { timeouts: { total: "10 seconds", firstToken: "1 minute" } }), "10 seconds"),
        "total",
        "10 seconds"
      )
      assert.lengthOf(bodies(), 2)
      assert.strictEqual(error.attempts[0]?.tag, "MalformedOutput")
      assert.strictEqual(Duration.toMillis(error.attempts[0]?.elapsed ?? 0), 6000)
    })
  )

  it.scoped("leaving in between stops the server", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [says(wrong), stream(token("{"), silence)] })
      const client = yield* server.connect()
      const fiber = yield* Effect.fork(client.chatObject({ ...request, schema: Country, reask: 1 }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        server.at("/api/chat").map(({ left }) => left),
        [false, true]
      )
    })
  )

  for (const reask of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    it.scoped(`cannot be asked for again ${reask} times: InvalidRequest before anything is sent`, () =>
      Effect.gen(function* () {
        const { ask, bodies } = yield* scene(says(fits))
        assert.strictEqual(expectTag(yield* Effect.flip(ask(reask)), "InvalidRequest").field, "reask")
        assert.lengthOf(bodies(), 0)
      })
    )
  }
})
