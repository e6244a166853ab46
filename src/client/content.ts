/** What was asked and answered, as OpenTelemetry's conventions have it; recorded only where a program wants it. */
import * as Predicate from "effect/Predicate"
import type * as OllamaError from "../OllamaError.js"

interface Part {
  readonly type: string
  readonly [key: string]: unknown
}

interface Message {
  readonly role: string
  readonly parts: ReadonlyArray<Part>
  readonly finish_reason?: string
}

const texts = (u: unknown): ReadonlyArray<string> =>
  typeof u === "string" && u !== "" ? [u] : Array.isArray(u) ? u.filter(Predicate.isString) : []

const toolCalls = (u: unknown): ReadonlyArray<Part> =>
  (Array.isArray(u) ? u : []).flatMap((call: unknown) => {
    const called = Predicate.isRecord(call) && Predicate.isRecord(call.function) ? call.function : undefined
    return called === undefined ? [] : [{ type: "tool_call", name: called.name, arguments: called.arguments }]
  })

const text = (content: string): Part => ({ type: "text", content })

const partsOf = (role: string, message: Readonly<Record<string, unknown>>): ReadonlyArray<Part> => [
  ...texts(message.thinking).map((content) => ({ type: "reasoning", content })),
  ...texts(message.content).map((content) =>
    role === "tool" ? { type: "tool_call_response", response: content } : text(content)
  ),
  ...toolCalls(message.tool_calls)
]

const messageOf = (u: unknown): ReadonlyArray<Message> => {
  if (!Predicate.isRecord(u)) return []
  const role = typeof u.role === "string" ? u.role : "user"
  return [{ role, parts: partsOf(role, u) }]
}

/** The attributes of a request: messages, or a prompt, or the texts to embed, without images. */
export const input = (request: unknown): Readonly<Record<string, string>> => {
  if (!Predicate.isRecord(request)) return {}
  const messages = Array.isArray(request.messages)
    ? request.messages.flatMap(messageOf)
    : [...texts(request.prompt), ...texts(request.input)].map((prompt) => ({ role: "user", parts: [text(prompt)] }))
  return {
    ...(messages.length === 0 ? {} : { "gen_ai.input.messages": JSON.stringify(messages) }),
    ...(typeof request.system === "string"
      ? { "gen_ai.system_instructions": JSON.stringify([text(request.system)]) }
      : {})
  }
}

/** The attributes of an answer, as far as it came. */
export const output = (
  { text: content, thinking, tool_calls }: OllamaError.Partial,
  reason: string | undefined
): Readonly<Record<string, string>> => {
  const role = "assistant"
  const message: Message = {
    role,
    parts: partsOf(role, { thinking, content, tool_calls }),
    ...(reason === undefined ? {} : { finish_reason: reason })
  }
  return { "gen_ai.output.messages": JSON.stringify([message]) }
}
