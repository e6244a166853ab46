/** An instance of a JSON Schema by simple rules: what the simulator answers to `format` and puts into tool calls. */
import { isObject, type Json } from "./json.js"

const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined)

const resolve = (schema: Json, root: Json): Json => {
  const reference = schema["$ref"]
  if (typeof reference !== "string" || !reference.startsWith("#/")) return schema
  let found: unknown = root
  for (const key of reference.slice(2).split("/")) {
    found = isObject(found) ? found[key.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined
  }
  return isObject(found) ? found : {}
}

const numberOf = (schema: Json): number => {
  const pick = (key: string) => (typeof schema[key] === "number" ? schema[key] : undefined)
  const step = pick("multipleOf") ?? 1
  const above = pick("exclusiveMinimum")
  const below = pick("exclusiveMaximum")
  const least = pick("minimum") ?? (above === undefined ? undefined : above + step)
  const most = pick("maximum") ?? (below === undefined ? undefined : below - step)
  const value = least ?? Math.min(step, most ?? step)
  return most === undefined ? value : Math.min(value, most)
}

const samples: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "00:00:00Z",
  email: "simulator@example.com",
  uri: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000"
}

const stringOf = (schema: Json): string => {
  const { format, maxLength, minLength } = schema
  const sample = (typeof format === "string" ? samples[format] : undefined) ?? "simulated"
  const long = typeof minLength === "number" ? sample.padEnd(minLength, ".") : sample
  return typeof maxLength === "number" ? long.slice(0, maxLength) : long
}

const build = (given: unknown, root: Json, depth: number): unknown => {
  if (!isObject(given)) return "simulated"
  const schema = resolve(given, root)
  if ("const" in schema) return schema["const"]
  const chosen = first(schema["enum"]) ?? first(schema["examples"])
  if (chosen !== undefined) return chosen
  const branches = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(branches)) {
    const simple = depth > 4 ? branches.find((branch) => isObject(branch) && branch["type"] === "null") : undefined
    return build(simple ?? branches[0], root, depth + 1)
  }
  if (Array.isArray(schema["allOf"])) {
    return build(Object.assign({}, schema, { allOf: undefined }, ...schema["allOf"]), root, depth + 1)
  }
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"]
  switch (type ?? (isObject(schema["properties"]) ? "object" : "string")) {
    case "object": {
      const properties = isObject(schema["properties"]) ? schema["properties"] : {}
      const required = Array.isArray(schema["required"]) ? schema["required"] : []
      return Object.fromEntries(
        Object.entries(properties)
          .filter(([key]) => depth <= 4 || required.includes(key))
          .map(([key, property]) => [key, build(property, root, depth + 1)])
      )
    }
    case "array": {
      const prefix = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : []
      const least = typeof schema["minItems"] === "number" ? schema["minItems"] : depth > 4 ? 0 : 1
      const items = Array.from({ length: Math.max(0, least - prefix.length) }, () =>
        build(schema["items"], root, depth + 1)
      )
      return [...prefix.map((item) => build(item, root, depth + 1)), ...items]
    }
    case "integer":
    case "number":
      return numberOf(schema)
    case "boolean":
      return true
    case "null":
      return null
    default:
      return stringOf(schema)
  }
}

export const ofSchema = (schema: Json): unknown => build(schema, schema, 0)
