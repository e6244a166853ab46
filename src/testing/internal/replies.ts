/** What the simulated model says. */
import * as instance from "./instance.js"
import { encode, isObject, type Json } from "./json.js"
import type { Installed } from "./models.js"
import type { Prompt, Reply, Timing } from "./types.js"
import type { Format } from "./values.js"

export const defaultText =
  "This is the effect-ollama simulator, not a language model: it answers every prompt with this sentence."

const defaultThinking = "A simulator does not think, it only shows what thinking looks like on the wire."

/** Cut into words with the space in front of them: about what a tokenizer does. */
export const tokens = (text: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  text === undefined ? [] : typeof text === "string" ? (text.match(/\s*\S+|\s+/g) ?? []) : text

/** A rough count of tokens: four characters each. */
export const count = (text: string): number => Math.max(1, Math.ceil(text.length / 4))

export interface ToolCall {
  readonly name: string
  readonly arguments: Json
}

export interface Script {
  readonly thinking: ReadonlyArray<string>
  readonly content: ReadonlyArray<string>
  /** By piece of the content; one token where it says nothing. */
  readonly tokens: ReadonlyArray<number>
  readonly toolCalls: ReadonlyArray<ToolCall>
  readonly doneReason: string | undefined
  readonly timing: Timing | undefined
}

const script = (parts: Partial<Script>): Script => ({
  thinking: [],
  content: [],
  tokens: [],
  toolCalls: [],
  doneReason: undefined,
  timing: undefined,
  ...parts
})

const ofReply = (reply: Reply): Script => {
  if (typeof reply === "string" || Array.isArray(reply)) return script({ content: tokens(reply) })
  if (!isObject(reply)) return script({})
  return script({
    content: tokens(reply.content),
    tokens: reply.tokens ?? [],
    thinking: tokens(reply.thinking),
    toolCalls: reply.toolCalls ?? [],
    doneReason: reply.doneReason,
    timing: reply.timing
  })
}

/** Calls the first tool, unless the conversation ends with the result of one. */
const automaticCall = (prompt: Prompt, tools: unknown): ToolCall | undefined => {
  const last = prompt.messages.at(-1)
  if (!Array.isArray(tools) || last?.["role"] === "tool") return undefined
  const tool: unknown = tools[0]
  const definition = isObject(tool) ? tool["function"] : undefined
  if (!isObject(definition) || typeof definition["name"] !== "string") return undefined
  const parameters = isObject(definition["parameters"]) ? instance.ofSchema(definition["parameters"]) : {}
  return { name: definition["name"], arguments: isObject(parameters) ? parameters : {} }
}

const automatic = (prompt: Prompt, tools: unknown, format: Format): Script => {
  const call = automaticCall(prompt, tools)
  if (call !== undefined) return script({ toolCalls: [call] })
  if (format === undefined) return script({ content: tokens(defaultText) })
  const value = format === "json" ? { simulated: true, text: defaultText } : instance.ofSchema(format)
  return script({ content: encode(value).match(/[\w. -]+|[^\w. -]/g) ?? [] })
}

/** The whole answer of a model to a prompt, before limits. */
export const make = (model: Installed, prompt: Prompt, tools: unknown, format: Format, thinks: boolean): Script => {
  const { reply } = model
  const said =
    reply === undefined
      ? automatic(prompt, tools, format)
      : ofReply(typeof reply === "function" ? reply(prompt) : reply)
  const thinking = !thinks
    ? []
    : said.thinking.length > 0 || reply !== undefined
      ? said.thinking
      : tokens(defaultThinking)
  return { ...said, thinking }
}

/** Where one of the `stop` texts begins in the content, everything ends. */
export const stopAt = (content: ReadonlyArray<string>, stops: unknown): ReadonlyArray<string> => {
  if (!Array.isArray(stops)) return content
  const text = content.join("")
  const found = stops.flatMap((stop) => (typeof stop === "string" && stop !== "" ? [text.indexOf(stop)] : []))
  const at = Math.min(...found.filter((index) => index >= 0))
  if (!Number.isFinite(at)) return content
  const kept: Array<string> = []
  let length = 0
  for (const token of content) {
    if (length >= at) break
    kept.push(token.slice(0, at - length))
    length += token.length
  }
  return kept
}
