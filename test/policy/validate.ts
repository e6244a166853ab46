/** A validator for the keywords of JSON Schema that the schema of a policy uses; any other keyword is an error. */

type Json = Readonly<Record<string, unknown>>

const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

const object = (u: unknown): Json => {
  if (!isObject(u)) throw new Error(`a JSON Schema was expected: ${JSON.stringify(u)}`)
  return u
}

const array = (u: unknown): ReadonlyArray<unknown> => {
  if (!Array.isArray(u)) throw new Error(`an array was expected: ${JSON.stringify(u)}`)
  return u
}

const isType = (type: unknown, value: unknown): boolean => {
  switch (type) {
    case "object":
      return isObject(value)
    case "array":
      return Array.isArray(value)
    case "integer":
      return Number.isInteger(value)
    case "number":
    case "string":
    case "boolean":
      return typeof value === type
    default:
      throw new Error(`unknown type ${JSON.stringify(type)}`)
  }
}

const annotations = new Set(["$schema", "title", "description", "default", "definitions"])

/** Whether the value is valid. Keywords for one type say nothing of values of another. */
export const isValid = (root: Json, value: unknown): boolean => {
  const check = (schema: Json, at: unknown): boolean =>
    Object.entries(schema).every(([keyword, wanted]) => annotations.has(keyword) || holds(schema, keyword, wanted, at))

  const number = (at: unknown, test: (n: number) => boolean): boolean => typeof at !== "number" || test(at)

  const holds = (schema: Json, keyword: string, wanted: unknown, at: unknown): boolean => {
    switch (keyword) {
      case "$ref":
        return check(object(object(root.definitions)[String(wanted).replace("#/definitions/", "")]), at)
      case "type":
        return isType(wanted, at)
      case "enum":
        return array(wanted).includes(at)
      case "anyOf":
        return array(wanted).some((option) => check(object(option), at))
      case "allOf":
        return array(wanted).every((option) => check(object(option), at))
      case "properties":
        return (
          !isObject(at) || Object.entries(object(wanted)).every(([key, s]) => !(key in at) || check(object(s), at[key]))
        )
      case "additionalProperties":
        return !isObject(at) || Object.keys(at).every((key) => key in object(schema.properties))
      case "required":
        return !isObject(at) || array(wanted).every((key) => String(key) in at)
      case "items":
        return !Array.isArray(at) || at.every((item) => check(object(wanted), item))
      case "minItems":
        return !Array.isArray(at) || at.length >= Number(wanted)
      case "minimum":
        return number(at, (n) => n >= Number(wanted))
      case "maximum":
        return number(at, (n) => n <= Number(wanted))
      case "exclusiveMinimum":
        return number(at, (n) => n > Number(wanted))
      case "exclusiveMaximum":
        return number(at, (n) => n < Number(wanted))
      case "pattern":
        return typeof at !== "string" || new RegExp(String(wanted), "u").test(at)
      default:
        throw new Error(`unknown keyword ${keyword}`)
    }
  }

  return check(root, value)
}
