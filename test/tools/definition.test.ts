/** A tool out of schemas: what the model is told of it, and what it does with what the model wrote. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { JsonSchema, Tool } from "effect-ollama"

class UnknownCity extends Schema.TaggedError<UnknownCity>()("UnknownCity", { city: Schema.String }) {}
class Offline extends Schema.TaggedError<Offline>()("Offline", {}) {}

const parameters = Schema.Struct({ city: Schema.String, on: Schema.optional(Schema.DateFromString) })

describe("a tool", () => {
  it("is described by its schema", () => {
    const tool = Tool.make({ name: "weather", description: "Now", parameters, handler: () => Effect.void })
    assert.strictEqual(tool.name, "weather")
    assert.deepStrictEqual(tool.definition, JsonSchema.tool({ name: "weather", description: "Now", parameters }))
  })

  it.effect("gives its handler decoded arguments, and the model the encoded result", () =>
    Effect.gen(function* () {
      const tool = Tool.make({
        name: "weather",
        parameters,
        success: Schema.Struct({ on: Schema.DateFromString }),
        handler: ({ on }) => Effect.succeed({ on: new Date((on?.getTime() ?? 0) + 1000) })
      })
      assert.deepStrictEqual(yield* tool.run({ city: "Paris", on: "2026-01-01T00:00:00.000Z" }), {
        content: '{"on":"2026-01-01T00:00:01.000Z"}',
        isFailure: false
      })
    })
  )

  const results: ReadonlyArray<readonly [result: unknown, content: string]> = [
    ["sunny", "sunny"],
    [21, "21"],
    [{ a: [1] }, '{"a":[1]}'],
    [undefined, "null"],
    [null, "null"],
    ["", ""]
  ]
  for (const [result, content] of results) {
    it.effect(`without a schema for it, ${JSON.stringify(result)} is told as it is`, () =>
      Effect.gen(function* () {
        const tool = Tool.make({ name: "any", handler: () => Effect.succeed(result) })
        assert.deepStrictEqual(yield* tool.run({}), { content, isFailure: false })
      })
    )
  }

  const misfits: ReadonlyArray<readonly [args: unknown, said: RegExp]> = [
    [{}, /city: is missing/],
    [{ city: 5, on: 5 }, /city: .*string.*; on: /i],
    ["Paris", /do not fit/],
    [null, /do not fit/]
  ]
  for (const [args, said] of misfits) {
    it.effect(`tells the model of arguments that do not fit, and does nothing: ${JSON.stringify(args)}`, () =>
      Effect.gen(function* () {
        let ran = false
        const tool = Tool.make({ name: "weather", parameters, handler: () => Effect.sync(() => (ran = true)) })
        const outcome = yield* tool.run(args)
        assert.isTrue(outcome.isFailure)
        assert.match(outcome.content, said)
        assert.hasAllKeys(JSON.parse(outcome.content), ["error"])
        assert.isFalse(ran)
      })
    )
  }

  it.effect("tells the model of the failures that it describes, and fails with any other", () =>
    Effect.gen(function* () {
      const tool = Tool.make({
        name: "weather",
        parameters,
        failure: UnknownCity,
        handler: ({ city }): Effect.Effect<number, UnknownCity | Offline> =>
          Effect.fail(city === "Paris" ? new Offline() : new UnknownCity({ city }))
      })
      assert.deepStrictEqual(yield* tool.run({ city: "Atlantis" }), {
        content: '{"error":{"city":"Atlantis","_tag":"UnknownCity"}}',
        isFailure: true
      })
      // the type knows which are left
      const left: Offline = yield* Effect.flip(tool.run({ city: "Paris" }))
      assert.strictEqual(left._tag, "Offline")
    })
  )

  it.effect("without such a description every failure is the program's", () =>
    Effect.gen(function* () {
      const tool = Tool.make({ name: "weather", parameters, handler: ({ city }) => new UnknownCity({ city }) })
      assert.strictEqual((yield* Effect.flip(tool.run({ city: "Atlantis" }))).city, "Atlantis")
    })
  )

  it.effect("needs what its handler and its schemas need", () =>
    Effect.gen(function* () {
      class Degrees extends Context.Tag("Degrees")<Degrees, number>() {}
      const tool = Tool.make({ name: "weather", handler: () => Degrees })
      assert.strictEqual((yield* Effect.provideService(tool.run({}), Degrees, 21)).content, "21")
    })
  )

  it.effect("a result that its own schema does not describe is a defect", () =>
    Effect.gen(function* () {
      const tool = Tool.make({ name: "bad", success: Schema.Positive, handler: () => Effect.succeed(-1) })
      const exit = yield* Effect.exit(tool.run({}))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )

  it("throws where it is made, not where it is used", () => {
    const handler = () => Effect.void
    assert.throws(
      () => Tool.make({ name: "a", parameters: Schema.Struct({ a: Schema.BigIntFromSelf }), handler }),
      /BigInt/i
    )
    assert.throws(() => Tool.make({ name: "a", parameters: Schema.Array(Schema.String), handler }), /"a".*object/)
  })
})

describe("keywords that the server drops", () => {
  const constraints = <A extends object, I extends object>(schema: Schema.Schema<A, I>) =>
    JsonSchema.dropped(JsonSchema.tool({ name: "t", parameters: schema })).flatMap(({ isConstraint, keyword, path }) =>
      isConstraint ? [`${path} ${keyword}`] : []
    )

  it("are found with their place", () => {
    const schema = Schema.Struct({
      count: Schema.Int.pipe(Schema.between(1, 6)),
      name: Schema.String.pipe(Schema.pattern(/^a/), Schema.minLength(2)),
      inner: Schema.Struct({ even: Schema.Number.pipe(Schema.multipleOf(2)) }),
      either: Schema.Union(Schema.String.pipe(Schema.maxLength(3)), Schema.Number),
      map: Schema.Record({ key: Schema.String, value: Schema.Number })
    })
    assert.sameMembers(constraints(schema), [
      "count minimum",
      "count maximum",
      "name pattern",
      "name minLength",
      "inner.even multipleOf",
      "either.anyOf.0 maxLength",
      "map additionalProperties"
    ])
  })

  it("are none where the server reads everything; what is inside of items it keeps whole", () => {
    const schema = Schema.Struct({
      city: Schema.String.annotations({ description: "A city", title: "City", examples: ["Paris"], default: "Oslo" }),
      unit: Schema.optional(Schema.Literal("celsius", "fahrenheit")),
      days: Schema.Array(Schema.Int.pipe(Schema.positive())),
      at: Schema.Union(Schema.String, Schema.Number)
    })
    assert.deepStrictEqual(constraints(schema), [])
  })

  it("that say nothing of what is right are told apart", () => {
    const tool = JsonSchema.tool({
      name: "t",
      parameters: Schema.Struct({ city: Schema.String.annotations({ title: "City", default: "Oslo" }) })
    })
    assert.deepStrictEqual(JsonSchema.dropped(tool), [
      { path: "city", keyword: "title", isConstraint: false },
      { path: "city", keyword: "default", isConstraint: false },
      { path: "", keyword: "additionalProperties", isConstraint: false }
    ])
  })

  it("also in a definition that was written by hand", () => {
    const tool = {
      type: "function",
      function: {
        name: "t",
        parameters: {
          type: "object",
          oneOf: [],
          properties: { a: { $ref: "#/$defs/A" }, b: { const: 1 }, c: { format: "date" } },
          $defs: { A: { minimum: 1 } }
        }
      }
    }
    assert.deepStrictEqual(
      JsonSchema.dropped(tool).map(({ keyword, path }) => [path, keyword]),
      [
        ["", "oneOf"],
        ["a", "$ref"],
        ["b", "const"],
        ["c", "format"]
      ]
    )
  })

  it("are on the tool, and refused where it is strict", () => {
    const options = {
      name: "roll",
      parameters: Schema.Struct({ sides: Schema.Int.pipe(Schema.greaterThan(1)) }),
      handler: () => Effect.succeed(4)
    }
    assert.deepInclude(Tool.make(options).dropped, { path: "sides", keyword: "exclusiveMinimum", isConstraint: true })
    assert.throws(() => Tool.make({ ...options, strict: true }), /"roll": sides: exclusiveMinimum/)
    const harmless = { ...options, parameters: Schema.Struct({ sides: Schema.Literal(6, 20) }), strict: true }
    assert.doesNotThrow(() => Tool.make(harmless))
  })
})
