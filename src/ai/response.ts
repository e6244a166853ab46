/** The answer of a chat as the parts of a response. */
import type * as Response from "@effect/ai/Response"
import type * as Chat from "../api/Chat.js"
import type * as Shared from "../api/Shared.js"
import { defined } from "../internal/defined.js"
import type { CallRecord } from "../record/CallRecord.js"

/** Ollama says `stop` also where the model waits for the results of tools. */
const finishReason = (doneReason: string | undefined, hasCalls: boolean): Response.FinishReason => {
  switch (doneReason) {
    case "stop":
      return hasCalls ? "tool-calls" : "stop"
    case "length":
      return "length"
    case undefined:
      return hasCalls ? "tool-calls" : "unknown"
    default:
      return "other"
  }
}

const usage = ({ eval_count, prompt_eval_count }: Shared.Metrics): Response.FinishPartEncoded["usage"] => ({
  inputTokens: prompt_eval_count,
  outputTokens: eval_count,
  totalTokens:
    prompt_eval_count === undefined && eval_count === undefined
      ? undefined
      : (prompt_eval_count ?? 0) + (eval_count ?? 0)
})

/** RFC 3339 with up to nine digits of a second, of which a date has three. */
const timestamp = (createdAt: string): string | undefined => {
  const millis = createdAt.replace(/(\.\d{3})\d+/, "$1")
  return Number.isNaN(Date.parse(millis)) ? undefined : millis
}

/** Who answered. */
export const metadata = ({
  created_at,
  model,
  remote_host,
  remote_model
}: Chat.ChatChunk): Response.ResponseMetadataPartEncoded => {
  const remote = defined({ remoteModel: remote_model, remoteHost: remote_host })
  return defined({
    type: "response-metadata" as const,
    modelId: model,
    timestamp: timestamp(created_at),
    metadata: Object.keys(remote).length === 0 ? undefined : { ollama: remote }
  })
}

/** How it ended, with the figures of the server, and what the client knows of the call. */
export const finish = (
  last: Chat.ChatChunk,
  hasCalls: boolean,
  record: CallRecord | undefined
): Response.FinishPartEncoded => {
  const { eval_duration, load_duration, prompt_eval_duration, total_duration } = last
  return {
    type: "finish",
    reason: finishReason(last.done_reason, hasCalls),
    usage: usage(last),
    metadata: {
      ollama: defined({
        record,
        doneReason: last.done_reason,
        total_duration,
        load_duration,
        prompt_eval_duration,
        eval_duration,
        logprobs: last.logprobs
      })
    }
  }
}

/** @param id where the server gives none */
export const toolCall = (
  { function: called, id }: Shared.ToolCall,
  own: () => string
): Response.ToolCallPartEncoded => ({
  type: "tool-call",
  id: id === undefined || id === "" ? own() : id,
  name: called.name,
  params: called.arguments
})

/** How many of the calls have no name that their results could be given with. */
export const unnamed = (calls: ReadonlyArray<Shared.ToolCall> = []): number =>
  calls.filter(({ id }) => id === undefined || id === "").length

/** A whole answer. */
export const parts = (
  response: Chat.ChatResponse,
  ids: ReadonlyArray<string>,
  record: CallRecord | undefined
): Array<Response.PartEncoded> => {
  const { content, thinking, tool_calls: calls = [] } = response.message
  const rest = ids.values()
  return [
    metadata(response),
    ...(thinking === undefined || thinking === "" ? [] : [{ type: "reasoning" as const, text: thinking }]),
    ...(content === "" ? [] : [{ type: "text" as const, text: content }]),
    ...calls.map((call) => toolCall(call, () => rest.next().value ?? "")),
    finish(response, calls.length > 0, record)
  ]
}
