/** The values in a request that have a grammar of their own, checked with the server's words. */
import * as Either from "effect/Either"
import { isObject, type Json, type Refusal, refuse } from "./json.js"

type Checked<A> = Either.Either<A, Refusal>

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000
}

/** Go's `time.ParseDuration`, in milliseconds. */
export const parseDuration = (source: string): Checked<number> => {
  const invalid = Either.left(refuse(400, `time: invalid duration ${JSON.stringify(source)}`))
  const [, sign, digits = ""] = /^([+-]?)(.*)$/s.exec(source) ?? []
  if (digits === "0") return Either.right(0)
  if (digits === "") return invalid
  let rest = digits
  let millis = 0
  while (rest !== "") {
    const [part, number = ""] = /^(\d+\.?\d*|\.\d+)/.exec(rest) ?? []
    if (part === undefined) return invalid
    rest = rest.slice(part.length)
    const unit = /^[^\d.]*/.exec(rest)?.[0] ?? ""
    if (unit === "") return Either.left(refuse(400, `time: missing unit in duration ${JSON.stringify(source)}`))
    const factor = units[unit]
    if (factor === undefined) {
      return Either.left(
        refuse(400, `time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(source)}`)
      )
    }
    millis += Number(number) * factor
    rest = rest.slice(unit.length)
  }
  return Either.right(sign === "-" ? -millis : millis)
}

/** `keep_alive` in milliseconds, infinite when negative; `undefined` when it is not set. */
export const keepAlive = (value: unknown): Checked<number | undefined> => {
  if (value === undefined || value === null) return Either.right(undefined)
  const forever = (millis: number) => (millis < 0 ? Infinity : millis)
  if (typeof value === "number") return Either.right(forever(value * 1000))
  if (typeof value === "string") return Either.map(parseDuration(value), forever)
  const type = typeof value === "boolean" ? "bool" : Array.isArray(value) ? "[]interface {}" : "map[string]interface {}"
  return Either.left(refuse(400, `Unsupported type: '${type}'`))
}

const levels = '"high", "medium", "low", "max", true, or false'

export const think = (value: unknown): Checked<boolean | string | undefined> => {
  if (value === undefined || value === null) return Either.right(undefined)
  if (typeof value === "boolean") return Either.right(value)
  if (typeof value !== "string") return Either.left(refuse(400, `think must be a boolean or string (${levels})`))
  return ["high", "medium", "low", "max"].includes(value)
    ? Either.right(value)
    : Either.left(refuse(400, `invalid think value: ${JSON.stringify(value)} (must be ${levels})`))
}

/** The constraint of `format`: none, any JSON, or a JSON Schema. */
export type Format = "json" | Json | undefined

export const format = (value: unknown): Checked<Format> =>
  value === undefined || value === null || value === ""
    ? Either.right(undefined)
    : value === "json" || isObject(value)
      ? Either.right(value)
      : Either.left(
          refuse(
            500,
            `invalid format: ${JSON.stringify(JSON.stringify(value))}; expected "json" or a valid JSON Schema object`
          )
        )

const integers = new Set([
  "num_ctx",
  "num_batch",
  "num_gpu",
  "main_gpu",
  "num_thread",
  "draft_num_predict",
  "num_keep",
  "seed",
  "num_predict",
  "top_k",
  "repeat_last_n"
])

const floats = new Set([
  "top_p",
  "min_p",
  "typical_p",
  "repeat_penalty",
  "temperature",
  "presence_penalty",
  "frequency_penalty"
])

const optionProblem = (name: string, value: unknown): string | undefined => {
  if (value === null) return undefined
  if (integers.has(name)) return typeof value === "number" ? undefined : "must be of type integer"
  if (floats.has(name)) return typeof value === "number" ? undefined : "must be of type float32"
  if (name === "use_mmap") return typeof value === "boolean" ? undefined : "must be of type boolean"
  if (name !== "stop") return undefined
  if (!Array.isArray(value)) return "must be of type array"
  return value.every((item) => typeof item === "string") ? undefined : "must be of an array of strings"
}

/** `options`, checked; unknown ones pass, as in the server. A bad one is a 500. */
export const options = (value: unknown): Checked<Json> => {
  if (!isObject(value)) return Either.right({})
  for (const [name, option] of Object.entries(value)) {
    const problem = optionProblem(name, option)
    if (problem !== undefined) return Either.left(refuse(500, `option ${JSON.stringify(name)} ${problem}`))
  }
  return Either.right(value)
}

/** Options that are properties of the loaded process, with the server's defaults where the request says nothing. */
export interface Settings {
  readonly num_ctx: number
  readonly num_batch: number
  readonly num_gpu: number
  readonly main_gpu: unknown
  readonly use_mmap: unknown
  readonly num_thread: number
  readonly shift: boolean
}

const atLeast = (vision: boolean): number => (vision ? 2048 : 4)

/** `num_ctx` has a floor, and the model's own context as its limit. */
export const settings = (
  of: Json,
  model: { readonly contextLength: number; readonly capabilities: ReadonlyArray<string> },
  shift: unknown
): Settings => {
  const number = (name: string, otherwise: number) => (typeof of[name] === "number" ? of[name] : otherwise)
  const wanted = Math.max(number("num_ctx", model.contextLength), atLeast(model.capabilities.includes("vision")))
  return {
    num_ctx: Math.min(wanted, model.contextLength),
    num_batch: number("num_batch", 512),
    num_gpu: number("num_gpu", -1),
    main_gpu: of["main_gpu"] ?? undefined,
    use_mmap: of["use_mmap"] ?? undefined,
    num_thread: number("num_thread", 0),
    shift: shift !== false
  }
}

/** Whether a process loaded with the one cannot serve the other: another load. Who leaves `num_gpu` open takes any. */
export const differ = (loaded: Settings, wanted: Settings): boolean =>
  loaded.num_ctx !== wanted.num_ctx ||
  loaded.num_batch !== wanted.num_batch ||
  (wanted.num_gpu >= 0 && loaded.num_gpu !== wanted.num_gpu) ||
  loaded.main_gpu !== wanted.main_gpu ||
  loaded.use_mmap !== wanted.use_mmap ||
  loaded.num_thread !== wanted.num_thread ||
  loaded.shift !== wanted.shift

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Images must be plain padded base64; a data URL is not. */
export const images = (value: unknown): Checked<number> => {
  if (!Array.isArray(value)) return Either.right(0)
  for (const image of value) {
    if (typeof image === "string" && base64.test(image)) continue
    const at = typeof image === "string" ? Math.max(0, image.search(/[^A-Za-z0-9+/=]/)) : 0
    return Either.left(refuse(400, `illegal base64 data at input byte ${at}`))
  }
  return Either.right(value.length)
}
