/**
 * The fields that chat and generate share.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import { maybe, merge, named, optional } from "./fields.js"
import { DebugInfo, Format, KeepAlive, Logprob, Metrics, ModelName, Options, Think } from "./Shared.js"

const requests = {
  /** The model to ask. */
  model: ModelName,
  /** Form of the answer: `"json"` or a JSON Schema. Default: free text. */
  format: optional(Format),
  /** How long the model stays in memory afterwards. Default: as it was, or `OLLAMA_KEEP_ALIVE` (5 minutes) at a load. */
  keep_alive: optional(KeepAlive),
  /** How the model runs and samples. */
  options: optional(named<Options>()(Options)),
  /** Whether and how hard to think. Default: a model that can think does (since v0.12.4). */
  think: optional(Think),
  /** Drop the oldest messages until the prompt fits the context. Default true. Since v0.12.6. */
  truncate: optional(Schema.Boolean),
  /** Go on past the end of the context by dropping its beginning. *Reload.* Default true for most models. Since v0.12.6. */
  shift: optional(Schema.Boolean),
  /** Return the log probability of each generated token. Default false. Since v0.12.11. */
  logprobs: optional(Schema.Boolean),
  /** How many of the likeliest other tokens to return with each, 0 to 20; needs `logprobs`. Default 0. Since v0.12.11. */
  top_logprobs: optional(
    Schema.Int.pipe(Schema.between(0, 20, { message: () => "expected a whole number from 0 to 20" }))
  ),
  /** Answer with the text that the model would have read, without running it. Default false. Since v0.11.5. */
  _debug_render_only: optional(Schema.Boolean)
}

/** Of requests. A mapped type has a name in declarations, so that the docstrings stay. */
export type RequestFields = { readonly [K in keyof typeof requests]: (typeof requests)[K] }

/** Of requests. */
export const requestFields: RequestFields = requests

const chunks = {
  /** The model's name as the request had it. */
  model: Schema.String,
  /** The model that answered in the cloud, where one did. Since v0.12.0. */
  remote_model: maybe(Schema.String),
  /** The host that it ran on. Since v0.12.0. */
  remote_host: maybe(Schema.String),
  /** When the chunk was made: RFC 3339, UTC, up to nine digits of a second. */
  created_at: Schema.String,
  /** Whether this chunk is the last one. A chunk with a `done_reason` is, too. */
  done: Schema.optionalWith(Schema.Boolean, { exact: true, nullable: true, default: () => false }),
  /** Why it ended: `stop`, `length` (num_predict or the context), `load`, `unload`; others may come from the cloud. */
  done_reason: maybe(Schema.String),
  /** Log probabilities of the tokens of this chunk. Since v0.12.11. */
  logprobs: maybe(Schema.Array(named<Logprob>()(Logprob))),
  /** What the template made of the request, if it asked for that. */
  _debug_info: maybe(named<DebugInfo>()(DebugInfo))
}

type MetricsFields = { readonly [K in keyof typeof Metrics.fields]: (typeof Metrics.fields)[K] }

const metrics: MetricsFields = Metrics.fields

const chunksWithMetrics = merge(chunks, metrics)

/** Of chunks, and so of whole answers. */
export type ChunkFields = { readonly [K in keyof typeof chunksWithMetrics]: (typeof chunksWithMetrics)[K] }

/** Of chunks, and so of whole answers. */
export const chunkFields: ChunkFields = chunksWithMetrics
