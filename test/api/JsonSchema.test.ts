import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as JsonSchema from "../../src/api/JsonSchema.js"
import * as Shared from "../../src/api/Shared.js"
import { problemsOf } from "./problems.js"

interface Category {
  readonly name: string
  readonly parts: ReadonlyArray<Category>
}

// an identifier with the two characters that a JSON pointer escapes
const Category: Schema.Schema<Category> = Schema.Struct({
  name: Schema.String,
  parts: Schema.Array(Schema.suspend(() => Category))
}).annotations({ identifier: "shop/a~b", description: "A category" })

const City = Schema.Struct({ name: Schema.String }).annotations({ identifier: "City" })

/** Every key anywhere inside. */
const keysOf = (value: unknown): ReadonlyArray<string> =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, inner]) => [...(Array.isArray(value) ? [] : [key]), ...keysOf(inner)])

/** Every `$ref` anywhere inside. */
const refsOf = (value: unknown): ReadonlyArray<unknown> =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [inner] : refsOf(inner)))

describe("make", () => {
  it("writes definitions out where they are used, the root too", () => {
    const Trip = Schema.Struct({
      from: City,
      to: City,
      days: Schema.Int,
      via: Schema.Array(City)
    }).annotations({ identifier: "Trip" })
    const city = {
      type: "object",
      required: ["name"],
      properties: { name: { type: "string" } },
      additionalProperties: false
    }
    const trip = JsonSchema.make(Trip)
    assert.deepInclude(trip, { type: "object", required: ["from", "to", "days", "via"], additionalProperties: false })
    assert.deepNestedInclude(trip, {
      "properties.from": city,
      "properties.to": city,
      "properties.via": { type: "array", items: city }
    })
    assert.nestedPropertyVal(trip, "properties.days.type", "integer")
    for (const key of ["$schema", "$defs", "$ref", "$id"]) assert.notInclude(keysOf(trip), key)
  })

  it("keeps recursive definitions, referred to", () => {
    const reference = { $ref: "#/$defs/shop~1a~0b" }
    const body = {
      type: "object",
      required: ["name", "parts"],
      properties: { name: { type: "string" }, parts: { type: "array", items: reference } },
      additionalProperties: false,
      description: "A category"
    }
    assert.deepStrictEqual(JsonSchema.make(Category), { ...body, $defs: { "shop/a~b": body } })
    const shop = JsonSchema.make(Schema.Struct({ city: City, all: Schema.NullOr(Category) }))
    assert.deepNestedInclude(shop, { "properties.all": { anyOf: [reference, { type: "null" }] } })
    assert.deepStrictEqual(shop["$defs"], { "shop/a~b": body })
  })

  it("keeps definitions that are recursive through one another", () => {
    interface Folder {
      readonly files: ReadonlyArray<Entry>
    }
    interface Entry {
      readonly folder: Folder | null
    }
    const Folder: Schema.Schema<Folder> = Schema.Struct({
      files: Schema.Array(Schema.suspend(() => Entry))
    }).annotations({ identifier: "Folder" })
    const Entry: Schema.Schema<Entry> = Schema.Struct({
      folder: Schema.NullOr(Schema.suspend(() => Folder))
    }).annotations({ identifier: "Entry" })
    const schema = JsonSchema.make(Schema.Struct({ root: Folder }))
    assert.hasAllKeys(schema["$defs"], ["Folder", "Entry"])
    assert.sameMembers([...refsOf(schema)], ["#/$defs/Folder", "#/$defs/Entry", "#/$defs/Folder"])
  })

  it("puts what is said of a reference beside the definition, without allOf", () => {
    const noted = JsonSchema.inline({
      $defs: { City: { type: "string", description: "any city" }, Short: { type: "string", maxLength: 5 } },
      type: "object",
      properties: {
        home: { allOf: [{ $ref: "#/$defs/City" }], description: "where from" },
        code: { allOf: [{ $ref: "#/$defs/Short" }], maxLength: 3 }
      }
    })
    assert.deepStrictEqual(noted["properties"], {
      home: { type: "string", description: "where from" },
      // both limits hold
      code: { allOf: [{ type: "string", maxLength: 5 }], maxLength: 3 }
    })
  })

  it("takes a field named $ref, and values that look like schemas, for what they are", () => {
    const schema = {
      type: "object",
      properties: { $ref: { type: "string" }, kind: { enum: [{ $ref: "#/$defs/X" }] } }
    }
    assert.deepStrictEqual(JsonSchema.inline({ ...schema, $defs: { X: { type: "null" } } }), schema)
  })

  it("leaves references alone that lead nowhere", () => {
    const schema = { items: { $ref: "#/$defs/Missing" } }
    assert.deepStrictEqual(JsonSchema.inline(schema), schema)
  })

  it("gives an object for a struct without fields", () => {
    assert.deepStrictEqual(JsonSchema.make(Schema.Struct({})), { type: "object", properties: {} })
  })

  it("says where a schema has no JSON Schema", () => {
    const schema = Schema.Struct({ when: Schema.DateFromSelf })
    assert.throws(() => JsonSchema.make(schema), /when/)
    assert.match(Either.getOrThrow(Either.flip(JsonSchema.makeEither(schema))), /when/)
    assert.deepStrictEqual(JsonSchema.makeEither(City), Either.right(JsonSchema.make(City)))
  })

  it("is accepted as a format", () => {
    assert.deepStrictEqual(problemsOf(Shared.Format, JsonSchema.make(Category)), [])
  })
})

describe("tool", () => {
  it("is a definition that can be sent", () => {
    const weather = JsonSchema.tool({
      name: "get_weather",
      description: "The weather of a city now",
      parameters: Schema.Struct({
        city: Schema.String.annotations({ description: "Name of the city" }),
        unit: Schema.optional(Schema.Literal("celsius", "fahrenheit"))
      })
    })
    assert.deepStrictEqual(weather, {
      type: "function",
      function: {
        name: "get_weather",
        description: "The weather of a city now",
        parameters: {
          type: "object",
          required: ["city"],
          properties: {
            city: { type: "string", description: "Name of the city" },
            unit: { type: "string", enum: ["celsius", "fahrenheit"] }
          },
          additionalProperties: false
        }
      }
    })
    assert.deepStrictEqual(problemsOf(Shared.Tool, weather), [])
    assert.deepStrictEqual(Schema.encodeSync(Shared.Tool)(weather), weather)
  })

  it("needs no parameters", () => {
    const parameters = { type: "object", properties: {} }
    assert.deepStrictEqual(JsonSchema.tool({ name: "now" }).function, { name: "now", parameters })
    assert.deepStrictEqual(
      JsonSchema.tool({ name: "now", parameters: Schema.Struct({}) }).function.parameters,
      parameters
    )
  })

  it("has no reference, and tells the shape of a recursive parameter once", () => {
    const sort = JsonSchema.tool({ name: "sort", parameters: Schema.Struct({ all: Category, city: City }) })
    for (const key of ["$ref", "$defs"]) assert.notInclude(keysOf(sort), key)
    assert.deepStrictEqual(sort.function.parameters.properties["all"], {
      type: "object",
      required: ["name", "parts"],
      properties: {
        name: { type: "string" },
        parts: { type: "array", items: { type: "object", description: "A category" } }
      },
      additionalProperties: false,
      description: "A category"
    })
  })

  it("refuses parameters that are no object", () => {
    assert.throws(() => JsonSchema.tool({ name: "list", parameters: Schema.Array(Schema.String) }), /"list".*object/)
  })
})
