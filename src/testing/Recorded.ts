/**
 * Exchanges recorded from a real Ollama, replayed: status, headers, the boundaries of the chunks, their times, and the
 * connection error where one ended it.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as memory from "./internal/memory.js"
import * as pace from "./internal/pace.js"
import * as replay from "./internal/replay.js"
import type { Model, Reply } from "./internal/types.js"

const strings = Schema.Record({ key: Schema.String, value: Schema.String })

/**
 * One exchange. Times are milliseconds since the request was sent.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Exchange = Schema.Struct({
  name: Schema.String,
  note: Schema.optionalWith(Schema.String, { exact: true }),
  request: Schema.Struct({
    method: Schema.String,
    path: Schema.String,
    headers: strings,
    /** JSON, or a text that was sent as it is. */
    body: Schema.optionalWith(Schema.Unknown, { exact: true })
  }),
  /** `null` when the connection ended before the headers. */
  response: Schema.NullOr(Schema.Struct({ status: Schema.Int, headers: strings })),
  /** How the connection broke: code and message of the client's socket. */
  error: Schema.NullOr(
    Schema.Struct({ code: Schema.optionalWith(Schema.String, { exact: true }), message: Schema.String })
  ),
  headersAtMs: Schema.NullOr(Schema.Number),
  chunks: Schema.Array(Schema.Struct({ atMs: Schema.Number, text: Schema.String })),
  endAtMs: Schema.Number,
  /** Which server it was: `ollama v0.33.0 (llama-server engine)`. */
  server: Schema.String
}).annotations({ identifier: "effect-ollama/testing/Exchange" })

/**
 * @since 0.1.0
 * @category schemas
 */
export type Exchange = typeof Exchange.Type

/**
 * Reads an exchange from parsed JSON.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = Schema.decodeUnknown(Exchange)

/**
 * Several exchanges: the first request gets the first one, the next the second, and so on; later ones the last.
 *
 * @since 0.1.0
 * @category models
 */
export type Exchanges = Exchange | readonly [Exchange, ...ReadonlyArray<Exchange>]

/**
 * How to replay. `speed` divides all times: 1 (default) is as recorded, 10 ten times as fast, `Infinity` at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly speed?: number
}

/**
 * A request that was answered with a recording.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * What the model said in a recorded chat or generate, at the pace of the recording, as the `reply` of a simulated model:
 * the prompt takes the `prompt_eval_duration` that the server reported, and each chunk comes as long after the first one
 * as it did. Unlike {@link layer}, which replays one exchange, it leaves loads, queues, slots and failures to the
 * simulator. Of a recording that broke off: what had arrived.
 *
 * @since 0.1.0
 * @category simulation
 */
export const reply = (exchange: Exchange): Reply => pace.reply(exchange)

/**
 * A simulated model that behaves as the one in the recording did: its name, its {@link reply}, and a load that takes the
 * `load_duration` that was reported (which has the wait behind other loads in it).
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { OllamaClient } from "effect-ollama"
 * import { OllamaSimulator, Recorded } from "effect-ollama/testing"
 *
 * export const client = (recording: Recorded.Exchange) =>
 *   OllamaClient.layer().pipe(
 *     Layer.provideMerge(OllamaSimulator.layer({ models: [Recorded.model(recording)], parallel: 2 }))
 *   )
 * ```
 *
 * @since 0.1.0
 * @category simulation
 */
export const model = (exchange: Exchange): Model => pace.model(exchange)

/**
 * The exchanges as an `HttpClient` on Effect's Clock, with what was asked of it. `GET /api/ps` and `GET /api/version`,
 * which clients send on their own, get a small answer and use up no exchange, unless they are what was recorded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  exchanges: Exchanges,
  options: Options = {}
): { readonly client: HttpClient.HttpClient; readonly asked: Effect.Effect<ReadonlyArray<Asked>> } => {
  const { handle, requests } = replay.of(exchanges, options.speed)
  return { client: memory.client(handle), asked: requests }
}

/**
 * The exchanges as the `HttpClient` of a program, whatever address it calls.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { OllamaClient } from "effect-ollama"
 * import { Recorded } from "effect-ollama/testing"
 *
 * export const version = (file: string) =>
 *   Effect.gen(function* () {
 *     const exchange = yield* Recorded.decode(JSON.parse(file))
 *     const replayed = OllamaClient.layer().pipe(Layer.provide(Recorded.layer(exchange)))
 *     return yield* Effect.provide(OllamaClient.version(), replayed)
 *   })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (exchanges: Exchanges, options: Options = {}): Layer.Layer<HttpClient.HttpClient> =>
  Layer.sync(HttpClient.HttpClient, () => make(exchanges, options).client)
