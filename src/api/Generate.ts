/**
 * `POST /api/generate`: the continuation of one prompt.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as OllamaError from "../OllamaError.js"
import { collectWith, textWith } from "./collect.js"
import { maybe, merge, named, numbers, optional } from "./fields.js"
import * as Fold from "./Fold.js"
import { chunkFields, requestFields } from "./generation.js"
import { Image, ToolCall } from "./Shared.js"

const side = Schema.Int.pipe(Schema.between(1, 4096, { message: () => "expected a whole number from 1 to 4096" }))

/**
 * A request for a completion. Without a prompt the server only loads the model.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GenerateRequest = Schema.Struct(
  merge(requestFields, {
    /** The text to continue. Empty or left out: only load the model. */
    prompt: optional(Schema.String),
    /** The text after the gap to fill, for models that can insert. */
    suffix: optional(Schema.String),
    /** Replaces the model's own system message. Not with `raw`. */
    system: optional(Schema.String),
    /** Replaces the model's own template (Go text/template). Not with `raw`. */
    template: optional(Schema.String),
    /**
     * The `context` of an earlier response, to go on from it. Not with `raw`.
     *
     * @deprecated in Ollama: use chat.
     */
    context: optional(Schema.Array(Schema.Int)),
    /** Send the prompt to the model without any template. Default false. */
    raw: optional(Schema.Boolean),
    /** Images that belong to the prompt, for models that see. */
    images: optional(Schema.Array(Image)),
    /** Width of the image to make, pixels, at most 4096. Image models of v0.14.3 to v0.32.5 only. */
    width: optional(side),
    /** Height of the image to make, pixels, at most 4096. Image models of v0.14.3 to v0.32.5 only. */
    height: optional(side),
    /** Steps to make the image in. Image models of v0.14.3 to v0.32.5 only. */
    steps: optional(Schema.Int)
  })
).annotations({ identifier: "GenerateRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface GenerateRequest extends Schema.Schema.Type<typeof GenerateRequest> {}

/**
 * A piece of an answer. The figures are on the last one only.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GenerateChunk = Schema.Struct(
  merge(chunkFields, {
    /** What is new since the chunk before; may be empty. */
    response: Schema.String,
    /** What the model thought. Since v0.9.0. */
    thinking: maybe(Schema.String),
    /** The conversation as tokens, on the last chunk and not with `raw`; goes into `context` of a later request. */
    context: maybe(numbers),
    /** The calls that the model asks for, on the last chunk. They have no `id`. */
    tool_calls: maybe(Schema.Array(named<ToolCall>()(ToolCall))),
    /** Steps done of an image. Image models of v0.14.3 to v0.32.5 only. */
    completed: maybe(Schema.Number),
    /** Steps of an image. Image models of v0.14.3 to v0.32.5 only. */
    total: maybe(Schema.Number),
    /** The image that was made, base64, on the last chunk. Image models of v0.14.3 to v0.32.5 only. */
    image: maybe(Schema.String)
  })
).annotations({ identifier: "GenerateChunk" })

/**
 * @since 0.1.0
 * @category models
 */
export interface GenerateChunk extends Schema.Schema.Type<typeof GenerateChunk> {}

/**
 * A whole answer: the last chunk, with text, thinking, tool calls and log probabilities of all chunks.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GenerateResponse = GenerateChunk.annotations({ identifier: "GenerateResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface GenerateResponse extends GenerateChunk {}

/**
 * Folds the chunks of an answer into the whole answer. Fails with `StreamInterrupted` (what had arrived is in `partial`)
 * when the stream ends without its last chunk.
 *
 * @since 0.1.0
 * @category folding
 */
export const collect = <E, R>(
  stream: Stream.Stream<GenerateChunk, E, R>
): Effect.Effect<GenerateResponse, E | OllamaError.StreamInterrupted, R> =>
  collectWith(stream, Fold.generate, "/api/generate")

/**
 * The text of an answer as it arrives, without thinking and without empty pieces.
 *
 * @since 0.1.0
 * @category folding
 */
export const text = <E, R>(stream: Stream.Stream<GenerateChunk, E, R>): Stream.Stream<string, E, R> =>
  textWith(stream, (chunk) => chunk.response)
