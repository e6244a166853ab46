/** `POST /api/embed` and the older `POST /api/embeddings`: vectors made of the words of the input, always the same. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as crash from "./crash.js"
import { type Exchange, find, type Route } from "./exchange.js"
import * as json from "./json.js"
import { type Json, omitEmpty, type Refusal, refuse } from "./json.js"
import * as models from "./models.js"
import type { Installed } from "./models.js"
import * as replies from "./replies.js"
import type { Died } from "./slots.js"
import { texts } from "./texts.js"
import * as values from "./values.js"
import type { Lease } from "./worker.js"

const shared = { model: ["string", "string"], options: ["object", "map[string]interface {}"] } as const

const embedFields: json.Fields = {
  struct: "EmbedRequest",
  types: { ...shared, truncate: ["bool", "bool"], dimensions: ["int", "int"] }
}

const legacyFields: json.Fields = {
  struct: "EmbeddingRequest",
  types: { ...shared, prompt: ["string", "string"] }
}

/** A number between -1 and 1 for each position, from the text alone (xorshift). */
const direction = (word: string, length: number): Float64Array => {
  let state = 0x9e3779b9
  for (let i = 0; i < word.length; i++) state = Math.imul(state ^ word.charCodeAt(i), 0x85ebca6b) ^ (state >>> 13)
  state = state === 0 ? 1 : state
  return Float64Array.from({ length }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state / 0x80000000
  })
}

const normalised = (vector: ReadonlyArray<number>): ReadonlyArray<number> => {
  const length = Math.hypot(...vector)
  return vector.map((value) => Number((length === 0 ? 0 : value / length).toPrecision(8)))
}

/** The sum of the directions of its words: texts with words in common are near each other. */
export const vector = (text: string, length: number): ReadonlyArray<number> => {
  const sum: Array<number> = new Array<number>(length).fill(0)
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]
  for (const word of words) {
    direction(word, length).forEach((value, i) => {
      sum[i] = (sum[i] ?? 0) + value
    })
  }
  return normalised(sum)
}

interface Call {
  readonly body: Json
  readonly model: Installed
  readonly lease: Lease
  /** From the arrival until the model was there, in milliseconds. */
  readonly loadTime: number
}

const understand = (
  exchange: Exchange,
  fields: json.Fields
): Effect.Effect<{ readonly body: Json; readonly sent: string; readonly keepAlive: number | undefined }, Refusal> =>
  Effect.gen(function* () {
    const body = yield* json.parse(exchange.request.body, fields)
    const keepAlive = yield* values.keepAlive(body["keep_alive"])
    return { body, sent: typeof body["model"] === "string" ? body["model"] : "", keepAlive }
  })

/** The model is loaded. */
const begin = (
  exchange: Exchange,
  body: Json,
  model: Installed,
  keepAlive: number | undefined,
  runs: boolean
): Effect.Effect<Call, Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const options = yield* values.options(body["options"])
    const lease = yield* exchange.server.scheduler.use({
      model,
      settings: values.settings(options, model, undefined),
      keepAlive,
      runs
    })
    const loadTime = (yield* Clock.currentTimeMillis) - exchange.arrivedAt
    return { body, model, lease, loadTime }
  })

/** Waits for the model's turn, and for as long as it takes to read these inputs. */
const evaluated = (exchange: Exchange, call: Call, counts: ReadonlyArray<number>): Effect.Effect<void, Died> =>
  Effect.gen(function* () {
    const { factor, scheduler } = exchange.server
    yield* scheduler.turn(call.lease)
    if (exchange.crashAfter === 0) yield* scheduler.crash(call.model.name)
    yield* scheduler.work(
      call.lease,
      Math.round(counts.reduce((sum, count) => sum + call.model.promptTime(count) * factor, 0))
    )
  })

const orCrash =
  (exchange: Exchange, status: 400 | 500) =>
  <A, R>(effect: Effect.Effect<A, Died | Refusal, R>): Effect.Effect<A, Refusal, R> =>
    Effect.catchTag(effect, "Died", (died) => {
      exchange.crashed()
      return Effect.fail(crash.embedding(died, status, exchange.server.version))
    })

const inputsOf = (value: unknown): ReadonlyArray<string> | undefined => {
  if (value === undefined || value === null) return []
  const list: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
  const inputs = list.filter((item): item is string => typeof item === "string")
  return inputs.length === list.length ? (value === "" ? [] : inputs) : undefined
}

const noEmbeddings = (status: number) => refuse(status, JSON.parse(texts["request.noEmbeddings"].body))

const pullFirst = (sent: string) => refuse(404, `model ${JSON.stringify(sent)} not found, try pulling it first`)

const embedded = (exchange: Exchange, call: Call, inputs: ReadonlyArray<string>): Effect.Effect<Json, Died | Refusal> =>
  Effect.gen(function* () {
    const { body, model } = call
    const counts = inputs.map(replies.count)
    if (body["truncate"] === false && counts.some((count) => count > model.contextLength)) {
      return yield* refuse(400, "the input length exceeds the context length")
    }
    yield* evaluated(exchange, call, counts)
    const wanted = body["dimensions"]
    const native = model.embeddingLength
    const length = typeof wanted === "number" && wanted > 0 && wanted < native ? wanted : native
    const at = yield* Clock.currentTimeMillis
    return {
      model: body["model"],
      embeddings: inputs.map((input) => normalised(vector(input, native).slice(0, length))),
      ...omitEmpty({
        total_duration: Math.round((at - exchange.arrivedAt) * 1e6),
        load_duration: Math.round(call.loadTime * 1e6),
        prompt_eval_count: counts.reduce((sum, count) => sum + Math.min(count, model.contextLength), 0)
      })
    }
  })

export const embed: Route = (exchange) =>
  Effect.gen(function* () {
    const { body, keepAlive, sent } = yield* understand(exchange, embedFields)
    const inputs = inputsOf(body["input"])
    if (inputs === undefined) return yield* refuse(400, "invalid input type")
    const name = models.parseName(sent)
    if (name === undefined) return yield* refuse(404, `model '${sent}' not found`)
    const model = find(exchange.server, name.short)
    if (model === undefined) return yield* pullFirst(sent)
    const call = yield* begin(exchange, body, model, keepAlive, inputs.length > 0)
    if (inputs.length === 0) return json.answer({ model: sent, embeddings: [] })
    if (!model.capabilities.includes("embedding")) return yield* noEmbeddings(501)
    return json.answer(yield* orCrash(exchange, 400)(embedded(exchange, call, inputs)))
  })

export const embeddings: Route = (exchange) =>
  Effect.gen(function* () {
    const { body, keepAlive, sent } = yield* understand(exchange, legacyFields)
    const name = models.parseName(sent)
    if (name === undefined) return yield* refuse(400, "model is required")
    const model = find(exchange.server, name.short)
    if (model === undefined) return yield* pullFirst(sent)
    const prompt = body["prompt"]
    const call = yield* begin(exchange, body, model, keepAlive, typeof prompt === "string" && prompt !== "")
    if (typeof prompt !== "string" || prompt === "") return json.answer({ embedding: [] })
    if (!model.capabilities.includes("embedding")) return yield* noEmbeddings(500)
    yield* orCrash(exchange, 500)(evaluated(exchange, call, [replies.count(prompt)]))
    return json.answer({ embedding: vector(prompt, model.embeddingLength) })
  })
