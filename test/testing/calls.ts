/** Calls to whatever HttpClient there is, as plain JSON. */
import { HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert } from "@effect/vitest"
import { Effect, Stream } from "effect"

/** What the tests read from answers, of whatever endpoint: each test knows which of it is there. */
export interface Wire {
  readonly error: string
  readonly done: boolean
  readonly created_at: string
  readonly message: {
    readonly content: string
    readonly thinking?: string
    readonly tool_calls?: ReadonlyArray<{
      readonly id: string
      readonly function: { readonly index: number; readonly name: string; readonly arguments: unknown }
    }>
  }
  readonly logprobs: ReadonlyArray<{ readonly top_logprobs: ReadonlyArray<{ readonly bytes: ReadonlyArray<number> }> }>
  readonly total_duration: number
  readonly load_duration: number
  readonly prompt_eval_duration: number
  readonly eval_duration: number
  readonly embeddings: ReadonlyArray<ReadonlyArray<number>>
  readonly digest?: string
  readonly completed?: number
  readonly total?: number
  readonly models: ReadonlyArray<{
    readonly name: string
    readonly context_length: number
    readonly expires_at: string
  }>
  readonly results: ReadonlyArray<unknown>
  readonly signin_url: string
}

/** Every address is the simulator. */
export const host = "http://127.0.0.1:11434"

export const post = (path: string, body: unknown) =>
  HttpClient.execute(HttpClientRequest.post(`${host}${path}`, { body: HttpBody.unsafeJson(body) }))

export const get = (path: string) => HttpClient.execute(HttpClientRequest.get(`${host}${path}`))

export const chat = (extra: object = {}) => ({
  model: "llama3.2",
  messages: [{ role: "user", content: "Hello" }],
  ...extra
})

export const json = (path: string, body: unknown) =>
  Effect.flatMap(post(path, body), (response) =>
    Effect.map(response.json, (value) => ({ status: response.status, body: value as Wire }))
  )

export const lines = (path: string, body: unknown) =>
  Stream.unwrap(Effect.map(post(path, body), (response) => response.stream)).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.map((line) => JSON.parse(line) as Wire)
  )

/** The JSON of a GET. */
export const read = (path: string) =>
  Effect.flatMap(get(path), (response) => Effect.map(response.json, (value) => value as Wire))

/** The `code` of what a transport error carries. */
export const codeOf = (error: unknown): unknown => {
  if (typeof error !== "object" || error === null) return undefined
  if ("code" in error && typeof error.code === "string") return error.code
  return codeOf("error" in error ? error.error : "cause" in error ? error.cause : undefined)
}

/** The same, whatever its type says. */
export const same = (actual: unknown, expected: unknown, message?: string): void => {
  assert.deepStrictEqual(actual, expected, message)
}

/** Has at least these fields. */
export const has = (actual: unknown, fields: object): void => {
  assert.deepInclude(Object(actual), fields)
}
