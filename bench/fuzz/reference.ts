/** What a body says, read in the simplest way: all of it at once, one line after the other, until one cannot be read. */

import type { Kind } from "./corpus.js"

export interface Read {
  /** The lines that could be read, before the first that could not. */
  readonly lines: ReadonlyArray<unknown>
  /** Whether all of them could. */
  readonly isWhole: boolean
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte <= 32)

/** @param limit the most bytes of a line */
export const read = (body: Uint8Array, limit: number): Read => {
  const lines: Array<unknown> = []
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(10, start)
    const end = found === -1 ? body.length : found
    const line = body.subarray(start, end)
    start = end + 1
    if (line.length > limit) return { lines, isWhole: false }
    if (isBlank(line)) continue
    try {
      lines.push(JSON.parse(strict.decode(line)))
    } catch {
      return { lines, isWhole: false }
    }
  }
  return { lines, isWhole: true }
}

const isObject = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === "object" && u !== null && !Array.isArray(u)

const onlyHas = (u: Readonly<Record<string, unknown>>, allowed: ReadonlyArray<string>): boolean =>
  Object.keys(u).every((key) => allowed.includes(key))

const durations = [
  "total_duration",
  "load_duration",
  "prompt_eval_count",
  "prompt_eval_duration",
  "eval_count",
  "eval_duration"
]

/** A chunk of a chat with nothing in it that anybody could object to. */
export const isPlainChat = (u: unknown): boolean =>
  isObject(u) &&
  onlyHas(u, ["model", "created_at", "message", "done", "done_reason", ...durations]) &&
  typeof u["model"] === "string" &&
  typeof u["created_at"] === "string" &&
  typeof u["done"] === "boolean" &&
  (u["done"] ? typeof u["done_reason"] === "string" : u["done_reason"] === undefined) &&
  durations.every((name) => u[name] === undefined || typeof u[name] === "number") &&
  isObject(u["message"]) &&
  onlyHas(u["message"], ["role", "content", "thinking"]) &&
  typeof u["message"]["role"] === "string" &&
  typeof u["message"]["content"] === "string" &&
  (u["message"]["thinking"] === undefined || typeof u["message"]["thinking"] === "string")

/** The text of a chunk; `kind` says which of the two that an object may have. */
export const textOf = (kind: Kind, u: unknown): string => {
  if (!isObject(u)) return ""
  const text = kind === "chat" && isObject(u["message"]) ? u["message"]["content"] : u["response"]
  return typeof text === "string" ? text : ""
}

/** Whether a body ends with the end of a line, so that its last line is known to be whole. */
export const isClosed = (body: Uint8Array): boolean => body[body.length - 1] === 10

/** What is the same in any chunk, however it is decoded. */
export const faceOf = (kind: Kind, u: unknown): string =>
  isObject(u) ? JSON.stringify([textOf(kind, u), u["model"], u["done"] === true, u["status"]]) : "?"
