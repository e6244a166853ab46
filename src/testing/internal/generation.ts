/** `POST /api/chat` and `POST /api/generate`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Call, type Endpoint, hasImages, understand } from "./call.js"
import * as crash from "./crash.js"
import type { Exchange, Route } from "./exchange.js"
import * as json from "./json.js"
import { type Json, omitEmpty, type Refusal, refuse } from "./json.js"
import * as models from "./models.js"
import * as plans from "./plan.js"
import type { Piece, Plan } from "./plan.js"
import * as replies from "./replies.js"
import type { Died } from "./slots.js"
import { texts } from "./texts.js"
import type { WireAnswer } from "./types.js"
import * as values from "./values.js"
import type { Lease } from "./worker.js"

const nanos = (milliseconds: number): number => Math.round(milliseconds * 1e6)

const logprobsOf = (call: Call, piece: Piece): ReadonlyArray<Json> | undefined => {
  const token = piece.content ?? piece.thinking
  if (call.body["logprobs"] !== true || token === undefined) return undefined
  const entry = { token, logprob: -0.1, bytes: [...json.bytes(token)] }
  const top = call.body["top_logprobs"]
  return [typeof top === "number" && top > 0 ? { ...entry, top_logprobs: [entry] } : entry]
}

/** The fields of a chunk that say something, in the shape of the endpoint. */
const saying = (call: Call, piece: Omit<Piece, "tokens" | "at">): Json => {
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
  readonly lease: Lease
  readonly plan: Plan
  /** When the prompt will have been evaluated. */
  readonly promptDone: number
  /** From the arrival until the model was there, waiting for other loads included. */
  readonly loadTime: number
}

/** Waits until this many milliseconds after the prompt, while the model's runner lives. */
const due = (self: Answering, at: number): Effect.Effect<void, Died> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    self.exchange.server.scheduler.work(self.lease, self.promptDone + at - now)
  )

/** After so many pieces a fault lets the runner die: who waits for more learns it. */
const dieAfter = (self: Answering, pieces: number): Effect.Effect<void> => {
  const { crashAfter, server } = self.exchange
  return crashAfter === pieces ? Effect.asVoid(server.scheduler.crash(self.call.model.name)) : Effect.void
}

const chunk = (self: Answering, at: number, fields: Json): Json => ({
  model: self.call.body["model"],
  created_at: models.timestamp(at),
  ...fields
})

/**
 * The durations add up: what the whole has more than load, prompt and answer together is the wait for the model's turn.
 */
const finalFields = (self: Answering, at: number): Json => ({
  done: true,
  done_reason: self.plan.doneReason,
  ...(self.call.endpoint === "generate" && self.call.body["raw"] !== true ? { context: [1, 2, 3] } : {}),
  ...omitEmpty({
    total_duration: nanos(at - self.exchange.arrivedAt),
    load_duration: nanos(self.loadTime),
    prompt_eval_count: self.plan.promptTokens,
    prompt_eval_duration: nanos(self.plan.promptTime),
    eval_count: self.plan.tokens,
    eval_duration: nanos(at - self.promptDone)
  })
})

const spoken = (self: Answering, piece: Piece): Effect.Effect<Json> =>
  Effect.map(Clock.currentTimeMillis, (at) =>
    chunk(self, at, {
      ...saying(self.call, piece),
      done: false,
      ...omitEmpty({ logprobs: logprobsOf(self.call, piece) })
    })
  )

const closing = (self: Answering): Effect.Effect<Json> =>
  Effect.map(Clock.currentTimeMillis, (at) => {
    self.exchange.complete()
    return chunk(self, at, { ...saying(self.call, {}), ...finalFields(self, at) })
  })

const streamed = (self: Answering): WireAnswer => {
  const { end, pieces } = self.plan
  const line = (index: number): Effect.Effect<Json, Died> => {
    const piece = pieces[index]
    return Effect.zipRight(
      dieAfter(self, index),
      Effect.zipRight(due(self, piece?.at ?? end), piece === undefined ? closing(self) : spoken(self, piece))
    )
  }
  let index = 0
  const next = Effect.suspend(() => {
    if (index > pieces.length) return Effect.succeed(undefined)
    return line(index++).pipe(
      Effect.map(json.line),
      Effect.catchTag("Died", () =>
        Effect.sync(() => {
          index = Infinity
          self.exchange.crashed()
          return json.line(crash.line)
        })
      )
    )
  })
  return { status: 200, headers: { "content-type": "application/x-ndjson" }, body: { next } }
}

const folded = (self: Answering): Effect.Effect<WireAnswer, Died> =>
  Effect.gen(function* () {
    const { call, plan } = self
    const { crashAfter } = self.exchange
    if (crashAfter !== undefined && crashAfter <= plan.pieces.length) {
      yield* due(self, plan.pieces[crashAfter - 1]?.at ?? 0)
      yield* dieAfter(self, crashAfter)
    }
    yield* due(self, plan.end)
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

const imagesIn = ({ body, prompt }: Call): number =>
  [body, ...prompt.messages].reduce((sum, { images }) => sum + (Array.isArray(images) ? images.length : 0), 0)

/** `_debug_render_only`: what the model would have read, in an answer that is never `done` (Ollama `server/routes.go`). */
const rendered = (call: Call): Effect.Effect<WireAnswer> =>
  Effect.map(Clock.currentTimeMillis, (at) => {
    const { messages, text } = call.prompt
    const turns = messages.map(({ content, role }) => `${json.stringOf(role)}: ${json.stringOf(content)}\n`)
    return json.answer({
      model: call.body["model"],
      created_at: models.timestamp(at),
      ...(call.endpoint === "chat" ? { message: { role: "", content: "" } } : { response: "" }),
      done: false,
      _debug_info: {
        rendered_template: call.endpoint === "chat" ? turns.join("") : text,
        ...omitEmpty({ image_count: imagesIn(call) })
      }
    })
  })

const useModel = (exchange: Exchange, call: Call): Effect.Effect<Lease, Refusal, Scope.Scope> =>
  exchange.server.scheduler.use({
    model: call.model,
    settings: values.settings(call.options, call.model, call.body["shift"]),
    keepAlive: call.keepAlive,
    runs: !call.empty
  })

/** The model's turn, its prompt, its answer. The first chunk brings the headers: a runner that dies before is a 500. */
const answer = (
  exchange: Exchange,
  call: Call,
  lease: Lease,
  format: values.Format,
  loadTime: number
): Effect.Effect<WireAnswer, Refusal> => {
  const { server } = exchange
  let hasTokens = false
  return Effect.gen(function* () {
    yield* server.scheduler.turn(lease)
    const script = replies.make(call.model, call.prompt, call.body["tools"], format, call.thinks)
    const plan = plans.make(call, script, server.factor)
    const promptDone = (yield* Clock.currentTimeMillis) + plan.promptTime
    const self: Answering = { exchange, call, lease, plan, promptDone, loadTime }
    yield* dieAfter(self, 0)
    yield* due(self, 0)
    hasTokens = true
    if (call.body["stream"] === false) return yield* folded(self)
    yield* due(self, plan.pieces[0]?.at ?? plan.end)
    return streamed(self)
  }).pipe(
    Effect.catchTag("Died", (died) => {
      exchange.crashed()
      return Effect.fail(crash.generation(died, hasTokens, server.version))
    })
  )
}

const route =
  (endpoint: Endpoint): Route =>
  (exchange) =>
    Effect.gen(function* () {
      const { scheduler } = exchange.server
      const call = yield* understand(exchange, endpoint)
      if (call.empty && call.keepAlive === 0) {
        yield* scheduler.unload(call.model.name)
        return yield* loadOnly(call, "unload")
      }
      const lease = yield* useModel(exchange, call)
      const loadTime = (yield* Clock.currentTimeMillis) - exchange.arrivedAt
      if (call.empty) return yield* loadOnly(call, "load")
      if (call.body["_debug_render_only"] === true) return yield* rendered(call)
      const format = yield* values.format(call.body["format"])
      if (hasImages(call) && !call.model.capabilities.includes("vision")) {
        return yield* refuse(
          texts["request.imageUnsupported"].status,
          JSON.parse(texts["request.imageUnsupported"].body)
        )
      }
      return yield* answer(exchange, call, lease, format, loadTime)
    })

export const chat: Route = route("chat")

export const generate: Route = route("generate")
