/**
 * The rubric: what a caller gets of a fault, in classes that are the same for every client.
 *
 * - `a1` the whole text; `a2` the failure's own class or fields say which fault it was; `a3` only to which family
 *   ("connection problem") it belongs.
 * - `b1` a generic failure with a machine code somewhere in its causes; `b2` nothing but words, or a misleading class.
 * - `c` nothing within the time of a cell; `d` a success with missing or wrong content.
 */
import { isDeepStrictEqual } from "node:util"
import { OllamaError } from "effect-ollama"
import { Schema } from "effect"
import { type Entry, type Failure, text } from "./catalogue.js"

export type Class = "a1" | "a2" | "a3" | "b1" | "b2" | "c" | "d"

/** From the call to the verdict that nothing came, in milliseconds. */
export const patience = 8000

/** What became of one call under one fault. */
export interface Verdict {
  readonly class: Class
  /** In a few words. */
  readonly shown: string
  /** Why it is not what was expected. */
  readonly problems: ReadonlyArray<string>
}

export const isGood = (verdict: Verdict): boolean => verdict.class === "a1" || verdict.class === "a2"

export const hang: Verdict = { class: "c", shown: "hang", problems: [`nothing within ${patience / 1000} s`] }

export const success = (content: string | undefined): Verdict => {
  if (content === text) return { class: "a1", shown: "recovered", problems: [] }
  const shown = content === undefined ? "a wrong value" : `${content.length} of ${text.length} characters`
  return { class: "d", shown, problems: [`success with ${shown}`] }
}

/** Fields that say where and when, not what; they count where the catalogue names them. */
const circumstances = new Set([
  "host",
  "endpoint",
  "model",
  "elapsed",
  "attempts",
  "status",
  "detail",
  "cause",
  "remedy"
])

const encode = Schema.encodeSync(OllamaError.OllamaError)

/** Several are as many that are right. */
const isAsExpected = (actual: unknown, expected: unknown): boolean =>
  Array.isArray(expected) ? expected.includes(actual) : isDeepStrictEqual(actual, expected)

const differences = (actual: Readonly<Record<string, unknown>>, expected: Failure): ReadonlyArray<string> =>
  [...new Set([...Object.keys(actual), ...Object.keys(expected)])]
    .filter((key) => key in expected || !circumstances.has(key))
    .filter((key) => !isAsExpected(actual[key], expected[key]))
    .map((key) => `${key} is ${JSON.stringify(actual[key])}, not ${JSON.stringify(expected[key])}`)

const shownFields = ["reason", "by", "crashed", "phase"] as const

/** The class and the fields that tell one cause from another. */
const show = (encoded: Readonly<Record<string, unknown>>): string => {
  const fields = shownFields.flatMap((key) => {
    const value = encoded[key]
    return typeof value === "string" ? [value] : value === true ? [key] : []
  })
  return [encoded["_tag"], ...fields].join(" ")
}

/**
 * A failure of our client.
 *
 * @param delivered what a consumer of the stream had received; absent where there is none
 */
export const failure = (entry: Entry, error: OllamaError.OllamaError, delivered: string | undefined): Verdict => {
  const encoded: Readonly<Record<string, unknown>> = { ...encode(error) }
  const shown = show(encoded)
  if (entry.expected === "recovered") {
    return { class: "a3", shown, problems: [`it had to recover: ${error.message}`] }
  }
  if (encoded["_tag"] !== entry.expected._tag) {
    const problems = [`${shown}, not ${entry.expected._tag}: ${error.message}`]
    return { class: error.cause?.code === undefined ? "b2" : "b1", shown, problems }
  }
  const arrived = error.partial?.text ?? ""
  const problems = [
    ...differences(encoded, entry.expected),
    ...(delivered === undefined || delivered === arrived
      ? []
      : [`"${delivered}" was delivered, but "${arrived}" is in the failure`])
  ]
  return { class: problems.length === 0 ? "a2" : "a3", shown, problems }
}
