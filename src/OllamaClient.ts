/**
 * The client: every call of Ollama's API an Effect or a Stream, under one policy.
 *
 * Build the layer once: each `layer()` has its own state.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as internal from "./client/make.js"
import * as Patch from "./policy/patch.js"
import { OllamaClient, type Options, type Service } from "./client/service.js"
import * as OllamaConfig from "./OllamaConfig.js"
import type * as OllamaError from "./OllamaError.js"
import * as Policy from "./policy/Policy.js"

export * from "./client/accessors.js"
export * from "./client/service.js"

/**
 * Makes a client, which lives as long as the Scope. Fails with `InvalidRequest` for an address that no server can have
 * (field `host`), a header that cannot be sent, and a policy that is none (`policy.retry.attempts`). Never reads the
 * environment.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<Service, OllamaError.InvalidRequest, HttpClient.HttpClient | Scope.Scope> => internal.make(options)

/**
 * The client as a layer over any HTTP client of `@effect/platform`. Fails with `InvalidRequest` for an address that no
 * server can have (field `host`), a header that cannot be sent, and a policy that is none (`policy.retry.attempts`). Never
 * reads the environment.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 * import { OllamaClient } from "effect-ollama"
 *
 * const Ollama = OllamaClient.layer({ host: "gpu-box" }).pipe(Layer.provide(FetchHttpClient.layer))
 *
 * const program = OllamaClient.chat({
 *   model: "llama3.2",
 *   messages: [{ role: "user", content: "Hello" }]
 * }).pipe(Effect.map((answer) => answer.message.content), Effect.provide(Ollama))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<OllamaClient, OllamaError.InvalidRequest, HttpClient.HttpClient> =>
  Layer.scoped(OllamaClient, make(options))

/**
 * What `layerConfig` reads when nothing else is said: `OLLAMA_HOST`, `OLLAMA_API_KEY`, `OLLAMA_POLICY` and
 * `OLLAMA_POLICY_*`.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(
  Config.all({ where: OllamaConfig.config, policy: Policy.config }),
  ({ policy, where }) => ({ ...where, policy })
)

/** `Config.unwrap` cannot take an object without fields. */
const given = (options: Config.Config.Wrap<Options>): Config.Config<Options> =>
  Config.isConfig(options) || Object.keys(options).length > 0 ? Config.unwrap(options) : Config.succeed({})

/**
 * The client as a layer, its options from effect/Config: those that are given, and `OLLAMA_HOST`, `OLLAMA_API_KEY`,
 * `OLLAMA_POLICY` (JSON) and `OLLAMA_POLICY_*` for the rest.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options> = {}
): Layer.Layer<OllamaClient, OllamaError.InvalidRequest | ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.scoped(
    OllamaClient,
    Effect.flatMap(Config.all({ env: config, own: given(options) }), ({ env, own }) => make({ ...env, ...own }))
  )

/**
 * Changes the policy for every call that is run inside an effect, also for the run of a stream. Inner changes win over
 * outer ones, and the options of a call over both. An impossible value fails the call as `InvalidRequest`.
 *
 * @example
 * ```ts
 * import { OllamaClient } from "effect-ollama"
 *
 * const quick = OllamaClient.version().pipe(OllamaClient.withPolicy({ timeouts: { total: "2 seconds" } }))
 * ```
 *
 * @since 0.1.0
 * @category policies
 */
export const withPolicy: {
  (patch: Policy.Patch): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, patch: Policy.Patch): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, patch: Policy.Patch): Effect.Effect<A, E, R> =>
  Effect.flatMap(Patch.CurrentPatch, (current) =>
    Effect.provideService(effect, Patch.CurrentPatch, Patch.both(current, patch))
  )
)
