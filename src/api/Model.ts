/**
 * Models: which are there, which are in memory, what they are, and how they come and go.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ResponseMessage } from "./Chat.js"
import { array, maybe, named, optional } from "./fields.js"
import { KeepAlive, ModelDetails, ModelName, Options } from "./Shared.js"

export { CreateRequest } from "./Create.js"

/**
 * An installed model.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ListedModel = Schema.Struct({
  /** Its name with its tag: `llama3.2:latest`. */
  name: Schema.String,
  /** The same name. */
  model: Schema.String,
  /** The model it stands for in the cloud. Since v0.12.0. */
  remote_model: maybe(Schema.String),
  /** The host that runs it. Since v0.12.0. */
  remote_host: maybe(Schema.String),
  /** When it was last changed: RFC 3339, in the server's time zone. */
  modified_at: Schema.String,
  /** Bytes on disk. */
  size: Schema.Number,
  /** SHA-256 of its manifest, 64 hexadecimal digits without a prefix. */
  digest: Schema.String,
  /** What kind of model it is. */
  details: named<ModelDetails>()(ModelDetails),
  /** What it can do: `completion`, `tools`, `insert`, `vision`, `embedding`, `thinking`, `image`, `audio`, … Since v0.30.0. */
  capabilities: maybe(Schema.Array(Schema.String))
}).annotations({ identifier: "ListedModel" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ListedModel extends Schema.Schema.Type<typeof ListedModel> {}

/**
 * `GET /api/tags`: the installed models.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ListResponse = Schema.Struct({
  /** The last changed first. */
  models: array(named<ListedModel>()(ListedModel))
}).annotations({ identifier: "ListResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ListResponse extends Schema.Schema.Type<typeof ListResponse> {}

/**
 * A model in memory. Since v0.30 it appears here only after its load.
 *
 * @since 0.1.0
 * @category schemas
 */
export const RunningModel = Schema.Struct({
  /** Its name with its tag. */
  name: Schema.String,
  /** The same name. */
  model: Schema.String,
  /** Bytes in memory, all together. */
  size: Schema.Number,
  /** SHA-256 of its manifest, 64 hexadecimal digits without a prefix. */
  digest: Schema.String,
  /** What kind of model it is. */
  details: named<ModelDetails>()(ModelDetails),
  /** When it leaves memory if nobody asks: RFC 3339; centuries ahead for "for ever", in the past while it is busy or leaving. */
  expires_at: Schema.String,
  /** Bytes on the GPU: 0 is all CPU, `size` all GPU, between is slow. */
  size_vram: Schema.Number,
  /** Size of the context that was allocated for a request, tokens. Since v0.10.0. */
  context_length: maybe(Schema.Number)
}).annotations({ identifier: "RunningModel" })

/**
 * @since 0.1.0
 * @category models
 */
export interface RunningModel extends Schema.Schema.Type<typeof RunningModel> {}

/**
 * `GET /api/ps`: the models in memory.
 *
 * @since 0.1.0
 * @category schemas
 */
export const RunningResponse = Schema.Struct({
  /** The one that stays longest first. */
  models: array(named<RunningModel>()(RunningModel))
}).annotations({ identifier: "RunningResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface RunningResponse extends Schema.Schema.Type<typeof RunningResponse> {}

/**
 * `POST /api/show`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ShowRequest = Schema.Struct({
  /** The model to describe. */
  model: ModelName,
  /** Describe it with this system message instead of its own. */
  system: optional(Schema.String),
  /** Read by the server, and ignored. */
  template: optional(Schema.String),
  /** Return long arrays in `model_info`, and `tensors`. Default false. */
  verbose: optional(Schema.Boolean),
  /** Describe it with these options instead of its own. */
  options: optional(named<Options>()(Options))
}).annotations({ identifier: "ShowRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ShowRequest extends Schema.Schema.Type<typeof ShowRequest> {}

/**
 * A tensor of a model.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Tensor = Schema.Struct({
  /** Its name in the file: `blk.0.attn_q.weight`. */
  name: Schema.String,
  /** How its numbers are stored: `Q4_K`, `F32`, … */
  type: Schema.String,
  /** Its size in each dimension. */
  shape: array(Schema.Number)
}).annotations({ identifier: "Tensor" })

/**
 * @since 0.1.0
 * @category models
 */
export interface Tensor extends Schema.Schema.Type<typeof Tensor> {}

/**
 * A model, described.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ShowResponse = Schema.Struct({
  /** The text of its license. */
  license: maybe(Schema.String),
  /** The Modelfile that would make it again. */
  modelfile: maybe(Schema.String),
  /** Its own options: a line for each, the name padded to 30 columns. */
  parameters: maybe(Schema.String),
  /** Its template (Go text/template). */
  template: maybe(Schema.String),
  /** Its system message. */
  system: maybe(Schema.String),
  /** The built-in renderer of its prompts. Since v0.12.0. */
  renderer: maybe(Schema.String),
  /** The built-in parser of its answers. Since v0.12.0. */
  parser: maybe(Schema.String),
  /** What kind of model it is. */
  details: named<ModelDetails>()(ModelDetails),
  /** Messages that every conversation begins with. */
  messages: maybe(Schema.Array(named<ResponseMessage>()(ResponseMessage))),
  /** The model it stands for in the cloud. Since v0.12.0. */
  remote_model: maybe(Schema.String),
  /** The host that runs it. Since v0.12.0. */
  remote_host: maybe(Schema.String),
  /** The metadata of its file, by key: `general.architecture`, `llama.context_length`, …; empty where it has none. */
  model_info: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Unknown }), {
    exact: true,
    nullable: true,
    default: () => ({})
  }),
  /** The metadata of the file of its projector (vision). */
  projector_info: maybe(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  /** Its tensors, if the request was verbose. */
  tensors: maybe(Schema.Array(named<Tensor>()(Tensor))),
  /** What it can do: `completion`, `tools`, `insert`, `vision`, `embedding`, `thinking`, `image`, `audio`, … */
  capabilities: maybe(Schema.Array(Schema.String)),
  /** When it was last changed: RFC 3339, in the server's time zone. */
  modified_at: maybe(Schema.String),
  /** The version of Ollama it asks for; the server does not enforce it. Since v0.14.0. */
  requires: maybe(Schema.String)
}).annotations({ identifier: "ShowResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ShowResponse extends Schema.Schema.Type<typeof ShowResponse> {}

const transferFields = {
  /** The model's name, with the registry if it is not ollama.com. */
  model: ModelName,
  /** Allow a registry without TLS. Default false. */
  insecure: optional(Schema.Boolean)
}

/**
 * `POST /api/pull`: download a model. A download that broke off goes on where it stopped.
 *
 * @since 0.1.0
 * @category schemas
 */
export const PullRequest = Schema.Struct(transferFields).annotations({ identifier: "PullRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface PullRequest extends Schema.Schema.Type<typeof PullRequest> {}

/**
 * `POST /api/push`: upload a model.
 *
 * @since 0.1.0
 * @category schemas
 */
export const PushRequest = Schema.Struct(transferFields).annotations({ identifier: "PushRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface PushRequest extends Schema.Schema.Type<typeof PushRequest> {}

/**
 * A line of progress of pull, push and create. The last one's `status` is exactly `success`; do not read anything else
 * out of it. Progress may go backwards, when a part has to be fetched again.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ProgressResponse = Schema.Struct({
  /** What goes on, in words. */
  status: Schema.String,
  /** The layer that is transferred. */
  digest: maybe(Schema.String),
  /** Bytes of the layer. */
  total: maybe(Schema.Number),
  /** Bytes transferred; missing while 0. */
  completed: maybe(Schema.Number)
}).annotations({ identifier: "ProgressResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ProgressResponse extends Schema.Schema.Type<typeof ProgressResponse> {}

/**
 * `POST /api/copy`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const CopyRequest = Schema.Struct({
  /** The model to copy. */
  source: ModelName,
  /** The name of the copy. */
  destination: ModelName
}).annotations({ identifier: "CopyRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface CopyRequest extends Schema.Schema.Type<typeof CopyRequest> {}

/**
 * `DELETE /api/delete`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const RemoveRequest = Schema.Struct({
  /** The model to remove from disk. */
  model: ModelName
}).annotations({ identifier: "RemoveRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface RemoveRequest extends Schema.Schema.Type<typeof RemoveRequest> {}

/**
 * `GET /api/version`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const VersionResponse = Schema.Struct({
  /** `0.33.0`; `0.0.0` for a development build. */
  version: Schema.String
}).annotations({ identifier: "VersionResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface VersionResponse extends Schema.Schema.Type<typeof VersionResponse> {}

/**
 * Load a model into memory before it is asked.
 *
 * @since 0.1.0
 * @category schemas
 */
export const LoadRequest = Schema.Struct({
  /** The model to load. */
  model: ModelName,
  /** How long it stays. Default: `OLLAMA_KEEP_ALIVE` (5 minutes). */
  keep_alive: optional(KeepAlive),
  /** How it runs. Those marked *reload* have to be the ones of the later calls. */
  options: optional(named<Options>()(Options))
}).annotations({ identifier: "LoadRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface LoadRequest extends Schema.Schema.Type<typeof LoadRequest> {}

/**
 * Let a model leave memory, as soon as what it does is done.
 *
 * @since 0.1.0
 * @category schemas
 */
export const UnloadRequest = Schema.Struct({
  /** The model to unload; it need not be loaded. */
  model: ModelName
}).annotations({ identifier: "UnloadRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface UnloadRequest extends Schema.Schema.Type<typeof UnloadRequest> {}

/**
 * What the server says of a load or an unload.
 *
 * @since 0.1.0
 * @category schemas
 */
export const LoadResponse = Schema.Struct({
  /** The name as it was sent. */
  model: Schema.String,
  /** When the server answered, RFC 3339. */
  created_at: maybe(Schema.String),
  /** `load` or `unload`. An unload happens after the calls in progress. */
  done_reason: maybe(Schema.String)
}).annotations({ identifier: "LoadResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface LoadResponse extends Schema.Schema.Type<typeof LoadResponse> {}
