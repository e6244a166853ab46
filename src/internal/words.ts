/** The caller's own words in an encoded request: what failures must not repeat, and what automatic clocks count. */
import * as Predicate from "effect/Predicate"

const wordy = new Set([
  "content",
  "prompt",
  "system",
  "suffix",
  "input",
  "thinking",
  "arguments",
  "query",
  "template",
  "license"
])

const collect = (u: unknown, into: Array<string>, inside: boolean): Array<string> => {
  if (typeof u === "string") {
    if (inside) into.push(u)
  } else if (Array.isArray(u)) {
    for (const item of u) collect(item, into, inside)
  } else if (Predicate.isRecord(u)) {
    for (const [key, value] of Object.entries(u)) collect(value, into, inside || wordy.has(key))
  }
  return into
}

/** The texts, without images. */
export const of = (request: unknown): ReadonlyArray<string> => collect(request, [], false)

/** How long they are together, in characters; definitions of tools are a part of the prompt. */
export const count = (request: unknown): number => {
  const tools = Predicate.isRecord(request) ? request.tools : undefined
  return (
    of(request).reduce((sum, text) => sum + text.length, 0) + (tools === undefined ? 0 : JSON.stringify(tools).length)
  )
}
