/** What a server of a test answers, as values. */
import * as Duration from "effect/Duration"

/** A part of a body: bytes, a wait, or the end of the connection. */
export type Step = string | Uint8Array | { readonly wait: Duration.DurationInput } | { readonly broken: Error }

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReadonlyArray<Step>
  /** Until the headers. */
  readonly delay?: Duration.DurationInput
  /** In the place of headers: the connection breaks. */
  readonly broken?: Error
  /** How a body that is a Stream is taken: with a wait after each piece, and not beyond some pieces. */
  readonly takes?: { readonly every: Duration.DurationInput; readonly pieces?: number }
}

/** The model of the tests, which `/api/ps` lists unless a test says otherwise. */
export const model = "llama3.2"

export const request = { model, messages: [{ role: "user", content: "Hello" }] } as const

export const wait = (duration: Duration.DurationInput): Step => ({ wait: duration })

/** From here on nothing comes. */
export const silence: Step = { wait: Duration.infinity }

const lines = (...body: ReadonlyArray<Step>): Reply => ({
  status: 200,
  headers: { "content-type": "application/x-ndjson" },
  body
})

/** A stream of lines. */
export const stream = lines

export const json = (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: [JSON.stringify(value)]
})

/** One of Ollama's failures: `{"error": text}`. */
export const failure = (status: number, error: string, headers: Readonly<Record<string, string>> = {}): Reply =>
  json({ error }, status, headers)

export const html = (status: number, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers: { "content-type": "text/html", ...headers },
  body: ["<html><head><title>Sign in</title></head><body></body></html>"]
})

export const empty = (status: number, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers,
  body: []
})

export const noSuchPath: Reply = {
  status: 404,
  headers: { "content-type": "text/plain" },
  body: ["404 page not found"]
}

export const redirect = (location: string, status = 307): Reply => empty(status, { location })

/** What a socket or a transport fails with. */
export const problem = (code: string, message = `connect ${code} 127.0.0.1:11434`): Error =>
  Object.assign(new Error(message), { code })

/** The connection breaks before an answer. */
export const broken = (code: string, message?: string): Reply => ({ ...empty(0), broken: problem(code, message) })

export const refused = broken("ECONNREFUSED")

/** The server takes the request and says nothing. */
export const silent: Reply = { ...empty(200), delay: Duration.infinity }

export const late = (delay: Duration.DurationInput, reply: Reply): Reply => ({ ...reply, delay })

const at = "2026-01-01T00:00:00Z"

const line = (value: object): string => `${JSON.stringify(value)}\n`

/** A line of a chat. */
export const token = (content: string, message: object = {}): string =>
  line({ model, created_at: at, message: { role: "assistant", content, ...message }, done: false })

/** The last line of a chat. */
export const end = (extra: object = {}, message: object = {}): string =>
  line({
    model,
    created_at: at,
    message: { role: "assistant", content: "", ...message },
    done: true,
    done_reason: "stop",
    ...extra
  })

export const errorLine = (error: string): string => line({ error })

/** A whole chat. */
export const chat = (...texts: ReadonlyArray<string>): Reply => stream(...texts.map((text) => token(text)), end())

export const progress = (status: string, extra: object = {}): string => line({ status, ...extra })

/** One line of `/api/ps`. */
export const loaded = (name = `${model}:latest`, extra: object = {}) => ({
  name,
  model: name,
  size: 1,
  digest: "d",
  details: {},
  expires_at: at,
  size_vram: 0,
  ...extra
})

/** What is in memory. */
export const ps = (...models: ReadonlyArray<object>): Reply =>
  json({ models: models.length === 0 ? [loaded()] : models })

export const psEmpty: Reply = json({ models: [] })

export const embedding = json({ model, embeddings: [[0.5]] })

export const version = json({ version: "0.33.0" })

export const show = json({ details: {}, model_info: {} })

/** For methods that ask for a digest. */
export const digest = `sha256:${"a".repeat(64)}`
