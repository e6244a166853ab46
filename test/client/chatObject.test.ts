import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Policy } from "effect-ollama"
import { expectTag, expectTimeout, failsAt, within } from "../support/clock.js"
import { end, failure, model, request, silence, stream, token } from "../support/replies.js"
import { make } from "../support/server.js"

const Country = Schema.Struct({ name: Schema.String, population: Schema.Number })
const canada = { name: "Canada", population: 40 }

const ask = { ...request, schema: Country }

/** An answer of this text, in pieces of three characters. */
const says = (text: string, extra: object = {}) =>
  stream(...(text.match(/[^]{1,3}/g) ?? []).map((piece) => token(piece)), end(extra))

describe("an answer that fits", () => {
  it.scoped("is decoded, beside the answer it was read from; its JSON Schema is sent as the format", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": says(JSON.stringify(canada)) })
      const client = yield* server.connect()
      const { response, value } = yield* client.chatObject({ ...ask, options: { seed: 1 } })
      assert.deepStrictEqual(value, canada)
      assert.strictEqual(response.message.content, JSON.stringify(canada))
      assert.deepStrictEqual(server.at("/api/chat")[0]?.json, {
        ...request,
        options: { seed: 1 },
        format: {
          type: "object",
          required: ["name", "population"],
          properties: { name: { type: "string" }, population: { type: "number" } },
          additionalProperties: false
        },
        stream: true
      })
    })
  )

  it.scoped("may have spaces around it, and fields that the schema does not have", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": says(`\n ${JSON.stringify({ ...canada, more: 1 })}\n`) })
      const client = yield* server.connect()
      assert.deepStrictEqual((yield* client.chatObject(ask)).value, canada)
    })
  )

  it.scoped("goes through what the schema transforms, with the services it asks for", () =>
    Effect.gen(function* () {
      class Prefix extends Context.Tag("Prefix")<Prefix, string>() {}
      const Named = Schema.transformOrFail(Schema.String, Schema.String, {
        decode: (name) => Effect.map(Prefix, (prefix) => prefix + name),
        encode: (name) => Effect.succeed(name)
      })
      const server = make({ "/api/chat": says(JSON.stringify({ name: "Canada", at: "2026-01-01T00:00:00.000Z" })) })
      const client = yield* server.connect()
      const schema = Schema.Struct({ name: Named, at: Schema.Date })
      const { value } = yield* client.chatObject({ ...request, schema }).pipe(Effect.provideService(Prefix, "Dear "))
      assert.deepStrictEqual(value, { name: "Dear Canada", at: new Date("2026-01-01T00:00:00.000Z") })
    })
  )

  it.scoped("is a stream for the server, with all its clocks", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("{"), silence) })
      const client = yield* server.connect()
      const error = expectTimeout(yield* failsAt(client.chatObject(ask), 30_000), "gap", 30_000)
      assert.strictEqual(error.partial?.text, "{")
    })
  )
})

describe("an answer that does not fit", () => {
  const bad: ReadonlyArray<readonly [name: string, text: string, path: string, message: RegExp]> = [
    ["no JSON", "Canada has 40 million people", "", /not JSON/],
    ["JSON in a fence", "```json\n{}\n```", "", /not JSON/],
    ["nothing", "", "", /empty/],
    ["spaces", "  \n", "", /empty/],
    ["another shape", '{"name":"Canada"}', "population", /missing/],
    ["a wrong type", '{"name":"Canada","population":"many"}', "population", /number/i],
    ["no object", "[1]", "", /./],
    ["null", "null", "", /./]
  ]
  for (const [name, text, path, message] of bad) {
    it.scoped(`${name}: MalformedOutput`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": says(text) })
        const client = yield* server.connect()
        const error = expectTag(yield* Effect.flip(client.chatObject(ask)), "MalformedOutput")
        assert.strictEqual(error.text, text)
        assert.strictEqual(error.issues[0]?.path, path)
        assert.match(error.issues[0]?.message ?? "", message)
        assert.strictEqual(error.doneReason, "stop")
        assert.deepStrictEqual(error.partial, {
          text,
          thinking: "",
          tool_calls: [],
          chunks: Math.ceil(text.length / 3) + 1
        })
        assert.strictEqual(error.model, model)
        assert.strictEqual(error.endpoint, "/api/chat")
        assert.isTrue(error.isRetryable)
        // asking again is the caller's choice
        assert.strictEqual(server.at("/api/chat").length, 1)
        if (text.length > 5) assert.notInclude(error.message, text)
      })
    )
  }

  it.scoped("every mistake is listed with its path, without the values", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({ a: Schema.Struct({ b: Schema.Number }), c: Schema.Array(Schema.String) })
      const server = make({ "/api/chat": says('{"a":{"b":"secret"},"c":["x",1,2]}') })
      const client = yield* server.connect()
      const error = expectTag(yield* Effect.flip(client.chatObject({ ...request, schema })), "MalformedOutput")
      assert.deepStrictEqual(
        error.issues.map((issue) => issue.path),
        ["a.b", "c.1", "c.2"]
      )
      assert.notInclude(JSON.stringify(error.issues), "secret")
    })
  )

  it.scoped("that was cut off by num_predict: the remedy names it", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": says('{"name":"Can', { done_reason: "length" }) })
      const client = yield* server.connect()
      const error = expectTag(yield* Effect.flip(client.chatObject(ask)), "MalformedOutput")
      assert.strictEqual(error.doneReason, "length")
      assert.include(error.remedy, "num_predict")
    })
  )

  it.scoped("after attempts that failed otherwise: they are listed", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [failure(503, "server busy"), says("no")] })
      const client = yield* server.connect({ policy: Policy.make({ retry: { baseDelay: 1 } }) })
      const error = expectTag(yield* within(Effect.flip(client.chatObject(ask))), "MalformedOutput")
      assert.deepStrictEqual(
        error.attempts.map((attempt) => attempt.tag),
        ["Overloaded"]
      )
    })
  )
})

describe("a schema that no JSON Schema describes", () => {
  it.scoped("is an InvalidRequest before anything is sent", () =>
    Effect.gen(function* () {
      const server = make({})
      const client = yield* server.connect()
      const schema = Schema.Struct({ a: Schema.BigIntFromSelf })
      const error = expectTag(yield* Effect.flip(client.chatObject({ ...request, schema })), "InvalidRequest")
      assert.strictEqual(error.field, "schema")
      assert.strictEqual(error.issue, "format")
      assert.strictEqual(error.model, model)
      assert.lengthOf(server.seen, 0)
    })
  )
})
