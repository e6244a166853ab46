/**
 * Ollama as the `LanguageModel` of `@effect/ai`.
 *
 * Every request goes through `OllamaClient`: its policy, its records and its spans are those of any other call.
 *
 * - Reasoning parts are what a thinking model thinks; they go back to it with the conversation.
 * - Files: images, WAV and MP3 sounds go to models that see or hear; texts (`text/*`, JSON, XML, YAML) become a part of
 *   what is said; anything else, and a URL that would have to be fetched, is `MalformedInput`.
 * - `toolChoice`: Ollama has no such field. `none` sends no tools, `{ tool }` and `oneOf` only those. Where a call is
 *   required, an answer without one fails as `MalformedOutput`.
 * - `generateObject` sends the JSON Schema as `format`; an answer that does not fit fails as `MalformedOutput`, which
 *   says where and not what. With a toolkit the server holds the model to the format, so that it seldom calls a tool.
 * - No failure or span of this module holds a word of prompt or answer. What `@effect/ai` itself says of tools does: its
 *   failure for arguments that do not fit, and the attributes of its spans `Toolkit.handle`, have the arguments.
 * - There is no `Tokenizer`: Ollama has no endpoint that counts tokens, models differ in theirs, and a guess would cut
 *   prompts at the wrong place. `options.num_ctx` and `truncate` are what the server itself goes by.
 *
 * @since 0.1.0
 */
import type * as AiError from "@effect/ai/AiError"
import * as IdGenerator from "@effect/ai/IdGenerator"
import * as LanguageModel from "@effect/ai/LanguageModel"
import * as AiModel from "@effect/ai/Model"
import type * as Response from "@effect/ai/Response"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type * as Chat from "../api/Chat.js"
import * as JsonSchema from "../api/JsonSchema.js"
import type * as Shared from "../api/Shared.js"
import * as OllamaClient from "../OllamaClient.js"
import * as GenAi from "../internal/genAi.js"
import * as OllamaError from "../OllamaError.js"
import type { CallRecord } from "../record/CallRecord.js"
import * as Deltas from "./deltas.js"
import * as Messages from "./messages.js"
import * as OllamaAiError from "./OllamaAiError.js"
import * as Recording from "./recording.js"
import * as ResponseParts from "./response.js"
import { merge } from "./settings.js"
import * as Telemetry from "./telemetry.js"
import * as Tools from "./tools.js"

declare module "@effect/ai/Response" {
  /** What Ollama says besides: where a model of the cloud ran. */
  export interface ResponseMetadataPartMetadata extends ProviderMetadata {
    readonly ollama?:
      | {
          /** The model that answered in the cloud. */
          readonly remoteModel?: string
          /** The host that it ran on. */
          readonly remoteHost?: string
        }
      | undefined
  }

  /** What Ollama, and the client, say of a call at its end. */
  export interface FinishPartMetadata extends ProviderMetadata {
    readonly ollama?:
      | {
          /** What became of the call: its phases, attempts, decisions, and why it took so long. */
          readonly record?: CallRecord
          /** The server's own word for why it ended. */
          readonly doneReason?: string
          /** Nanoseconds, like all of the server's durations. */
          readonly total_duration?: number
          readonly load_duration?: number
          readonly prompt_eval_duration?: number
          readonly eval_duration?: number
          /** Of the last piece of a stream, or of the whole answer, where `logprobs` asked for them. */
          readonly logprobs?: ReadonlyArray<Shared.Logprob>
        }
      | undefined
  }
}

/**
 * Everything about requests that `@effect/ai` has no name for: `options` (`temperature`, `num_ctx`, …), `keep_alive`,
 * `think`, `truncate`, `shift`, `logprobs`, and the client's own options of a call.
 *
 * @since 0.1.0
 * @category context
 */
export class Config extends Context.Tag("effect-ollama/ai/OllamaLanguageModel/Config")<Config, Config.Service>() {}

/**
 * @since 0.1.0
 * @category context
 */
export declare namespace Config {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service extends Partial<Omit<Chat.ChatRequest, "messages" | "tools" | "format">> {
    /** Of the client: policy, priority, session, host, retries, `onRecord`. */
    readonly call?: OllamaClient.CallOptions | undefined
    /** How often `generateObject` asks again when an answer does not fit; 0 by default. See `chatObject` of the client. */
    readonly reask?: number | undefined
  }
}

type Settings = Omit<Config.Service, "model">

/** What `withConfigOverride` says where the request is made. */
const current = Effect.map(
  Effect.serviceOption(Config),
  Option.getOrElse((): Config.Service => ({}))
)

/** A request, ready to be sent. */
interface Draft {
  readonly request: Omit<Chat.ChatRequest, "format">
  readonly reask: number | undefined
  readonly recording: Recording.Recording
}

type Asked = LanguageModel.ProviderOptions

const draft = (
  asked: Asked,
  method: string,
  own: Config.Service & { readonly model: string }
): Effect.Effect<Draft, AiError.AiError> =>
  Effect.gen(function* () {
    const override = yield* current
    const { call, reask, ...settings } = merge(own, override)
    const messages = yield* Messages.make(asked.prompt, method)
    const tools = yield* Tools.make(asked, method)
    const request = { ...settings, model: settings.model ?? own.model, messages, ...(tools.length > 0 && { tools }) }
    Telemetry.request(asked.span, request)
    return { request, reask, recording: Recording.make(call) }
  })

/** An object is checked here, where a failure says nothing of what was answered; with tools it may be a call instead. */
const answer = (
  client: OllamaClient.Service,
  { reask, recording, request }: Draft,
  { responseFormat }: Asked
): Effect.Effect<Chat.ChatResponse, OllamaError.OllamaError> => {
  if (responseFormat.type === "text") return client.chat(request, recording.options)
  const { schema } = responseFormat
  if (request.tools !== undefined) {
    return Either.match(JsonSchema.makeEither(schema), {
      onLeft: (why) =>
        Effect.fail(
          new OllamaError.InvalidRequest({ issue: "format", field: "schema", remedy: `Correct schema: ${why}` })
        ),
      onRight: (format) => client.chat({ ...request, format }, recording.options)
    })
  }
  const object = Effect.map(
    client.chatObject({ ...request, schema, reask }, recording.options),
    ({ response }) => response
  )
  // whoever calls generateObject has to provide what its schema needs, which @effect/ai hands on without its type
  return Effect.flatMap(Effect.context<never>(), (context) =>
    Effect.provide(object, context as Context.Context<unknown>)
  )
}

const ids = (count: number): Effect.Effect<ReadonlyArray<string>, never, IdGenerator.IdGenerator> =>
  count === 0
    ? Effect.succeed([])
    : Effect.flatMap(IdGenerator.IdGenerator, (generator) => Effect.replicateEffect(generator.generateId(), count))

const failing = (method: string) => (error: OllamaError.OllamaError) =>
  OllamaAiError.fromOllamaError(error, { module: "OllamaLanguageModel", method })

const generate = (
  client: OllamaClient.Service,
  own: Config.Service & { readonly model: string },
  asked: Asked
): Effect.Effect<Array<Response.PartEncoded>, AiError.AiError, IdGenerator.IdGenerator> =>
  Effect.gen(function* () {
    const method = asked.responseFormat.type === "json" ? "generateObject" : "generateText"
    const ready = yield* draft(asked, method, own)
    const response = yield* Effect.mapError(answer(client, ready, asked), failing(method))
    const calls = response.message.tool_calls ?? []
    if (calls.length === 0 && Tools.isRequired(asked.toolChoice)) return yield* Tools.uncalled(method)
    const parts = ResponseParts.parts(response, yield* ids(ResponseParts.unnamed(calls)), yield* ready.recording.record)
    for (const part of parts) Telemetry.part(asked.span, part)
    return parts
  })

const stream = (
  client: OllamaClient.Service,
  own: Config.Service & { readonly model: string },
  asked: Asked
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError, IdGenerator.IdGenerator> =>
  Stream.unwrap(
    Effect.map(draft(asked, "streamText", own), ({ recording, request }) => {
      const deltas = Deltas.make()
      const annotated = (parts: ReadonlyArray<Response.StreamPartEncoded>) => {
        for (const part of parts) Telemetry.part(asked.span, part)
        return Chunk.unsafeFromArray(parts)
      }
      const step = (chunks: Chunk.Chunk<Chat.ChatChunk>) => {
        const parts: Array<Response.StreamPartEncoded> = []
        const all = Chunk.toReadonlyArray(chunks)
        const missing = all.reduce((sum, { message }) => sum + ResponseParts.unnamed(message.tool_calls), 0)
        return Effect.map(ids(missing), (own) => {
          const rest = [...own]
          for (const chunk of all) {
            deltas.next(chunk, rest.splice(0, ResponseParts.unnamed(chunk.message.tool_calls)), parts)
          }
          return annotated(parts)
        })
      }
      // the record of a call is there once its answer has ended
      const end = Effect.flatMap(recording.record, (record) =>
        !deltas.hasCalls() && Tools.isRequired(asked.toolChoice)
          ? Effect.fail(Tools.uncalled("streamText"))
          : Effect.succeed(annotated(deltas.end(record)))
      )
      return client.chatStream(request, recording.options).pipe(
        // @effect/ai makes a span of a stream nobody's parent
        Stream.provideService(Tracer.ParentSpan, asked.span),
        Stream.mapError(failing("streamText")),
        Stream.mapChunksEffect(step),
        Stream.concat(Stream.unwrap(Effect.map(end, Stream.fromChunk)))
      )
    })
  )

/**
 * A language model over the client in the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  /** The model to ask. */
  readonly model: string
  /** For every request; see `withConfigOverride` for some of them. */
  readonly config?: Settings | undefined
}): Effect.Effect<LanguageModel.Service, never, OllamaClient.OllamaClient> =>
  Effect.flatMap(OllamaClient.OllamaClient, (client) => {
    const own = { ...options.config, model: options.model }
    return LanguageModel.make({
      generateText: (asked) => generate(client, own, asked),
      streamText: (asked) => stream(client, own, asked)
    })
  })

/**
 * The language model as a layer over the client.
 *
 * @example
 * ```ts
 * import { LanguageModel } from "@effect/ai"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 * import { OllamaClient } from "effect-ollama"
 * import { OllamaLanguageModel } from "effect-ollama/ai"
 *
 * const Model = OllamaLanguageModel.layer({
 *   model: "llama3.2",
 *   config: { options: { temperature: 0 }, keep_alive: "10m" }
 * }).pipe(Layer.provide(OllamaClient.layer()), Layer.provide(FetchHttpClient.layer))
 *
 * const program = LanguageModel.generateText({ prompt: "Why is the sky blue?" }).pipe(
 *   Effect.map((response) => response.text),
 *   Effect.provide(Model)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: {
  readonly model: string
  readonly config?: Settings | undefined
}): Layer.Layer<LanguageModel.LanguageModel, never, OllamaClient.OllamaClient> =>
  Layer.effect(LanguageModel.LanguageModel, make(options))

/**
 * The language model as a `Model` of `@effect/ai`: a layer that a program can provide, or yield to close over the client.
 *
 * @example
 * ```ts
 * import { LanguageModel } from "@effect/ai"
 * import { Effect } from "effect"
 * import { OllamaLanguageModel } from "effect-ollama/ai"
 *
 * const program = Effect.gen(function* () {
 *   const model = yield* OllamaLanguageModel.model("qwen3", { think: false })
 *   return yield* LanguageModel.generateText({ prompt: "Hello" }).pipe(Effect.provide(model))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const model = (
  model: string,
  config?: Settings
): AiModel.Model<typeof GenAi.provider, LanguageModel.LanguageModel, OllamaClient.OllamaClient> =>
  AiModel.make(GenAi.provider, layer({ model, config }))

/**
 * Changes the configuration of all requests inside an effect, also for streams that are run inside it. `options` are
 * merged by their names, the rest replaces what was there.
 *
 * @example
 * ```ts
 * import { LanguageModel } from "@effect/ai"
 * import { OllamaLanguageModel } from "effect-ollama/ai"
 *
 * const exact = LanguageModel.generateText({ prompt: "What is 6 times 7?" }).pipe(
 *   OllamaLanguageModel.withConfigOverride({ options: { temperature: 0 }, think: "high" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category configuration
 */
export const withConfigOverride: {
  (config: Config.Service): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, config: Config.Service): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, config: Config.Service): Effect.Effect<A, E, R> =>
  Effect.flatMap(current, (outer) => Effect.provideService(self, Config, merge(outer, config)))
)
