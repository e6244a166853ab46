/**
 * `POST /api/embed`: vectors for texts, and the older `POST /api/embeddings`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { array, maybe, named, optional, vector } from "./fields.js"
import { KeepAlive, Metrics, ModelName, Options } from "./Shared.js"

/**
 * A request for the vectors of one or more texts. One input that fails makes the whole request fail.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EmbedRequest = Schema.Struct({
  /** The embedding model. */
  model: ModelName,
  /** A text, or several. An empty array only loads the model. */
  input: Schema.Union(Schema.String, Schema.Array(Schema.String)).annotations({
    message: () => ({ message: "expected a text or an array of texts", override: true })
  }),
  /** Cut a text that is longer than the context instead of failing. Default true. */
  truncate: optional(Schema.Boolean),
  /** Length of the vectors; the server cuts and normalises them. Default, and at most: the model's own. Since v0.11.11. */
  dimensions: optional(Schema.Int.pipe(Schema.positive({ message: () => "expected a whole number above 0" }))),
  /** How long the model stays in memory afterwards. Default: as it was, or `OLLAMA_KEEP_ALIVE` (5 minutes) at a load. */
  keep_alive: optional(KeepAlive),
  /** How the model runs. */
  options: optional(named<Options>()(Options))
}).annotations({ identifier: "EmbedRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface EmbedRequest extends Schema.Schema.Type<typeof EmbedRequest> {}

/**
 * The vectors, in the order of the texts.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EmbedResponse = Schema.Struct({
  /** The model's name as the request had it. */
  model: Schema.String,
  /** One vector for each text, of length 1 (L2). */
  embeddings: array(vector),
  /** The whole call as the server saw it, nanoseconds. */
  total_duration: Metrics.fields.total_duration,
  /** Waiting for the model to be loaded, nanoseconds. */
  load_duration: Metrics.fields.load_duration,
  /** Tokens of all texts. */
  prompt_eval_count: maybe(Schema.Number)
}).annotations({ identifier: "EmbedResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface EmbedResponse extends Schema.Schema.Type<typeof EmbedResponse> {}

/**
 * A request for one vector.
 *
 * @deprecated in Ollama: use `EmbedRequest`, which takes several texts, cuts long ones and normalises.
 * @since 0.1.0
 * @category schemas
 */
export const EmbeddingsRequest = Schema.Struct({
  /** The embedding model. */
  model: ModelName,
  /** The text. */
  prompt: Schema.String,
  /** How long the model stays in memory afterwards. Default: as it was, or `OLLAMA_KEEP_ALIVE` (5 minutes) at a load. */
  keep_alive: optional(KeepAlive),
  /** How the model runs. */
  options: optional(named<Options>()(Options))
}).annotations({ identifier: "EmbeddingsRequest" })

/**
 * @deprecated in Ollama: use `EmbedRequest`.
 * @since 0.1.0
 * @category models
 */
export interface EmbeddingsRequest extends Schema.Schema.Type<typeof EmbeddingsRequest> {}

/**
 * One vector, not normalised; empty when the model gave none.
 *
 * @deprecated in Ollama: use `EmbedResponse`.
 * @since 0.1.0
 * @category schemas
 */
export const EmbeddingsResponse = Schema.Struct({
  /** The vector. */
  embedding: vector
}).annotations({ identifier: "EmbeddingsResponse" })

/**
 * @deprecated in Ollama: use `EmbedResponse`.
 * @since 0.1.0
 * @category models
 */
export interface EmbeddingsResponse extends Schema.Schema.Type<typeof EmbeddingsResponse> {}
