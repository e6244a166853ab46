/**
 * What `POST /api/create` takes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Digest } from "./Blob.js"
import { Message } from "./Chat.js"
import { named, optional } from "./fields.js"
import { ModelName, Options } from "./Shared.js"

const files = Schema.Record({ key: Schema.String, value: Digest })

/**
 * `POST /api/create`: make a model `from` another one, or from `files` whose blobs were uploaded before. One of the two
 * is needed.
 *
 * @since 0.1.0
 * @category schemas
 */
export const CreateRequest = Schema.Struct({
  /** The name of the new model. */
  model: ModelName,
  /** The model to start from. */
  from: optional(ModelName),
  /** The files to start from: relative path to digest. */
  files: optional(files),
  /** Adapters (LoRA) to put on it: relative path to digest. */
  adapters: optional(files),
  /** The files of a draft model for speculative decoding: relative path to digest. Since v0.30.0. */
  draft_files: optional(files),
  /** Quantization of the draft model. Since v0.30.0. */
  draft_quantize: optional(Schema.String),
  /** Quantization to convert to: `q8_0`, `q4_K_M`, … Default: as it is. */
  quantize: optional(Schema.String),
  /** The template of its prompts (Go text/template). */
  template: optional(Schema.String),
  /** One license text, or several. */
  license: optional(
    Schema.Union(Schema.String, Schema.Array(Schema.String)).annotations({
      message: () => ({ message: "expected a text or an array of texts", override: true })
    })
  ),
  /** Its system message. */
  system: optional(Schema.String),
  /** Its own options. */
  parameters: optional(named<Options>()(Options)),
  /** Messages that every conversation begins with. */
  messages: optional(Schema.Array(named<Message>()(Message))),
  /** The built-in renderer of its prompts. Since v0.12.0. */
  renderer: optional(Schema.String),
  /** The built-in parser of its answers. Since v0.12.0. */
  parser: optional(Schema.String),
  /** The version of Ollama it asks for. Since v0.14.0. */
  requires: optional(Schema.String),
  /** The host that runs it, for a model that stands for a remote one. Since v0.12.0. */
  remote_host: optional(Schema.String),
  /** What a remote model is, since its file is not here. */
  info: optional(
    Schema.Struct({
      /** What it can do: `completion`, `tools`, … */
      capabilities: optional(Schema.Array(Schema.String)),
      /** The architecture. */
      model_family: optional(Schema.String),
      /** Its name without tag and size. */
      base_name: optional(Schema.String),
      /** Quantization: `Q4_K_M`, … */
      quantization_level: optional(Schema.String),
      /** Number of parameters, in words: `7B`. */
      parameter_size: optional(Schema.String),
      /** Longest context, tokens. */
      context_length: optional(Schema.NonNegativeInt),
      /** Length of its embedding vectors. */
      embedding_length: optional(Schema.NonNegativeInt)
    })
  )
}).annotations({ identifier: "CreateRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface CreateRequest extends Schema.Schema.Type<typeof CreateRequest> {}
