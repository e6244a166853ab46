/**
 * JSON Schemas for Ollama out of `effect/Schema`: for `format`, and for the parameters of tools.
 *
 * What `effect/JSONSchema` gives is put into the form that the server understands: the server drops `$ref` in tools, so
 * definitions are written out where they are used.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type { JsonSchemaObject, Tool } from "./Shared.js"

/** Where JSON Schema keeps schemas inside a schema. Everything else (`enum`, `default`, `examples`, …) is a value. */
const inOne = new Set([
  "additionalItems",
  "additionalProperties",
  "contains",
  "else",
  "if",
  "not",
  "propertyNames",
  "then"
])
const inMany = new Set(["allOf", "anyOf", "oneOf", "prefixItems"])
const inNamed = new Set(["dependentSchemas", "patternProperties", "properties"])

const isObject = (u: unknown): u is JsonSchemaObject => Predicate.isRecord(u)

const mapValues = (object: JsonSchemaObject, f: (value: unknown) => unknown): JsonSchemaObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, f(value)]))

/** Applies `f` to each schema directly inside a schema. `items` holds one or several. */
const mapSchemas = (schema: JsonSchemaObject, f: (inner: JsonSchemaObject) => JsonSchemaObject): JsonSchemaObject => {
  const one = (u: unknown): unknown => (isObject(u) ? f(u) : u)
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (Array.isArray(value) && (inMany.has(key) || key === "items")) return [key, value.map(one)]
    if (isObject(value) && inNamed.has(key)) return [key, mapValues(value, one)]
    return [key, inOne.has(key) || key === "items" ? one(value) : value]
  })
  return Object.fromEntries(entries)
}

/** The name in `#/$defs/name` or `#/definitions/name`. */
const refName = (schema: JsonSchemaObject): string | undefined => {
  const ref = schema["$ref"]
  const match = typeof ref === "string" ? /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(ref) : null
  return match?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~")
}

/** The definitions that contain themselves, directly or through others. */
const recursiveNames = (definitions: ReadonlyMap<string, JsonSchemaObject>): ReadonlySet<string> => {
  const uses = new Map<string, Set<string>>()
  for (const [name, definition] of definitions) {
    const found = new Set<string>()
    const visit = (schema: JsonSchemaObject): JsonSchemaObject => {
      const ref = refName(schema)
      if (ref !== undefined) found.add(ref)
      return mapSchemas(schema, visit)
    }
    visit(definition)
    uses.set(name, found)
  }
  const reaches = (from: string, target: string, seen: Set<string>): boolean =>
    [...(uses.get(from) ?? [])].some((next) => {
      if (next === target) return true
      if (seen.has(next)) return false
      seen.add(next)
      return reaches(next, target, seen)
    })
  return new Set([...definitions.keys()].filter((name) => reaches(name, name, new Set())))
}

/** `{ allOf: [schema], …annotations }`, which is how annotations are put on a reference, says the same without `allOf`. */
const withoutSingleAllOf = (schema: JsonSchemaObject): JsonSchemaObject => {
  const { allOf, ...rest } = schema
  const only: unknown = Array.isArray(allOf) && allOf.length === 1 ? allOf[0] : undefined
  if (!isObject(only) || "$ref" in only) return schema
  // a keyword on both sides is a constraint that may not be lost, unless it is only there to be read
  const clash = Object.keys(only).some((key) => key in rest && key !== "description" && key !== "title")
  return clash ? schema : { ...only, ...rest }
}

/** What is said about a recursive definition in a tool, where it cannot be written out and may not be referred to. */
const outline = (definition: JsonSchemaObject | undefined): JsonSchemaObject => {
  const { description, type } = definition ?? {}
  return { ...(type !== undefined && { type }), ...(description !== undefined && { description }) }
}

/**
 * Writes the definitions of a JSON Schema out where they are used, and removes `$schema` and `$id`. A definition that contains
 * itself stays in `$defs`, referred to with `$ref`; or, with `recursive: "cut"`, it is written out once, and only its type and
 * description are given where it occurs inside itself.
 *
 * @since 0.1.0
 * @category combinators
 */
export const inline = (
  jsonSchema: object,
  options?: {
    /** What becomes of definitions that contain themselves. Default `"keep"`. */
    readonly recursive?: "keep" | "cut" | undefined
  }
): JsonSchemaObject => {
  const { $defs, $id: _, $schema: __, definitions, ...root }: JsonSchemaObject = { ...jsonSchema }
  const named = new Map<string, JsonSchemaObject>()
  for (const group of [definitions, $defs]) {
    if (!isObject(group)) continue
    for (const [name, definition] of Object.entries(group)) if (isObject(definition)) named.set(name, definition)
  }
  const recursive = recursiveNames(named)
  const cut = options?.recursive === "cut"
  const kept = new Set<string>()

  const resolve = (schema: JsonSchemaObject, inside: ReadonlySet<string>, isRoot: boolean): JsonSchemaObject => {
    const name = refName(schema)
    const definition = name === undefined ? undefined : named.get(name)
    if (name === undefined || definition === undefined) {
      const { $id: _, ...rest } = schema
      return withoutSingleAllOf(mapSchemas(rest, (inner) => resolve(inner, inside, false)))
    }
    const { $ref: _, ...beside } = schema
    if (!recursive.has(name)) return { ...resolve(definition, inside, isRoot), ...resolve(beside, inside, false) }
    if (!cut && !isRoot) {
      kept.add(name)
      return { $ref: `#/$defs/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, ...resolve(beside, inside, false) }
    }
    if (inside.has(name)) return { ...outline(definition), ...beside }
    return { ...resolve(definition, new Set([...inside, name]), false), ...resolve(beside, inside, false) }
  }

  const out = resolve(root, new Set(), true)
  const definitionsOut = new Map<string, JsonSchemaObject>()
  // resolving a kept definition may keep others
  for (const name of kept) {
    const definition = named.get(name)
    if (definition !== undefined) definitionsOut.set(name, resolve(definition, new Set(), false))
  }
  return definitionsOut.size === 0 ? out : { ...out, $defs: Object.fromEntries(definitionsOut) }
}

/** `effect/JSONSchema` describes a struct without fields as "any object or array". */
const isEmptyStruct = (ast: AST.AST): boolean =>
  AST.isTypeLiteral(ast) && ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0

const fromSchema = <A, I, R>(schema: Schema.Schema<A, I, R>, recursive: "keep" | "cut"): JsonSchemaObject =>
  isEmptyStruct(schema.ast) ? { type: "object", properties: {} } : inline(JSONSchema.make(schema), { recursive })

/**
 * The JSON Schema of what a schema decodes, for `format`. Recursive schemas keep `$defs` and `$ref`, which the server's
 * grammar understands.
 *
 * Throws an `Error` that says where, when the schema has a part that no JSON Schema describes (a bigint, a date object);
 * see `makeEither`.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { JsonSchema } from "effect-ollama"
 *
 * const Country = Schema.Struct({ name: Schema.String, capital: Schema.String, population: Schema.Int })
 *
 * const request = {
 *   model: "llama3.2",
 *   messages: [{ role: "user", content: "Tell me about Canada" }],
 *   format: JsonSchema.make(Country)
 * }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I, R>(schema: Schema.Schema<A, I, R>): JsonSchemaObject => fromSchema(schema, "keep")

/**
 * `make`, with the reason on the left when the schema has a part that no JSON Schema describes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEither = <A, I, R>(schema: Schema.Schema<A, I, R>): Either.Either<JsonSchemaObject, string> =>
  Either.try({
    try: () => make(schema),
    catch: (error) => (error instanceof Error ? error.message : String(error))
  })

/**
 * A tool for the `tools` of a chat, its parameters described by a schema. Decode the arguments of a call with the same
 * schema: the model wrote them, and nothing makes them fit.
 *
 * A recursive parameter is written out once, and only its type and description are given inside itself, because the
 * server drops `$ref` in tools. Throws an `Error` that says where, when the schema is not one of an object, or has a part
 * that no JSON Schema describes.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { JsonSchema } from "effect-ollama"
 *
 * const weather = JsonSchema.tool({
 *   name: "get_weather",
 *   description: "The weather of a city now",
 *   parameters: Schema.Struct({
 *     city: Schema.String.annotations({ description: "Name of the city" }),
 *     unit: Schema.optional(Schema.Literal("celsius", "fahrenheit"))
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const tool = <A, I extends object, R>(options: {
  /** What the model calls it. */
  readonly name: string
  /** What it does, for the model. */
  readonly description?: string | undefined
  /** Its arguments; none by default. */
  readonly parameters?: Schema.Schema<A, I, R> | undefined
}): Tool => {
  const schema: JsonSchemaObject = options.parameters
    ? fromSchema(options.parameters, "cut")
    : { type: "object", properties: {} }
  const { properties = {}, required, type, ...rest } = schema
  if (type !== "object" || !isObject(properties)) {
    throw new Error(`The parameters of the tool "${options.name}" have to be an object (Schema.Struct)`)
  }
  return {
    type: "function",
    function: {
      name: options.name,
      ...(options.description !== undefined && { description: options.description }),
      parameters: {
        type,
        ...(Array.isArray(required) && required.length > 0 && { required: required.map(String) }),
        properties: Object.fromEntries(
          Object.entries(properties).map(([key, value]) => [key, isObject(value) ? value : {}])
        ),
        ...rest
      }
    }
  }
}
