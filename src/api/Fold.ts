/**
 * Mutable accumulators that make one answer of its chunks. They run once for each token, so they only join strings, and
 * touch arrays when there is something to put into them. For a `Stream` of chunks use `Chat.collect`.
 *
 * @since 0.1.0
 */
import type * as OllamaError from "../OllamaError.js"
import type { ChatChunk, ChatResponse } from "./Chat.js"
import type { GenerateChunk, GenerateResponse } from "./Generate.js"
import { Pieces } from "./pieces.js"
import type { DebugInfo, Logprob, ToolCall } from "./Shared.js"

/**
 * Takes chunks in the order of their arrival. One fold is for one answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fold<Chunk, Response> {
  /** Takes the next chunk. */
  readonly add: (chunk: Chunk) => void
  /** What has arrived so far; `undefined` before the first chunk. */
  readonly partial: () => OllamaError.Partial | undefined
  /** The whole answer; `undefined` until the last chunk was added. */
  readonly result: () => Response | undefined
}

/**
 * Whether a chunk is the last one: it is `done`, says why it ended, or is the answer to `_debug_render_only`, which is all
 * there is and never `done`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTerminal = (chunk: {
  readonly done?: boolean | null
  readonly done_reason?: string | null
  readonly _debug_info?: DebugInfo | null
}): boolean => chunk.done === true || Boolean(chunk.done_reason) || Boolean(chunk._debug_info)

/** Where the parts of a chunk stand, and how the whole is made of the last one. */
interface Parts<Chunk, Response> {
  readonly text: (chunk: Chunk) => string
  readonly thinking: (chunk: Chunk) => string | undefined
  readonly toolCalls: (chunk: Chunk) => ReadonlyArray<ToolCall> | undefined
  readonly finish: (
    last: Chunk,
    whole: { readonly text: string } & {
      readonly thinking?: string
      readonly tool_calls?: ReadonlyArray<ToolCall>
      readonly logprobs?: ReadonlyArray<Logprob>
    }
  ) => Response
}

/** What the folds of chat and generate share. */
const make = <
  Chunk extends {
    readonly done: boolean
    readonly done_reason?: string
    readonly _debug_info?: DebugInfo
    readonly logprobs?: ReadonlyArray<Logprob>
  },
  Response
>(
  parts: Parts<Chunk, Response>
): Fold<Chunk, Response> => {
  let chunks = 0
  const text = new Pieces()
  let thinking: Pieces | undefined
  let toolCalls: Array<ToolCall> | undefined
  let logprobs: Array<Logprob> | undefined
  let last: Chunk | undefined
  return {
    add: (chunk) => {
      chunks++
      text.add(parts.text(chunk))
      const thought = parts.thinking(chunk)
      if (thought) (thinking ??= new Pieces()).add(thought)
      const calls = parts.toolCalls(chunk)
      if (calls) for (const call of calls) (toolCalls ??= []).push(call)
      if (chunk.logprobs) for (const logprob of chunk.logprobs) (logprobs ??= []).push(logprob)
      if (isTerminal(chunk)) last = chunk
    },
    partial: () =>
      chunks === 0
        ? undefined
        : { text: text.all(), thinking: thinking?.all() ?? "", tool_calls: toolCalls?.slice() ?? [], chunks },
    result: () =>
      last === undefined
        ? undefined
        : parts.finish(last, {
            text: text.all(),
            ...(thinking && { thinking: thinking.all() }),
            ...(toolCalls && { tool_calls: toolCalls.slice() }),
            ...(logprobs && { logprobs: logprobs.slice() })
          })
  }
}

const ofChat: Parts<ChatChunk, ChatResponse> = {
  text: (chunk) => chunk.message.content,
  thinking: (chunk) => chunk.message.thinking,
  toolCalls: (chunk) => chunk.message.tool_calls,
  finish: (last, { logprobs, text, ...message }) => ({
    ...last,
    message: { ...last.message, content: text, ...message },
    done: true,
    ...(logprobs && { logprobs })
  })
}

const ofGenerate: Parts<GenerateChunk, GenerateResponse> = {
  text: (chunk) => chunk.response,
  thinking: (chunk) => chunk.thinking,
  toolCalls: (chunk) => chunk.tool_calls,
  finish: (last, { text, ...whole }) => ({ ...last, response: text, ...whole, done: true })
}

/**
 * The fold of a chat.
 *
 * @since 0.1.0
 * @category constructors
 */
export const chat = (): Fold<ChatChunk, ChatResponse> => make(ofChat)

/**
 * The fold of a completion.
 *
 * @since 0.1.0
 * @category constructors
 */
export const generate = (): Fold<GenerateChunk, GenerateResponse> => make(ofGenerate)
