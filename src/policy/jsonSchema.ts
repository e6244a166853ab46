/** The JSON Schema of a policy as files and OLLAMA_POLICY write it, for editors. */
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as Predicate from "effect/Predicate"
import { descriptions } from "./descriptions.js"
import * as Fields from "./fields.js"
import { applyEither, decodeUnknownPatch, defaults, toJson } from "./value.js"

/**
 * A JSON Schema, as JSON.
 *
 * @since 0.1.0
 * @category models
 */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

/** As `Duration.decode` reads it, without a sign and above zero. */
const durationPattern =
  "^\\s*(?=[^a-z]*[1-9])\\d+(\\.\\d+)?\\s+(nanos?|micros?|millis?|seconds?|minutes?|hours?|days?|weeks?)\\s*$"

const definitions = {
  duration: {
    anyOf: [
      { type: "string", pattern: durationPattern },
      { type: "number", exclusiveMinimum: 0, description: "Milliseconds." }
    ]
  }
}

const duration: JsonSchema = { $ref: "#/definitions/duration" }

const enumeration = (words: ReadonlyArray<string>): JsonSchema => ({ type: "string", enum: words })

const noise = new Set(["title", "description"])

/** Without what Effect says of its own Schemas. */
const bare = (json: unknown): unknown => {
  if (Array.isArray(json)) return json.map(bare)
  if (!Predicate.isReadonlyRecord(json)) return json
  return Object.fromEntries(
    Object.entries(json)
      .filter(([key, value]) => !(noise.has(key) && typeof value === "string"))
      .map(([key, value]) => [key, bare(value)])
  )
}

const record = (u: unknown): JsonSchema => (Predicate.isReadonlyRecord(u) ? u : {})

const described = (path: ReadonlyArray<string>): JsonSchema => {
  const description = descriptions[path.join(".")]
  return description === undefined ? {} : { description }
}

/** The entries of a list with what their fields are for. */
const describedItems = (json: JsonSchema, path: ReadonlyArray<string>): JsonSchema => {
  const items = record(json.items)
  const properties = Object.entries(record(items.properties)).map(([name, property]) => [
    name,
    { ...described([...path, name]), ...record(property) }
  ])
  return { ...json, items: { ...items, properties: Object.fromEntries(properties) } }
}

const valueOf = (leaf: Fields.Leaf, path: ReadonlyArray<string>): JsonSchema => {
  if (leaf.isDuration) return { anyOf: leaf.words.length === 0 ? [duration] : [enumeration(leaf.words), duration] }
  const json = record(bare(JSONSchema.fromAST(leaf.ast, { definitions: {}, topLevelReferenceStrategy: "skip" })))
  return leaf.isList ? describedItems(json, path) : json
}

const units = [
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000]
] as const

/** A duration as people write it. */
const inWords = (millis: number): string => {
  const [name, size] = units.find(([, unit]) => millis % unit === 0) ?? ["milli", 1]
  const count = millis / size
  return `${count} ${name}${count === 1 ? "" : "s"}`
}

/** What a field is when nothing is said: `now`, and, once its section is switched on, `on`. */
interface Preset {
  readonly now: unknown
  readonly on: unknown
}

const presetOf = (preset: Preset, name: string): Preset => ({
  now: record(preset.now)[name],
  on: record(preset.on)[name]
})

const sectionOf = (section: Fields.Section, path: ReadonlyArray<string>, preset: Preset): JsonSchema => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(section.fields).map(([name, field]) => [
      name,
      schemaOf(field, [...path, name], presetOf(preset, name))
    ])
  ),
  additionalProperties: false
})

const schemaOf = (node: Fields.Node, path: ReadonlyArray<string>, preset: Preset): JsonSchema => {
  if (node._tag === "Leaf") {
    const value = node.isDuration && typeof preset.on === "number" ? inWords(preset.on) : preset.on
    return { ...described(path), ...valueOf(node, path), default: value }
  }
  const section = sectionOf(node, path, preset)
  if (!node.canBeOff) return { ...described(path), ...section }
  return {
    ...described(path),
    anyOf: [enumeration(["off"]), section],
    ...(preset.now === "off" ? { default: "off" } : {})
  }
}

/** The patch that switches everything on. */
const everything = (node: Fields.Section): JsonSchema =>
  Object.fromEntries(
    Object.entries(node.fields).flatMap(([name, field]) => (field._tag === "Leaf" ? [] : [[name, everything(field)]]))
  )

/**
 * The JSON Schema (draft-07) of a policy as files and `OLLAMA_POLICY` write it: every key may be absent, durations are
 * texts or milliseconds, parts that can be off may be `"off"`. With descriptions, defaults and bounds, for editors; the
 * package has it as `policy.schema.json`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const jsonSchema = (): JsonSchema => {
  const switchedOn = Either.flatMap(decodeUnknownPatch(everything(Fields.all)), (patch) => applyEither(defaults, patch))
  const preset: Preset = { now: toJson(defaults), on: toJson(Either.getOrThrowWith(switchedOn, (error) => error)) }
  const { properties, ...section } = sectionOf(Fields.all, [], preset)
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "effect-ollama policy",
    description:
      "What an effect-ollama client does about slow, refused and failed calls. What is absent is the default.",
    ...section,
    properties: { $schema: { type: "string", description: "Where this JSON Schema is." }, ...record(properties) },
    definitions
  }
}
