/**
 * The options of a model: the table.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./fields.js"

/**
 * How the model runs and samples. Fields marked *reload* belong to the loaded process: a request that changes one makes
 * the server end what runs and load the model again, so keep them the same for a model. Defaults are those of the server
 * (Ollama api/types.go, `DefaultOptions`) where neither the request nor the model's own parameters say otherwise.
 * Fields that are not known here are sent as they are; the server ignores those it does not know.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Options = Schema.Struct(
  {
    /** Size of the context, tokens. *Reload.* Default by memory of the GPU: 4096, 32768 or 262144 since v0.15.5, 4096 before. */
    num_ctx: optional(Schema.Int),
    /** Prompt tokens evaluated at once. *Reload.* Default 512; chosen by the server since v0.30. */
    num_batch: optional(Schema.Int),
    /** Layers on the GPU; -1 lets the server choose, 0 is CPU only. *Reload.* Default -1. */
    num_gpu: optional(Schema.Int),
    /** The GPU that holds what is not split. *Reload.* */
    main_gpu: optional(Schema.Int),
    /** Map the model's file into memory instead of reading it. *Reload.* Default: the server chooses. */
    use_mmap: optional(Schema.Boolean),
    /** CPU threads; 0 lets the server choose. *Reload.* Default 0. */
    num_thread: optional(Schema.Int),
    /** Tokens that a draft model proposes at once. *Reload.* Default 4. Since v0.30.0. */
    draft_num_predict: optional(Schema.Int),
    /** Tokens of the prompt that stay when the context is shifted. Default 4. */
    num_keep: optional(Schema.Int),
    /** Seed of the sampler; -1 is a random one. Default -1. */
    seed: optional(Schema.Int),
    /** Most tokens to generate; -1 sets no limit of its own (the server stops at ten contexts). Default -1. */
    num_predict: optional(Schema.Int),
    /** Sample among the k likeliest tokens. Default 40. */
    top_k: optional(Schema.Int),
    /** Sample among the likeliest tokens that together have this probability, 0 to 1. Default 0.9. */
    top_p: optional(Schema.JsonNumber),
    /** Leave out tokens below this share of the likeliest one's probability, 0 to 1. Default 0. */
    min_p: optional(Schema.JsonNumber),
    /** Locally typical sampling, 0 to 1; 1 is off. Default 1. */
    typical_p: optional(Schema.JsonNumber),
    /** Tokens looked back at for repetition; 0 is off, -1 the whole context. Default 64. */
    repeat_last_n: optional(Schema.Int),
    /** How strongly repetition is punished; 1 is off. Default 1 since v0.32.10 (and in v0.17.5 to v0.17.7), 1.1 before. */
    repeat_penalty: optional(Schema.JsonNumber),
    /** Randomness of the sampler; 0 always takes the likeliest token. Default 0.8. */
    temperature: optional(Schema.JsonNumber),
    /** Punishes tokens that have occurred at all. Default 0. */
    presence_penalty: optional(Schema.JsonNumber),
    /** Punishes tokens by how often they have occurred. Default 0. */
    frequency_penalty: optional(Schema.JsonNumber),
    /** Texts that end the answer when the model writes one. Default none. */
    stop: optional(Schema.Array(Schema.String))
  },
  Schema.Record({ key: Schema.String, value: Schema.Unknown })
).annotations({ identifier: "Options" })

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Schema.Schema.Type<typeof Options> {}
