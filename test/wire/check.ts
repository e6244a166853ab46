/**
 * Expected results as data, and how a call's outcome is held against one.
 */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { OllamaError } from "effect-ollama"
import type { Call, Outcome } from "./calls.js"
import { endpointOf, phaseOfAnswer } from "./calls.js"

/** Nanoseconds and tokens in the order total, load, prompt tokens, prompt, answer tokens, answer. */
type Figures = readonly [number, number, number, number, number, number]

/** An answer of chat or generate: what the folded call returns, and what the chunks of the stream add up to. */
export interface Answer {
  readonly model: string
  readonly text: string
  readonly thinking?: string
  readonly tool_calls?: ReadonlyArray<unknown>
  readonly chunks: number
  readonly created_at: string
  readonly done_reason: string
  readonly figures?: Figures
  readonly context?: ReadonlyArray<number>
}

/** A failure. What is absent is not checked, save `partial`: absent means that no chunk had arrived. */
export interface Failure {
  readonly tag: OllamaError.OllamaError["_tag"]
  /** Own fields of the tag; `null` means absent. */
  readonly fields?: Readonly<Record<string, string | number | boolean | null>>
  readonly status?: number
  /** The server's text: exactly, or by a pattern; `null` for none. */
  readonly detail?: string | RegExp | null
  readonly phase?: OllamaError.Phase
  readonly partial?: { readonly chunks: number; readonly text?: string; readonly thinking?: string } | "any"
  /** What the transport said has to be kept as `cause`. */
  readonly cause?: true
  readonly isRetryable: boolean
}

/** What a call has to end in. */
export type Result =
  | { readonly answer: Answer }
  /** Exactly this value. */
  | { readonly value: unknown }
  /** The value has these parts; keys are paths, separated by `/`. */
  | { readonly parts: Readonly<Record<string, unknown>> }
  /** The stream consists of exactly these. */
  | { readonly items: ReadonlyArray<unknown> }
  | { readonly failure: Failure }

const at = (value: unknown, path: string): unknown =>
  path
    .split("/")
    .reduce<unknown>(
      (current, key) => (current === undefined || current === null ? current : Reflect.get(Object(current), key)),
      value
    )

const figureNames = [
  "total_duration",
  "load_duration",
  "prompt_eval_count",
  "prompt_eval_duration",
  "eval_count",
  "eval_duration"
] as const

const strings = (chunks: ReadonlyArray<unknown>, path: string): string =>
  chunks.map((chunk) => at(chunk, path) ?? "").join("")

/** The terminal part: a folded answer, or the last chunk. */
const checkTerminal = (value: unknown, answer: Answer): void => {
  assert.strictEqual(at(value, "model"), answer.model)
  assert.strictEqual(at(value, "created_at"), answer.created_at)
  assert.strictEqual(at(value, "done"), true)
  assert.strictEqual(at(value, "done_reason"), answer.done_reason)
  for (const [index, name] of figureNames.entries()) {
    assert.strictEqual(at(value, name), answer.figures?.[index], name)
  }
  assert.deepStrictEqual(at(value, "context"), answer.context)
}

const checkAnswer = (value: unknown, call: Call, answer: Answer): void => {
  checkTerminal(value, answer)
  const isGenerate = call.method === "generate" || call.method === "load" || call.method === "unload"
  assert.strictEqual(at(value, isGenerate ? "response" : "message/content"), answer.text)
  assert.strictEqual(at(value, isGenerate ? "thinking" : "message/thinking") || undefined, answer.thinking)
  if (answer.tool_calls) assert.deepStrictEqual(at(value, "message/tool_calls"), answer.tool_calls)
}

const checkChunks = (chunks: ReadonlyArray<unknown>, call: Call, answer: Answer): void => {
  const isGenerate = call.method === "generateStream"
  assert.strictEqual(chunks.length, answer.chunks)
  assert.strictEqual(strings(chunks, isGenerate ? "response" : "message/content"), answer.text)
  assert.strictEqual(strings(chunks, isGenerate ? "thinking" : "message/thinking") || undefined, answer.thinking)
  assert.deepStrictEqual(
    chunks.flatMap((chunk) => at(chunk, "message/tool_calls") ?? []),
    [...(answer.tool_calls ?? [])]
  )
  assert.isFalse(chunks.slice(0, -1).some((chunk) => at(chunk, "done") === true))
  checkTerminal(chunks.at(-1), answer)
}

const plain = (value: unknown): unknown => (Duration.isDuration(value) ? Duration.toMillis(value) : (value ?? null))

/** What holds for each failure, whatever it is. */
const checkManners = (error: OllamaError.OllamaError, call: Call): void => {
  assert.isTrue(OllamaError.isOllamaError(error))
  const endpoint = endpointOf(call)
  assert.isTrue(
    endpoint.endsWith("/") ? error.endpoint.startsWith(endpoint) : error.endpoint === endpoint,
    `endpoint ${error.endpoint}`
  )
  assert.match(error.host ?? "", /^https?:\/\/[^/@]+$/)
  if ("request" in call && typeof call.request === "object" && "model" in call.request) {
    assert.strictEqual(error.model, call.request.model)
  }
  assert.deepStrictEqual(error.attempts, [])
  assert.isAbove(error.remedy.length, 10, "remedy")
  assert.isFalse(/\n/.test(error.message), "one line")
  assert.include(error.message, error.remedy)
  if (error.detail !== undefined) assert.isAtMost(error.detail.length, 500)
  const said = error.partial?.text ?? ""
  if (said.length > 3) {
    for (const shown of [error.message, String(error), JSON.stringify(error)]) assert.notInclude(shown, said)
  }
  const encoded = Schema.encodeSync(OllamaError.OllamaError)(error)
  const decoded = Schema.decodeUnknownSync(OllamaError.OllamaError)(JSON.parse(JSON.stringify(encoded)))
  assert.deepStrictEqual(Schema.encodeSync(OllamaError.OllamaError)(decoded), encoded)
}

const phaseOf = (call: Call, failure: Failure): OllamaError.Phase | undefined => {
  if (failure.phase !== undefined) return failure.phase
  if (failure.partial !== undefined) return "gap"
  // an answer with a status came after the connection and before the first chunk; here no model was in memory before
  return failure.status === undefined ? undefined : phaseOfAnswer(call)
}

/** How exactly a transport hands over what arrived before the connection broke. */
export interface Exactness {
  /** Sockets: bytes on the way when the connection broke may be lost, so `partial` is only a beginning. */
  readonly breakLoses: boolean
}

const checkFailure = (outcome: Outcome, call: Call, failure: Failure, exactness: Exactness): void => {
  if (Exit.isSuccess(outcome.exit)) {
    assert.fail(`succeeded with ${JSON.stringify(outcome.exit.value ?? outcome.delivered)?.slice(0, 300)}`)
  }
  const option = Cause.failureOption(outcome.exit.cause)
  if (Option.isNone(option)) return assert.fail(Cause.pretty(outcome.exit.cause))
  const error = option.value
  const seen = `${String(error)} ${JSON.stringify(error)}`
  assert.strictEqual(error._tag, failure.tag, seen)
  for (const [name, expected] of Object.entries(failure.fields ?? {})) {
    assert.strictEqual(plain(Reflect.get(error, name)), expected, `${name}: ${seen}`)
  }
  if (failure.status !== undefined) assert.strictEqual(error.status, failure.status, seen)
  if (failure.detail === null) assert.strictEqual(error.detail || undefined, undefined)
  else if (typeof failure.detail === "string") assert.strictEqual(error.detail, failure.detail)
  else if (failure.detail !== undefined) assert.match(error.detail ?? "", failure.detail)
  const phase = phaseOf(call, failure)
  if (phase !== undefined) assert.strictEqual(error.phase, phase, `phase: ${seen}`)
  assert.strictEqual(error.isRetryable, failure.isRetryable, `isRetryable: ${seen}`)
  if (failure.cause) assert.isDefined(error.cause, `cause: ${seen}`)
  if (failure.partial === undefined) {
    assert.isUndefined(error.partial, `partial without a chunk: ${seen}`)
  } else if (failure.partial !== "any") {
    const { chunks, text = "", thinking = "" } = failure.partial
    assert.isDefined(error.partial, `partial: ${seen}`)
    if (exactness.breakLoses && failure.cause) {
      assert.isAtLeast(error.partial?.chunks ?? 0, 1)
      assert.isAtMost(error.partial?.chunks ?? 0, chunks)
      assert.isTrue(text.startsWith(error.partial?.text ?? "?"))
    } else {
      assert.deepStrictEqual(error.partial, { chunks, text, thinking, tool_calls: [] })
    }
  }
  // a stream has delivered all that the failure says had arrived
  if (outcome.delivered) assert.strictEqual(outcome.delivered.length, error.partial?.chunks ?? 0, "delivered")
  checkManners(error, call)
}

/** Holds an outcome against the expected result. */
export const check = (
  outcome: Outcome,
  call: Call,
  result: Result,
  exactness: Exactness = { breakLoses: false }
): void => {
  if ("failure" in result) return checkFailure(outcome, call, result.failure, exactness)
  if (Exit.isFailure(outcome.exit)) return assert.fail(Cause.pretty(outcome.exit.cause))
  const value = outcome.delivered ?? outcome.exit.value
  if ("answer" in result) {
    return outcome.delivered
      ? checkChunks(outcome.delivered, call, result.answer)
      : checkAnswer(value, call, result.answer)
  }
  if ("items" in result) return assert.deepEqual(value, result.items)
  if ("value" in result) return assert.deepEqual(value, result.value)
  for (const [path, expected] of Object.entries(result.parts)) {
    assert.deepEqual(at(value, path), expected, path)
  }
}
