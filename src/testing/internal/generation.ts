/** `POST /api/chat` and `POST /api/generate`. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Exchange, find, type Route } from "./exchange.js"
import * as json from "./json.js"
import { type Json, omitEmpty, type Refusal, refuse } from "./json.js"
import * as models from "./models.js"
import type { Installed } from "./models.js"
import * as replies from "./replies.js"
import type { Resident } from "./scheduler.js"
import { texts } from "./texts.js"
import type { Prompt, WireAnswer } from "./types.js"
import * as values from "./values.js"

type Endpoint = Prompt["endpoint"]

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

/** A request that was understood. */
interface Call {
  readonly endpoint: Endpoint
  readonly body: Json
  readonly model: Installed
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

const understand = (exchange: Exchange, endpoint: Endpoint): Effect.Effect<Call, Refusal> =>
  Effect.gen(function* () {
    const body = yield* json.parse(exchange.request.body, fields[endpoint])
    const keepAlive = yield* values.keepAlive(body["keep_alive"])
    const think = yield* values.think(body["think"])
    for (const message of messagesOf(body)) yield* values.images(message["images"])
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

const hasImages = (call: Call): boolean =>
  [call.body, ...call.prompt.messages].some(({ images }) => Array.isArray(images) && images.length > 0)

/** One piece of the answer: what the chunk says, and how many tokens it took. */
interface Piece {
  readonly thinking?: string
  readonly content?: string
  readonly toolCalls?: ReadonlyArray<Json>
  readonly tokens: number
}

interface Plan {
  readonly pieces: ReadonlyArray<Piece>
  readonly doneReason: string
  readonly tokens: number
}

const toolCallsOf = (script: replies.Script): ReadonlyArray<Json> =>
  script.toolCalls.map((call, index) => ({
    id: `call_${models.pseudoDigest(`${call.name}${index}${JSON.stringify(call.arguments)}`).slice(0, 8)}`,
    function: { index, name: call.name, arguments: call.arguments }
  }))

const planOf = (call: Call, script: replies.Script): Plan => {
  const content = replies.stopAt(script.content, call.options["stop"])
  const calls = toolCallsOf(script)
  const all: ReadonlyArray<Piece> = [
    ...script.thinking.map((thinking) => ({ thinking, tokens: 1 })),
    ...content.map((text) => ({ content: text, tokens: 1 })),
    ...(calls.length === 0 ? [] : [{ toolCalls: calls, tokens: replies.count(JSON.stringify(calls)) }])
  ]
  const limit = call.options["num_predict"]
  const most = typeof limit === "number" && limit >= 0 ? limit : Infinity
  const pieces: Array<Piece> = []
  let tokens = 0
  for (const piece of all) {
    if (tokens + piece.tokens > most) return { pieces, doneReason: "length", tokens }
    pieces.push(piece)
    tokens += piece.tokens
  }
  return { pieces, doneReason: script.doneReason ?? "stop", tokens }
}

const sleepUntil = (at: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => (at > now ? Effect.sleep(Duration.millis(at - now)) : Effect.void))

const nanos = (milliseconds: number): number => Math.round(milliseconds * 1e6)

const logprobsOf = (call: Call, piece: Piece): ReadonlyArray<Json> | undefined => {
  const token = piece.content ?? piece.thinking
  if (call.body["logprobs"] !== true || token === undefined) return undefined
  const entry = { token, logprob: -0.1, bytes: [...json.bytes(token)] }
  const top = call.body["top_logprobs"]
  return [typeof top === "number" && top > 0 ? { ...entry, top_logprobs: [entry] } : entry]
}

/** The fields of a chunk that say something, in the shape of the endpoint. */
const saying = (call: Call, piece: Omit<Piece, "tokens">): Json => {
  const content = piece.content ?? ""
  const extra = omitEmpty({ thinking: piece.thinking, tool_calls: piece.toolCalls })
  return call.endpoint === "chat"
    ? { message: { role: "assistant", content, ...extra } }
    : { response: content, ...extra }
}

/** Everything that is fixed once the model begins to answer. */
interface Answering {
  readonly exchange: Exchange
  readonly call: Call
  readonly plan: Plan
  /** When the prompt will have been evaluated. */
  readonly promptDone: number
  readonly loadTime: number
}

const chunk = (self: Answering, at: number, fields: Json): Json => ({
  model: self.call.body["model"],
  created_at: models.timestamp(at),
  ...fields
})

const promptText = (call: Call): string =>
  call.endpoint === "chat" ? JSON.stringify(call.prompt.messages) : call.prompt.text

const finalFields = (self: Answering, at: number): Json => ({
  done: true,
  done_reason: self.plan.doneReason,
  ...(self.call.endpoint === "generate" && self.call.body["raw"] !== true ? { context: [1, 2, 3] } : {}),
  ...omitEmpty({
    total_duration: nanos(at - self.exchange.arrivedAt),
    load_duration: nanos(self.loadTime),
    prompt_eval_count: replies.count(promptText(self.call)),
    prompt_eval_duration: nanos(self.call.model.promptTime),
    eval_count: self.plan.tokens,
    eval_duration: nanos(at - self.promptDone)
  })
})

/** When the n-th piece is complete: the first token comes with the end of the prompt's evaluation. */
const dueAt = (self: Answering, index: number): number => {
  const before = self.plan.pieces.slice(0, index + 1).reduce((sum, piece) => sum + piece.tokens, 0)
  return self.promptDone + Math.max(0, before - 1) * self.call.model.tokenTime
}

const streamed = (self: Answering): WireAnswer => {
  const { pieces, tokens } = self.plan
  const { tokenTime } = self.call.model
  let spent = 0
  const body = Stream.unfoldEffect(0, (index) =>
    Effect.gen(function* () {
      const piece = pieces[index]
      if (piece !== undefined) {
        spent += piece.tokens
        yield* sleepUntil(self.promptDone + Math.max(0, spent - 1) * tokenTime)
        const at = yield* Clock.currentTimeMillis
        const said = {
          ...saying(self.call, piece),
          done: false,
          ...omitEmpty({ logprobs: logprobsOf(self.call, piece) })
        }
        return Option.some([json.line(chunk(self, at, said)), index + 1] as const)
      }
      if (index > pieces.length) return Option.none()
      yield* sleepUntil(self.promptDone + tokens * tokenTime)
      const at = yield* Clock.currentTimeMillis
      self.exchange.complete()
      return Option.some([
        json.line(chunk(self, at, { ...saying(self.call, {}), ...finalFields(self, at) })),
        index + 1
      ] as const)
    })
  )
  return { status: 200, headers: { "content-type": "application/x-ndjson" }, body }
}

const folded = (self: Answering): Effect.Effect<WireAnswer> =>
  Effect.gen(function* () {
    const { call, plan } = self
    yield* sleepUntil(self.promptDone + plan.tokens * call.model.tokenTime)
    const at = yield* Clock.currentTimeMillis
    const join = (pick: (piece: Piece) => string | undefined) => plan.pieces.map((piece) => pick(piece) ?? "").join("")
    const said = saying(call, {
      content: join(({ content }) => content),
      thinking: join(({ thinking }) => thinking),
      toolCalls: plan.pieces.flatMap(({ toolCalls }) => toolCalls ?? [])
    })
    const logprobs = plan.pieces.flatMap((piece) => logprobsOf(call, piece) ?? [])
    return json.answer(chunk(self, at, { ...said, ...finalFields(self, at), ...omitEmpty({ logprobs }) }))
  })

const loadOnly = (call: Call, reason: "load" | "unload"): Effect.Effect<WireAnswer> =>
  Effect.map(Clock.currentTimeMillis, (at) =>
    json.answer({
      model: call.body["model"],
      created_at: models.timestamp(at),
      ...saying(call, {}),
      done: true,
      done_reason: reason
    })
  )

const useModel = (exchange: Exchange, call: Call): Effect.Effect<Resident, Refusal, Scope.Scope> => {
  const wanted = call.options["num_ctx"]
  return exchange.server.scheduler.use({
    model: call.model,
    key: values.reloadKey(call.options),
    contextLength: typeof wanted === "number" ? Math.min(wanted, call.model.contextLength) : call.model.contextLength,
    keepAlive: call.keepAlive
  })
}

const route =
  (endpoint: Endpoint): Route =>
  (exchange) =>
    Effect.gen(function* () {
      const call = yield* understand(exchange, endpoint)
      if (call.empty && call.keepAlive === 0) {
        yield* exchange.server.scheduler.unload(call.model.name)
        return yield* loadOnly(call, "unload")
      }
      const resident = yield* useModel(exchange, call)
      const loadTime = (yield* Clock.currentTimeMillis) - exchange.arrivedAt
      if (call.empty) return yield* loadOnly(call, "load")
      const format = yield* values.format(call.body["format"])
      if (hasImages(call) && !call.model.capabilities.includes("vision")) {
        return yield* refuse(
          texts["request.imageUnsupported"].status,
          JSON.parse(texts["request.imageUnsupported"].body)
        )
      }
      yield* exchange.server.scheduler.turn(resident)
      const script = replies.make(call.model, call.prompt, call.body["tools"], format, call.thinks)
      const answering: Answering = {
        exchange,
        call,
        plan: planOf(call, script),
        promptDone: (yield* Clock.currentTimeMillis) + call.model.promptTime,
        loadTime
      }
      if (call.body["stream"] === false) return yield* folded(answering)
      yield* sleepUntil(dueAt(answering, 0))
      return streamed(answering)
    })

export const chat: Route = route("chat")

export const generate: Route = route("generate")
