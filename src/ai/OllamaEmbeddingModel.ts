/**
 * Ollama as the `EmbeddingModel` of `@effect/ai`: texts that are asked for at the same time go to the server together.
 *
 * @since 0.1.0
 */
import * as AiError from "@effect/ai/AiError"
import * as EmbeddingModel from "@effect/ai/EmbeddingModel"
import * as AiModel from "@effect/ai/Model"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Embed from "../api/Embed.js"
import * as GenAi from "../internal/genAi.js"
import * as OllamaClient from "../OllamaClient.js"
import * as OllamaAiError from "./OllamaAiError.js"
import { merge } from "./settings.js"

/**
 * Everything about requests that `@effect/ai` has no name for: `dimensions`, `truncate`, `options`, `keep_alive`, and the
 * client's own options of a call.
 *
 * @since 0.1.0
 * @category context
 */
export class Config extends Context.Tag("effect-ollama/ai/OllamaEmbeddingModel/Config")<Config, Config.Service>() {}

/**
 * @since 0.1.0
 * @category context
 */
export declare namespace Config {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service extends Partial<Omit<Embed.EmbedRequest, "input">> {
    /** Of the client: policy, priority, session, host, retries, `onRecord`. */
    readonly call?: OllamaClient.CallOptions | undefined
  }

  /**
   * @since 0.1.0
   * @category models
   */
  export interface Batched extends Omit<Service, "model"> {
    /** The most texts of one request; 100 by default. */
    readonly maxBatchSize?: number | undefined
    /** Keeps vectors of texts; none by default. */
    readonly cache?: { readonly capacity: number; readonly timeToLive: Duration.DurationInput } | undefined
  }

  /**
   * @since 0.1.0
   * @category models
   */
  export interface DataLoader extends Omit<Service, "model"> {
    /** How long texts are collected, over all callers, before they are sent. */
    readonly window: Duration.DurationInput
    /** The most texts of one request; 100 by default. */
    readonly maxBatchSize?: number | undefined
  }
}

/**
 * A text that fails makes its whole request fail, the server works on one after the other, and the answer is one line of
 * JSON: 100 vectors of 4096 numbers are about 5 MiB, and `lineLimit` is 8.
 */
const batchSize = 100

/** What `withConfigOverride` says where the request is made. */
const current = Effect.map(
  Effect.serviceOption(Config),
  Option.getOrElse((): Config.Service => ({}))
)

const origin: OllamaAiError.Origin = { module: "OllamaEmbeddingModel", method: "embedMany" }

/** One request for several texts. */
const embedMany =
  (client: OllamaClient.Service, model: string, own: Config.Service) =>
  (input: ReadonlyArray<string>): Effect.Effect<Array<EmbeddingModel.Result>, AiError.AiError> =>
    Effect.gen(function* () {
      const override = yield* current
      const { call, ...settings } = merge(own, override)
      const { embeddings } = yield* Effect.mapError(
        client.embed({ ...settings, model: settings.model ?? model, input }, call),
        (error) => OllamaAiError.fromOllamaError(error, origin)
      )
      // a text without a vector would wait for ever
      if (embeddings.length !== input.length) {
        const description = `The server gave ${embeddings.length} vectors for ${input.length} texts`
        return yield* new AiError.MalformedOutput({ ...origin, description })
      }
      return embeddings.map((vector, index) => ({ index, embeddings: [...vector] }))
    })

/** Over when the caller of a batch has left. */
class Left extends Context.Tag("effect-ollama/ai/OllamaEmbeddingModel/Left")<Left, Deferred.Deferred<void>>() {}

/** Work for a batch that ends when its caller has left. */
const stoppable = <A, E>(work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.serviceOption(Left), (left) =>
    Option.match(left, {
      onNone: () => work,
      onSome: (left) => Effect.raceFirst(work, Effect.zipRight(Deferred.await(left), Effect.interrupt))
    })
  )

/** Effect's batches go on until their end, whoever leaves; this one is told, and whoever leaves waits until it has stopped. */
const leavable = (service: EmbeddingModel.Service): EmbeddingModel.Service => ({
  embed: service.embed,
  embedMany: (input, options) =>
    Effect.flatMap(Deferred.make<void>(), (left) =>
      Effect.flatMap(Effect.forkDaemon(Effect.provideService(service.embedMany(input, options), Left, left)), (fiber) =>
        Effect.onInterrupt(Fiber.join(fiber), () =>
          Effect.zipRight(Deferred.succeed(left, undefined), Fiber.await(fiber))
        )
      )
    )
})

/**
 * An embedding model whose texts are sent together where a program asks for several at the same time (`embedMany`, or
 * `Effect.forEach` with `batching: true`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeBatched = (options: {
  /** The embedding model. */
  readonly model: string
  readonly config?: Config.Batched | undefined
}): Effect.Effect<EmbeddingModel.Service, never, OllamaClient.OllamaClient> =>
  Effect.flatMap(OllamaClient.OllamaClient, (client) => {
    const { cache, maxBatchSize = batchSize, ...own } = options.config ?? {}
    const send = embedMany(client, options.model, own)
    const service = EmbeddingModel.make({
      embedMany: (input) => stoppable(send(input)),
      maxBatchSize,
      ...(cache !== undefined && { cache })
    })
    return Effect.map(service, leavable)
  })

/**
 * An embedding model that collects the texts of all its callers for a while, as a data loader does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeDataLoader = (options: {
  /** The embedding model. */
  readonly model: string
  readonly config: Config.DataLoader
}): Effect.Effect<EmbeddingModel.Service, never, OllamaClient.OllamaClient | Scope.Scope> =>
  Effect.flatMap(OllamaClient.OllamaClient, (client) => {
    const { maxBatchSize = batchSize, window, ...own } = options.config
    const send = embedMany(client, options.model, own)
    // the texts of one caller are not all that a request is made for: it goes on when that caller leaves
    return Effect.map(EmbeddingModel.makeDataLoader({ embedMany: send, window, maxBatchSize }), (service) => ({
      embed: service.embed,
      embedMany: (input, options) => Effect.disconnect(service.embedMany(input, options))
    }))
  })

/**
 * `makeBatched` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBatched = (options: {
  readonly model: string
  readonly config?: Config.Batched | undefined
}): Layer.Layer<EmbeddingModel.EmbeddingModel, never, OllamaClient.OllamaClient> =>
  Layer.effect(EmbeddingModel.EmbeddingModel, makeBatched(options))

/**
 * `makeDataLoader` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerDataLoader = (options: {
  readonly model: string
  readonly config: Config.DataLoader
}): Layer.Layer<EmbeddingModel.EmbeddingModel, never, OllamaClient.OllamaClient> =>
  Layer.scoped(EmbeddingModel.EmbeddingModel, makeDataLoader(options))

/**
 * The embedding model as a `Model` of `@effect/ai`.
 *
 * @example
 * ```ts
 * import { EmbeddingModel } from "@effect/ai"
 * import { Effect } from "effect"
 * import { OllamaEmbeddingModel } from "effect-ollama/ai"
 *
 * const vectors = Effect.gen(function* () {
 *   const embedding = yield* EmbeddingModel.EmbeddingModel
 *   return yield* embedding.embedMany(["blue", "green"])
 * }).pipe(Effect.provide(OllamaEmbeddingModel.model("nomic-embed-text", { mode: "batched" })))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const model = (
  model: string,
  config: ({ readonly mode: "batched" } & Config.Batched) | ({ readonly mode: "data-loader" } & Config.DataLoader)
): AiModel.Model<typeof GenAi.provider, EmbeddingModel.EmbeddingModel, OllamaClient.OllamaClient> => {
  if (config.mode === "batched") {
    const { mode: _, ...rest } = config
    return AiModel.make(GenAi.provider, layerBatched({ model, config: rest }))
  }
  const { mode: _, ...rest } = config
  return AiModel.make(GenAi.provider, layerDataLoader({ model, config: rest }))
}

/**
 * Changes the configuration of all requests inside an effect. `options` are merged by their names, the rest replaces what
 * was there. Texts of one batch are sent with the configuration of the one that was asked for first; a data loader uses
 * that of the effect which its layer was built in.
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
