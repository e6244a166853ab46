/** The chunks of an answer as the parts of a stream: texts and thoughts are opened, continued and closed. */
import type * as Response from "@effect/ai/Response"
import type * as Chat from "../api/Chat.js"
import type { CallRecord } from "../record/CallRecord.js"
import * as ResponseParts from "./response.js"

type Part = Response.StreamPartEncoded

/** The answer so far. */
export interface Deltas {
  /** @param ids for the calls that the server gave none */
  readonly next: (chunk: Chat.ChatChunk, ids: ReadonlyArray<string>, into: Array<Part>) => void
  /** What is left to say once the answer is complete. */
  readonly end: (record: CallRecord | undefined) => ReadonlyArray<Part>
  readonly hasCalls: () => boolean
}

type Kind = "text" | "reasoning"

export const make = (): Deltas => {
  let open: { readonly kind: Kind; readonly id: string } | undefined
  let blocks = 0
  let hasCalls = false
  let last: Chat.ChatChunk | undefined

  const close = (into: Array<Part>): void => {
    if (open !== undefined) into.push({ type: `${open.kind}-end`, id: open.id })
    open = undefined
  }

  const say = (kind: Kind, delta: string | undefined, into: Array<Part>): void => {
    if (delta === undefined || delta === "") return
    if (open?.kind !== kind) {
      close(into)
      open = { kind, id: String(blocks++) }
      into.push({ type: `${kind}-start`, id: open.id })
    }
    into.push({ type: `${kind}-delta`, id: open.id, delta })
  }

  /** The server gives calls whole; a consumer that shows arguments as they come gets them in one piece. */
  const call = (part: Response.ToolCallPartEncoded, into: Array<Part>): void => {
    const { id, name, params } = part
    close(into)
    into.push(
      { type: "tool-params-start", id, name },
      { type: "tool-params-delta", id, delta: JSON.stringify(params) },
      { type: "tool-params-end", id },
      part
    )
  }

  return {
    next: (chunk, ids, into) => {
      if (last === undefined) into.push(ResponseParts.metadata(chunk))
      last = chunk
      const { content, thinking, tool_calls: calls = [] } = chunk.message
      say("reasoning", thinking, into)
      say("text", content, into)
      if (calls.length === 0) return
      hasCalls = true
      const rest = ids.values()
      for (const one of calls)
        call(
          ResponseParts.toolCall(one, () => rest.next().value ?? ""),
          into
        )
    },
    end: (record) => {
      const into: Array<Part> = []
      close(into)
      if (last !== undefined) into.push(ResponseParts.finish(last, hasCalls, record))
      return into
    },
    hasCalls: () => hasCalls
  }
}
