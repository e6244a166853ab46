/** Tools of `@effect/ai` as those of a chat, and what the choice of tools asks of the answer. */
import * as AiError from "@effect/ai/AiError"
import type * as LanguageModel from "@effect/ai/LanguageModel"
import * as Tool from "@effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as JsonSchema from "../api/JsonSchema.js"
import type * as Shared from "../api/Shared.js"

type Choice = LanguageModel.ProviderOptions["toolChoice"]

/** The names that may be called; all of them where it says nothing. */
const allowed = (choice: Choice): ReadonlyArray<string> | undefined =>
  typeof choice === "string" ? undefined : "tool" in choice ? [choice.tool] : choice.oneOf

/** Whether the answer has to call a tool. */
export const isRequired = (choice: Choice): boolean =>
  typeof choice === "string" ? choice === "required" : "tool" in choice || choice.mode === "required"

const define = (tool: Tool.Any): Shared.Tool => {
  if (!Tool.isUserDefined(tool)) {
    throw new Error(`Ollama has no tools of its own, and so none called ${JSON.stringify(tool.name)}`)
  }
  return JsonSchema.tool({
    name: tool.name,
    description: tool.description ?? Tool.getDescriptionFromSchemaAst(tool.parametersSchema.ast),
    parameters: tool.parametersSchema === Tool.EmptyParams ? undefined : Schema.make<object>(tool.parametersSchema.ast)
  })
}

/** The tools that are sent; what Ollama cannot take fails as `MalformedInput` before anything is. */
export const make = (
  { toolChoice, tools }: LanguageModel.ProviderOptions,
  method: string
): Effect.Effect<ReadonlyArray<Shared.Tool>, AiError.AiError> => {
  if (toolChoice === "none") return Effect.succeed([])
  const names = allowed(toolChoice)
  return Effect.try({
    try: () => tools.filter(({ name }) => names === undefined || names.includes(name)).map(define),
    catch: (error) =>
      new AiError.MalformedInput({
        module: "OllamaLanguageModel",
        method,
        description: error instanceof Error ? error.message : String(error)
      })
  })
}

/** An answer without the call that was demanded: Ollama has no way to force one. */
export const uncalled = (method: string): AiError.AiError =>
  new AiError.MalformedOutput({
    module: "OllamaLanguageModel",
    method,
    description: "The model called no tool, though toolChoice requires it; Ollama has no way to force a call: ask again"
  })
