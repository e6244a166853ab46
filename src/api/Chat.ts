/**
 * `POST /api/chat`: a conversation, with tools, images, thinking and structured answers.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as OllamaError from "../OllamaError.js"
import { collectWith, textWith } from "./collect.js"
import { maybe, merge, named, optional } from "./fields.js"
import * as Fold from "./Fold.js"
import { chunkFields, requestFields } from "./generation.js"
import { Image, Tool, ToolCall } from "./Shared.js"

/**
 * Who speaks. The server passes other roles on to the model's template.
 *
 * @since 0.1.0
 * @category models
 */
export type Role = "system" | "user" | "assistant" | "tool" | (string & {})

/**
 * Who speaks.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Role: Schema.Schema<Role, string> = Schema.NonEmptyString

/**
 * A message of a request. The `message` of a response can be put into the next request as it is.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Message = Schema.Struct({
  /** Who speaks. */
  role: Role,
  /** The text; may be empty, as beside tool calls. */
  content: Schema.String,
  /** What the assistant had thought, to be replayed. Since v0.9.0. */
  thinking: optional(Schema.String),
  /** Images that belong to the message, for models that see. */
  images: optional(Schema.Array(Image)),
  /** The calls that the assistant had asked for. */
  tool_calls: optional(Schema.Array(named<ToolCall>()(ToolCall))),
  /** On a message of role `tool`: which tool answers. Since v0.9.6. */
  tool_name: optional(Schema.String),
  /** On a message of role `tool`: the `id` of the call that is answered. Since v0.12.10. */
  tool_call_id: optional(Schema.String)
}).annotations({ identifier: "Message" })

/**
 * @since 0.1.0
 * @category models
 */
export interface Message extends Schema.Schema.Type<typeof Message> {}

/**
 * A request for a chat. Without messages the server only loads the model.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ChatRequest = Schema.Struct(
  merge(requestFields, {
    /** The conversation so far, oldest first. */
    messages: Schema.Array(named<Message>()(Message)),
    /** Tools that the model may call, for models that can. */
    tools: optional(Schema.Array(named<Tool>()(Tool)))
  })
).annotations({ identifier: "ChatRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ChatRequest extends Schema.Schema.Type<typeof ChatRequest> {}

/**
 * The message of an answer.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ResponseMessage = Schema.Struct({
  /** `assistant`. */
  role: Schema.String,
  /** The text; may be empty. */
  content: Schema.String,
  /** What the model thought. Since v0.9.0. */
  thinking: maybe(Schema.String),
  /** Base64; models do not set it today. */
  images: maybe(Schema.Array(Schema.String)),
  /** The calls that the model asks for. Whole calls, in whichever chunk the server puts them. */
  tool_calls: maybe(Schema.Array(named<ToolCall>()(ToolCall))),
  /** On messages of role `tool` that are stored in a model. */
  tool_name: maybe(Schema.String),
  /** On messages of role `tool` that are stored in a model. */
  tool_call_id: maybe(Schema.String)
}).annotations({ identifier: "ResponseMessage" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ResponseMessage extends Schema.Schema.Type<typeof ResponseMessage> {}

/**
 * A piece of an answer. The figures are on the last one only.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ChatChunk = Schema.Struct(
  merge(chunkFields, {
    /** What is new since the chunk before. */
    message: named<ResponseMessage>()(ResponseMessage)
  })
).annotations({ identifier: "ChatChunk" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ChatChunk extends Schema.Schema.Type<typeof ChatChunk> {}

/**
 * A whole answer: the last chunk, with text, thinking, tool calls and log probabilities of all chunks.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ChatResponse = ChatChunk.annotations({ identifier: "ChatResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface ChatResponse extends ChatChunk {}

/**
 * Folds the chunks of an answer into the whole answer. Fails with `StreamInterrupted` (what had arrived is in `partial`)
 * when the stream ends without its last chunk.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Chat } from "effect-ollama"
 *
 * const answer = Chat.collect(
 *   Stream.make<Array<Chat.ChatChunk>>(
 *     { model: "llama3.2", created_at: "", message: { role: "assistant", content: "Hel" }, done: false },
 *     { model: "llama3.2", created_at: "", message: { role: "assistant", content: "lo" }, done: true }
 *   )
 * )
 * Effect.runSync(answer).message.content // "Hello"
 * ```
 *
 * @since 0.1.0
 * @category folding
 */
export const collect = <E, R>(
  stream: Stream.Stream<ChatChunk, E, R>
): Effect.Effect<ChatResponse, E | OllamaError.StreamInterrupted, R> => collectWith(stream, Fold.chat, "/api/chat")

/**
 * The text of an answer as it arrives, without thinking and without empty pieces.
 *
 * @example
 * ```ts
 * import { Stream } from "effect"
 * import { Chat, OllamaClient } from "effect-ollama"
 *
 * const program = OllamaClient.chatStream({
 *   model: "llama3.2",
 *   messages: [{ role: "user", content: "Why is the sky blue?" }]
 * }).pipe(Chat.text, Stream.mkString)
 * ```
 *
 * @since 0.1.0
 * @category folding
 */
export const text = <E, R>(stream: Stream.Stream<ChatChunk, E, R>): Stream.Stream<string, E, R> =>
  textWith(stream, (chunk) => chunk.message.content)
