/** A prompt of `@effect/ai` as the messages of a chat. */
import * as AiError from "@effect/ai/AiError"
import type * as Prompt from "@effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Chat from "../api/Chat.js"
import type * as Shared from "../api/Shared.js"
import * as Files from "./files.js"

/** What a message of Ollama is made of: it has one text, and its images beside it. */
interface Draft {
  readonly texts: Array<string>
  readonly images: Array<Shared.Image>
  readonly thinking: Array<string>
  readonly calls: Array<Shared.ToolCall>
}

const draft = (): Draft => ({ texts: [], images: [], thinking: [], calls: [] })

/** Why something in a prompt cannot be sent. */
type Problem = string

const addFile = (into: Draft, part: Prompt.FilePart): Problem | undefined => {
  const given = Files.given(part)
  if (Either.isLeft(given)) return given.left
  if (given.right.type === "image") into.images.push(given.right.image)
  else {
    const { fileName } = part
    into.texts.push(fileName === undefined ? given.right.text : `${fileName}:\n${given.right.text}`)
  }
  return undefined
}

const isArguments = (u: unknown): u is Shared.ToolCall["function"]["arguments"] => Predicate.isRecord(u)

const addCall = (into: Draft, { id, name, params }: Prompt.ToolCallPart): Problem | undefined => {
  if (!isArguments(params)) return `the arguments of a call of the tool ${JSON.stringify(name)} are no object`
  into.calls.push({ id, function: { index: into.calls.length, name, arguments: params } })
  return undefined
}

const add = (into: Draft, part: Prompt.AssistantMessagePart): Problem | undefined => {
  switch (part.type) {
    case "text":
      into.texts.push(part.text)
      return undefined
    case "reasoning":
      into.thinking.push(part.text)
      return undefined
    case "file":
      return addFile(into, part)
    case "tool-call":
      return addCall(into, part)
    case "tool-result":
      return "Ollama runs no tools itself: the result of one belongs into a message of the role tool"
  }
}

/** @param between the texts: what the model said in one go is put together as it was */
const message = (
  role: "user" | "assistant",
  parts: ReadonlyArray<Prompt.AssistantMessagePart>,
  between: string
): Either.Either<Chat.Message, Problem> => {
  const into = draft()
  for (const part of parts) {
    const problem = add(into, part)
    if (problem !== undefined) return Either.left(problem)
  }
  return Either.right({
    role,
    content: into.texts.join(between),
    ...(into.thinking.length > 0 && { thinking: into.thinking.join("") }),
    ...(into.images.length > 0 && { images: into.images }),
    ...(into.calls.length > 0 && { tool_calls: into.calls })
  })
}

/** Ollama has one text for the result of a tool, and no mark for one that failed. */
const result = ({ isFailure, result }: Prompt.ToolResultPart): string => {
  if (isFailure) return JSON.stringify({ error: result ?? null })
  return typeof result === "string" ? result : JSON.stringify(result ?? null)
}

const messagesOf = (from: Prompt.Message): ReadonlyArray<Either.Either<Chat.Message, Problem>> => {
  switch (from.role) {
    case "system":
      return [Either.right({ role: "system", content: from.content })]
    case "user":
      return [message("user", from.content, "\n")]
    case "assistant":
      return [message("assistant", from.content, "")]
    case "tool":
      return from.content.map((part) =>
        Either.right({ role: "tool", content: result(part), tool_name: part.name, tool_call_id: part.id })
      )
  }
}

/** The messages in their order; what Ollama cannot take fails as `MalformedInput` before anything is sent. */
export const make = (
  prompt: Prompt.Prompt,
  method: string
): Effect.Effect<ReadonlyArray<Chat.Message>, AiError.AiError> =>
  Effect.mapError(
    Effect.suspend(() => Either.all(prompt.content.flatMap(messagesOf))),
    (description) => new AiError.MalformedInput({ module: "OllamaLanguageModel", method, description })
  )
