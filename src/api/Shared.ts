/**
 * What the endpoints of Ollama have in common: model names, `keep_alive`, `think`, `options`, images, tools,
 * log probabilities and figures.
 *
 * Names are those of the wire. On requests the `Type` side of a schema is what a program passes and the `Encoded` side
 * what is sent; a field that is left out takes the server's default.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Base64 from "./base64.js"
import { maybe, merge, named, object, optional } from "./fields.js"

export { Options } from "./Options.js"

/**
 * The name of a model, `[host/][namespace/]model[:tag]`: not empty, and without spaces around it. The tag defaults to
 * `latest`; since v0.18.0 `:cloud` and `:local` choose where the model runs.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ModelName = Schema.String.pipe(
  Schema.filter((name) => name.length > 0 && name === name.trim(), {
    identifier: "ModelName",
    message: () => `expected the name of a model, such as "llama3.2", not empty and without spaces around it`
  })
)

/**
 * @since 0.1.0
 * @category models
 */
export type ModelName = typeof ModelName.Type

/** The duration syntax of Go, https://pkg.go.dev/time#ParseDuration */
const goDuration = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/

const isKeepAlive = (u: unknown): u is number | string | Duration.Duration =>
  typeof u === "number" ? Number.isFinite(u) : typeof u === "string" ? goDuration.test(u) : Duration.isDuration(u)

/**
 * How long the server keeps the model in memory after the call: a number of seconds (fractions allowed, negative means
 * for ever, 0 unloads at once), a `Duration` (sent as seconds, an infinite one as -1), or a string in the server's own
 * syntax (`"5m"`, `"1h30m"`, `"300ms"`, `"-1m"`; a bare number as a string is an error there).
 *
 * It belongs to the loaded model: the last request that sets it wins for everybody. Left out, the server keeps what was
 * in force, or `OLLAMA_KEEP_ALIVE` (5 minutes) at a load.
 *
 * @since 0.1.0
 * @category schemas
 */
export const KeepAlive = Schema.transform(
  Schema.Union(Schema.Number, Schema.String),
  Schema.declare(isKeepAlive, {
    identifier: "KeepAlive",
    message: () => `expected seconds as a finite number, a Duration, or a string such as "5m", "1h30m", "300ms", "-1m"`,
    arbitrary: () => (fc) =>
      fc.oneof(fc.integer(), fc.nat().map(Duration.millis), fc.constantFrom(0.5, "5m", "1h30m", Duration.infinity))
  }),
  {
    strict: true,
    decode: (value) => value,
    encode: (value) => (!Duration.isDuration(value) ? value : Duration.isFinite(value) ? Duration.toSeconds(value) : -1)
  }
)

/**
 * @since 0.1.0
 * @category models
 */
export type KeepAlive = typeof KeepAlive.Type

/**
 * Whether, and how hard, a thinking model thinks before it answers: a boolean, or a level since v0.11.0 (`"max"` since
 * v0.22.0). Left out, a model that can think does (since v0.12.4). Anything but `false` is refused by the server for a
 * model that cannot think.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Think = Schema.Union(Schema.Boolean, Schema.Literal("low", "medium", "high", "max")).annotations({
  identifier: "Think",
  message: () => ({ message: `expected true, false, "low", "medium", "high" or "max"`, override: true })
})

/**
 * @since 0.1.0
 * @category models
 */
export type Think = typeof Think.Type

/**
 * A JSON Schema, as a plain object.
 *
 * @since 0.1.0
 * @category schemas
 */
export const JsonSchemaObject = Schema.Record({ key: Schema.String, value: Schema.Unknown }).annotations({
  identifier: "JsonSchemaObject"
})

/**
 * @since 0.1.0
 * @category models
 */
export type JsonSchemaObject = typeof JsonSchemaObject.Type

/**
 * The form of the answer: `"json"` for any JSON, or a JSON Schema object that the text has to fit (see `JsonSchema.make`
 * for one from an `effect/Schema`). Left out, the model writes free text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Format = Schema.Union(Schema.Literal("json"), JsonSchemaObject).annotations({
  identifier: "Format",
  message: () => ({ message: `expected "json" or a JSON Schema object`, override: true })
})

/**
 * @since 0.1.0
 * @category models
 */
export type Format = typeof Format.Type

/** What a file of an image or a sound is not: a character outside standard base64, or a missing end. */
const imageProblem = (u: unknown): string | undefined => {
  if (u instanceof Uint8Array) return undefined
  if (typeof u !== "string") return "expected the bytes of an image (Uint8Array) or their base64 text"
  if (/^data:/i.test(u)) return "a data: URL is not accepted: pass only the base64 text after its comma"
  const strange = u.search(/[^A-Za-z0-9+/=\r\n]/)
  if (strange !== -1) return `not standard base64 (character ${strange + 1}): pass the bytes, or their base64 text`
  // line breaks are allowed inside, so without them only the length is known to be a multiple of four
  return u.length % 4 !== 0 && !/[\r\n]/.test(u) ? "base64 text without its padding (=)" : undefined
}

/**
 * An image for a model that sees (or a WAV or MP3 sound for one that hears): its bytes, or their standard padded base64
 * text, which is sent as it is. A `data:` URL is refused, here as by the server.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Image = Schema.transform(
  Schema.String,
  Schema.declare((u: unknown): u is Uint8Array | string => imageProblem(u) === undefined, {
    identifier: "Image",
    message: (issue) => imageProblem(issue.actual) ?? "not an image",
    arbitrary: () => (fc) => fc.oneof(fc.uint8Array(), fc.base64String())
  }),
  {
    strict: true,
    decode: (text) => text,
    encode: (image) => (typeof image === "string" ? image : Base64.encode(image))
  }
)

/**
 * @since 0.1.0
 * @category models
 */
export type Image = typeof Image.Type

/**
 * A call of a tool that the model asks for. The same value goes back to the server inside the assistant's message.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ToolCall = Schema.Struct({
  /** Names the call in the tool's answer (`tool_call_id`). Since v0.12.10; may be missing even then. */
  id: maybe(Schema.String),
  /** The tool, and what to call it with. */
  function: Schema.Struct({
    /** Position among the calls of one answer, from 0. Always there since v0.12.6. */
    index: maybe(Schema.Number),
    /** The name of the tool. */
    name: Schema.String,
    /** The arguments, as an object. The model wrote them: they need not fit the tool's parameters. */
    arguments: object
  })
}).annotations({ identifier: "ToolCall" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ToolCall extends Schema.Schema.Type<typeof ToolCall> {}

/**
 * A tool that the model may call. See `JsonSchema.tool` for one made from an `effect/Schema`.
 *
 * The server reads `type`, `items`, `description`, `enum`, `properties`, `required` and `anyOf` (since v0.11.3) of each
 * property and drops every other keyword before the model sees it, `$ref` included.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Tool = Schema.Struct({
  /** Always `"function"` today. */
  type: Schema.String,
  /** What the model is told about it. */
  function: Schema.Struct({
    /** What the model calls it. */
    name: Schema.NonEmptyString,
    /** What it does, for the model. */
    description: optional(Schema.String),
    /** The arguments, as the JSON Schema of an object. */
    parameters: Schema.Struct(
      {
        /** `"object"`. */
        type: Schema.String,
        /** Names of the arguments that have to be given. */
        required: optional(Schema.Array(Schema.String)),
        /** The JSON Schema of each argument, by its name. */
        properties: Schema.Record({ key: Schema.String, value: JsonSchemaObject })
      },
      Schema.Record({ key: Schema.String, value: Schema.Unknown })
    )
  })
}).annotations({ identifier: "Tool" })

/**
 * @since 0.1.0
 * @category models
 */
export interface Tool extends Schema.Schema.Type<typeof Tool> {}

/**
 * The probability of a token that was considered.
 *
 * @since 0.1.0
 * @category schemas
 */
export const TokenLogprob = Schema.Struct({
  /** The token's text. */
  token: Schema.String,
  /** Natural logarithm of its probability. */
  logprob: Schema.Number,
  /** The text as UTF-8 bytes; made from `token`, so a character split over tokens is already lost in it. */
  bytes: maybe(Schema.Array(Schema.Number))
}).annotations({ identifier: "TokenLogprob" })

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenLogprob extends Schema.Schema.Type<typeof TokenLogprob> {}

/**
 * The probability of a generated token, and of the likeliest others. Since v0.12.11.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Logprob = Schema.Struct(
  merge(TokenLogprob.fields, {
    /** The likeliest tokens at this place, as many as `top_logprobs` asked for. */
    top_logprobs: maybe(Schema.Array(named<TokenLogprob>()(TokenLogprob)))
  })
).annotations({ identifier: "Logprob" })

/**
 * @since 0.1.0
 * @category models
 */
export interface Logprob extends Schema.Schema.Type<typeof Logprob> {}

/**
 * The figures of the last chunk of an answer. Durations are nanoseconds. A figure that is 0 is missing.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Metrics = Schema.Struct({
  /** The whole call as the server saw it, nanoseconds. */
  total_duration: maybe(Schema.Number),
  /** Waiting for the model to be loaded, in the server's queue too; nanoseconds. */
  load_duration: maybe(Schema.Number),
  /** Tokens of the prompt; since v0.30 those found in the cache too. */
  prompt_eval_count: maybe(Schema.Number),
  /** Reading the prompt, nanoseconds. */
  prompt_eval_duration: maybe(Schema.Number),
  /** Tokens generated. */
  eval_count: maybe(Schema.Number),
  /** Generating them, nanoseconds. */
  eval_duration: maybe(Schema.Number)
}).annotations({ identifier: "Metrics" })

/**
 * @since 0.1.0
 * @category models
 */
export interface Metrics extends Schema.Schema.Type<typeof Metrics> {}

/**
 * What kind of model it is.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ModelDetails = Schema.Struct({
  /** The model it was made from; empty without one, and always when it is a running one. */
  parent_model: maybe(Schema.String),
  /** `gguf`, `safetensors`, or empty. */
  format: maybe(Schema.String),
  /** The architecture: `llama`, `gemma3`, … */
  family: maybe(Schema.String),
  /** All architectures inside. */
  families: maybe(Schema.Array(Schema.String)),
  /** Number of parameters, in words: `268.10M`. */
  parameter_size: maybe(Schema.String),
  /** Quantization: `Q4_K_M`, … */
  quantization_level: maybe(Schema.String),
  /** Longest context of the model, tokens. In lists, since v0.30.0. */
  context_length: maybe(Schema.Number),
  /** Length of its embedding vectors. In lists, since v0.30.0. */
  embedding_length: maybe(Schema.Number)
}).annotations({ identifier: "ModelDetails" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ModelDetails extends Schema.Schema.Type<typeof ModelDetails> {}

/**
 * What the template made of a request, in the answer to `_debug_render_only`. Since v0.11.5.
 *
 * @since 0.1.0
 * @category schemas
 */
export const DebugInfo = Schema.Struct({
  /** The text that the model would have read. */
  rendered_template: Schema.String,
  /** Images in it. */
  image_count: maybe(Schema.Number)
}).annotations({ identifier: "DebugInfo" })

/**
 * @since 0.1.0
 * @category models
 */
export interface DebugInfo extends Schema.Schema.Type<typeof DebugInfo> {}
