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
import * as ReadonlyRecord from "effect/Record"
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type { JsonSchemaObject, Tool } from "./Shared.js"

/** Where JSON Schema keeps schemas inside a schema. Everything else (`enum`, `default`, `examples`, …) is a value. */
const inside = new Set(
  "additionalItems additionalProperties allOf anyOf contains else if items not oneOf prefixItems propertyNames then".split(
    " "
  )
)
const inNamed = new Set(["dependentSchemas", "patternProperties", "properties"])

const isObject = (u: unknown): u is JsonSchemaObject => Predicate.isRecord(u)

/** Applies `f` to each schema directly inside a schema. */
const mapSchemas = (schema: JsonSchemaObject, f: (inner: JsonSchemaObject) => JsonSchemaObject): JsonSchemaObject => {
  const one = (u: unknown): unknown => (Array.isArray(u) ? u.map(one) : isObject(u) ? f(u) : u)
  return ReadonlyRecord.map(schema, (value, key) =>
    inside.has(key) ? one(value) : inNamed.has(key) && isObject(value) ? ReadonlyRecord.map(value, one) : value
  )
}

/** The name in `#/$defs/name` or `#/definitions/name`. */
const refName = ({ $ref }: JsonSchemaObject): string | undefined =>
  typeof $ref === "string"
    ? /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec($ref)?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~")
    : undefined

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
const outline = (definition: JsonSchemaObject): JsonSchemaObject =>
  ReadonlyRecord.filter(definition, (_, key) => key === "type" || key === "description")

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
  const named = new Map<string, unknown>(Object.entries(Object.assign({}, definitions, $defs)))
  const kept = new Set<string>()

  const definitionOf = (name: string | undefined): JsonSchemaObject | undefined => {
    const definition = name === undefined ? undefined : named.get(name)
    return isObject(definition) ? definition : undefined
  }

  /** Whether a definition contains itself, directly or through others. */
  const isRecursive = (name: string): boolean => {
    const seen = new Set<string>()
    const visit = (schema: JsonSchemaObject): JsonSchemaObject => {
      const next = refName(schema)
      if (next !== undefined && !seen.has(next)) {
        seen.add(next)
        visit(definitionOf(next) ?? {})
      }
      return mapSchemas(schema, visit)
    }
    visit(definitionOf(name) ?? {})
    return seen.has(name)
  }
  const recursive = new Set([...named.keys()].filter(isRecursive))

  const resolve = (schema: JsonSchemaObject, within: ReadonlyArray<string>, isRoot: boolean): JsonSchemaObject => {
    const name = refName(schema)
    const definition = definitionOf(name)
    if (name === undefined || definition === undefined) {
      const { $id: _, ...rest } = schema
      return withoutSingleAllOf(mapSchemas(rest, (inner) => resolve(inner, within, false)))
    }
    const { $ref, ...rest } = schema
    const beside = resolve(rest, within, false)
    const isLoop = recursive.has(name)
    if (isLoop && options?.recursive !== "cut" && !isRoot) {
      kept.add(name)
      return { $ref: String($ref).replace("#/definitions/", "#/$defs/"), ...beside }
    }
    if (within.includes(name)) return { ...outline(definition), ...beside }
    return { ...resolve(definition, [...within, name], isRoot && !isLoop), ...beside }
  }

  const out = resolve(root, [], true)
  const definitionsOut = new Map<string, JsonSchemaObject>()
  // resolving a kept definition may keep others
  for (const name of kept) definitionsOut.set(name, resolve(definitionOf(name) ?? {}, [], false))
  return kept.size === 0 ? out : { ...out, $defs: Object.fromEntries(definitionsOut) }
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

/**
 * A keyword in the parameters of a tool that the server drops before the model sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dropped {
  /** Where it stands, from the parameters: `unit.anyOf.0`; empty for the parameters themselves. */
  readonly path: string
  /** Its name: `minimum`, `pattern`, `const`, `$ref`, `default`, … */
  readonly keyword: string
  /**
   * Whether it says which arguments are right, so that the model can only guess them now. `title`, `default`, `examples` and
   * the like say nothing of that; `additionalProperties: false` says only what `properties` says already.
   */
  readonly isConstraint: boolean
}

/** What the server reads (Ollama `api/types.go`: `ToolFunctionParameters`, `ToolProperty`); `items` is kept whole. */
const readInParameters = new Set(["$defs", "items", "properties", "required", "type"])
const readInProperty = new Set(["anyOf", "description", "enum", "items", "properties", "required", "type"])

const annotations = new Set(
  "$comment $id $schema default deprecated description examples readOnly title writeOnly".split(" ")
)

const isConstraint = (keyword: string, value: unknown): boolean =>
  !annotations.has(keyword) && !(keyword === "additionalProperties" && value === false)

const droppedIn = (schema: JsonSchemaObject, path: ReadonlyArray<string>, read: ReadonlySet<string>): Array<Dropped> =>
  Object.entries(schema).flatMap(([keyword, value]): Array<Dropped> => {
    if (!read.has(keyword)) return [{ path: path.join("."), keyword, isConstraint: isConstraint(keyword, value) }]
    if (keyword === "properties" && isObject(value)) {
      return Object.entries(value).flatMap(([name, inner]) =>
        isObject(inner) ? droppedIn(inner, [...path, name], readInProperty) : []
      )
    }
    if (keyword === "anyOf" && Array.isArray(value)) {
      return value.flatMap((inner: unknown, index) =>
        isObject(inner) ? droppedIn(inner, [...path, keyword, String(index)], readInProperty) : []
      )
    }
    return []
  })

/**
 * The keywords in the parameters of a tool that the server drops before the model sees them (Ollama v0.33.0; what older
 * versions drop besides is not told).
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { JsonSchema } from "effect-ollama"
 *
 * const roll = JsonSchema.tool({ name: "roll", parameters: Schema.Struct({ sides: Schema.Int.pipe(Schema.greaterThan(1)) }) })
 *
 * JsonSchema.dropped(roll).filter(({ isConstraint }) => isConstraint)
 * // [{ path: "sides", keyword: "exclusiveMinimum", isConstraint: true }]
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const dropped = (tool: Tool): ReadonlyArray<Dropped> => droppedIn(tool.function.parameters, [], readInParameters)
