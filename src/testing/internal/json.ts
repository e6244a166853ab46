/** JSON as Go writes and reads it, and the answers made of it. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { WireAnswer } from "./types.js"

export type Json = Readonly<Record<string, unknown>>

/** An answer that is an error: `{"error": …}` with this status, or this body as it is. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly status: number
  readonly error: string | Json
}> {}

export const refuse = (status: number, error: string | Json) => new Refusal({ status, error })

const utf8 = new TextEncoder()

export const bytes = (text: string): Uint8Array => utf8.encode(text)

const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029"
}

/** `encoding/json` escapes what could end an HTML script. */
export const encode = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character)

export const line = (value: unknown): Uint8Array => bytes(`${encode(value)}\n`)

export const whole = (status: number, contentType: string | undefined, body: Uint8Array): WireAnswer => ({
  status,
  headers: {
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    "content-length": String(body.length)
  },
  body
})

export const answer = (value: unknown, status = 200): WireAnswer =>
  whole(status, "application/json; charset=utf-8", bytes(encode(value)))

export const text = (status: number, body: string): WireAnswer => whole(status, "text/plain", bytes(body))

export const empty = (status = 200): WireAnswer => whole(status, undefined, new Uint8Array(0))

export const ofRefusal = (refusal: Refusal): WireAnswer =>
  answer(typeof refusal.error === "string" ? { error: refusal.error } : refusal.error, refusal.status)

/** Leaves out what Go's `omitempty` leaves out: zero, empty, false and absent values. */
export const omitEmpty = (fields: Json): Json =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined &&
        value !== null &&
        value !== 0 &&
        value !== "" &&
        value !== false &&
        !(Array.isArray(value) && value.length === 0)
    )
  )

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What `encoding/json` says about a text that is not JSON. */
const syntaxError = (source: string, cause: unknown): string => {
  const message = cause instanceof Error ? cause.message : ""
  if (/end of JSON input|Unterminated|Expected .* in JSON at position/.test(message)) {
    const at = /position (\d+)/.exec(message)?.[1]
    if (at === undefined || Number(at) >= source.length) return "unexpected EOF"
  }
  const first = /Unexpected token '?(.)/.exec(message)?.[1] ?? source.trimStart()[0] ?? ""
  return `invalid character '${first}' looking for beginning of value`
}

/** The Go type of a field, for the text of the error when another type comes. */
export type GoType = "string" | "bool" | "int" | "object" | "array"

export interface Fields {
  /** Name of the Go struct: `ChatRequest`. */
  readonly struct: string
  /** Field to [JSON type, Go type]. */
  readonly types: Readonly<Record<string, readonly [GoType, string]>>
}

const kindOf = (value: unknown): string =>
  Array.isArray(value)
    ? "array"
    : typeof value === "boolean"
      ? "bool"
      : typeof value === "object"
        ? "object"
        : typeof value

const isOf = (type: GoType, value: unknown): boolean =>
  value === null || value === undefined || kindOf(value) === (type === "int" ? "number" : type)

/** The object as it is, or the 400 that the server answers where a field is of another type. */
export const fits = (value: Json, { struct, types }: Fields): Effect.Effect<Json, Refusal> =>
  Effect.suspend(() => {
    const wrong = Object.entries(types).find(([field, [type]]) => !isOf(type, value[field]))
    if (wrong === undefined) return Effect.succeed(value)
    const [field, [, goType]] = wrong
    const kind = kindOf(value[field])
    return Effect.fail(
      refuse(400, `json: cannot unmarshal ${kind} into Go struct field ${struct}.${field} of type ${goType}`)
    )
  })

/** Those of some values that are objects. */
export const objects = (values: unknown): ReadonlyArray<Json> => (Array.isArray(values) ? values.filter(isObject) : [])

/** The body of a request as an object, or the 400 that the server answers. */
export const parse = (body: Uint8Array, fields: Fields): Effect.Effect<Json, Refusal> =>
  Effect.suspend(() => {
    const source = new TextDecoder().decode(body)
    if (source.trim() === "") return Effect.fail(refuse(400, "missing request body"))
    return Effect.flatMap(
      Effect.try({
        try: (): unknown => JSON.parse(source),
        catch: (cause) => refuse(400, syntaxError(source, cause))
      }),
      (value): Effect.Effect<Json, Refusal> => {
        if (!isObject(value)) {
          return Effect.fail(
            refuse(400, `json: cannot unmarshal ${kindOf(value)} into Go value of type api.${fields.struct}`)
          )
        }
        return fits(value, fields)
      }
    )
  })

/** The body as JSON for the record of what was seen; `undefined` when it is not. */
export const tryParse = (body: Uint8Array): unknown => {
  if (body.length === 0 || body.length > 16 * 1024 * 1024) return undefined
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

/** A text, or nothing where something else is. */
export const stringOf = (value: unknown): string => (typeof value === "string" ? value : "")
