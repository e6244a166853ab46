/** The body of a chat or generate: what it asks for, or why it is refused before any model is touched. */
import * as Effect from "effect/Effect"
import { type Exchange, find } from "./exchange.js"
import * as json from "./json.js"
import { type Json, type Refusal, refuse } from "./json.js"
import * as models from "./models.js"
import type { Installed } from "./models.js"
import { texts } from "./texts.js"
import type { Prompt } from "./types.js"
import * as values from "./values.js"

export type Endpoint = Prompt["endpoint"]

const shared = {
  model: ["string", "string"],
  stream: ["bool", "bool"],
  options: ["object", "map[string]interface {}"],
  truncate: ["bool", "bool"],
  shift: ["bool", "bool"],
  logprobs: ["bool", "bool"],
  top_logprobs: ["int", "int"]
} as const

const fields: Readonly<Record<Endpoint, json.Fields>> = {
  chat: {
    struct: "ChatRequest",
    types: { ...shared, messages: ["array", "[]api.Message"], tools: ["array", "api.Tools"] }
  },
  generate: {
    struct: "GenerateRequest",
    types: {
      ...shared,
      prompt: ["string", "string"],
      suffix: ["string", "string"],
      system: ["string", "string"],
      template: ["string", "string"],
      context: ["array", "[]int"],
      raw: ["bool", "bool"],
      images: ["array", "[]api.ImageData"]
    }
  }
}

const inMessage: json.Fields = {
  struct: "ChatRequest.messages",
  types: {
    role: ["string", "string"],
    content: ["string", "string"],
    thinking: ["string", "string"],
    images: ["array", "[]api.ImageData"],
    tool_calls: ["array", "[]api.ToolCall"],
    tool_name: ["string", "string"],
    tool_call_id: ["string", "string"]
  }
}

const inToolCall: json.Fields = {
  struct: "ChatRequest.messages.tool_calls.function",
  types: { name: ["string", "string"], arguments: ["object", "api.ToolCallFunctionArguments"] }
}

/** A request that was understood. */
export interface Call {
  readonly endpoint: Endpoint
  readonly body: Json
  readonly model: Installed
  /** Milliseconds. */
  readonly keepAlive: number | undefined
  readonly options: Json
  readonly thinks: boolean
  readonly prompt: Prompt
  /** No prompt and no messages: load or unload only. */
  readonly empty: boolean
}

const filled = (value: unknown): boolean => typeof value === "string" && value !== ""

const messagesOf = (body: Json): ReadonlyArray<Json> =>
  Array.isArray(body["messages"]) ? body["messages"].filter(json.isObject) : []

const promptOf = (endpoint: Endpoint, body: Json, model: string): Prompt => {
  const messages = messagesOf(body)
  const said = endpoint === "generate" ? body["prompt"] : messages.findLast(({ role }) => role === "user")?.["content"]
  return { endpoint, model, text: typeof said === "string" ? said : "", messages, request: body }
}

/** The model of the request, or the refusal for its name. */
const modelOf = (exchange: Exchange, endpoint: Endpoint, sent: string): Effect.Effect<Installed, Refusal> =>
  Effect.suspend(() => {
    const { server } = exchange
    const name = models.parseName(sent)
    if (name === undefined) {
      if (endpoint === "generate") return Effect.fail(refuse(404, `model '${sent}' not found`))
      return Effect.fail(refuse(400, sent === "" ? "model is required" : "invalid model name"))
    }
    if (name.isContradiction) {
      return Effect.fail(refuse(400, `use either :local or :cloud, not both: ${JSON.stringify(sent)}`))
    }
    const model = find(server, name.short)
    if (name.cloud) {
      if (server.options.cloudDisabled === true)
        return Effect.fail(refuse(403, JSON.parse(texts["cloud.disabled"].body)))
      if (server.account === undefined) return Effect.fail(refuse(401, JSON.parse(texts["cloud.unauthorized"].body)))
    }
    return model === undefined ? Effect.fail(refuse(404, `model '${sent}' not found`)) : Effect.succeed(model)
  })

const missingCapability = (call: Call): Refusal | undefined => {
  const { body, endpoint, model } = call
  const can = (capability: string) => model.capabilities.includes(capability)
  const sent = JSON.stringify(String(body["model"]))
  if (!can("completion")) return refuse(400, `${sent} does not support ${endpoint}`)
  if (body["think"] !== undefined && call.thinks && !can("thinking")) {
    return refuse(400, `${sent} does not support thinking`)
  }
  const full = models.parseName(model.name)?.full ?? model.name
  if (Array.isArray(body["tools"]) && body["tools"].length > 0 && !can("tools")) {
    return refuse(400, `${full} does not support tools`)
  }
  return filled(body["suffix"]) && !can("insert") ? refuse(400, `${full} does not support insert`) : undefined
}

export const understand = (exchange: Exchange, endpoint: Endpoint): Effect.Effect<Call, Refusal> =>
  Effect.gen(function* () {
    const body = yield* json.parse(exchange.request.body, fields[endpoint])
    const keepAlive = yield* values.keepAlive(body["keep_alive"])
    const think = yield* values.think(body["think"])
    for (const message of messagesOf(body)) {
      yield* json.fits(message, inMessage)
      for (const call of json.objects(message["tool_calls"])) {
        for (const called of json.objects([call["function"]])) yield* json.fits(called, inToolCall)
      }
      yield* values.images(message["images"])
    }
    yield* values.images(body["images"])
    const top = body["top_logprobs"]
    if (typeof top === "number" && (top < 0 || top > 20))
      return yield* refuse(400, "top_logprobs must be between 0 and 20")
    if (body["raw"] === true && (filled(body["template"]) || filled(body["system"]) || body["context"] !== undefined)) {
      return yield* refuse(400, "raw mode does not support template, system, or context")
    }
    const sent = typeof body["model"] === "string" ? body["model"] : ""
    const model = yield* modelOf(exchange, endpoint, sent)
    const prompt = promptOf(endpoint, body, model.name)
    const call: Call = {
      endpoint,
      body,
      model,
      keepAlive,
      options: {},
      thinks: think === undefined ? model.capabilities.includes("thinking") : think !== false,
      prompt,
      empty: endpoint === "chat" ? prompt.messages.length === 0 : prompt.text === ""
    }
    const refusal = missingCapability(call)
    if (refusal !== undefined) return yield* refusal
    const options = yield* values.options(body["options"])
    return { ...call, options }
  })

export const hasImages = (call: Call): boolean =>
  [call.body, ...call.prompt.messages].some(({ images }) => Array.isArray(images) && images.length > 0)
