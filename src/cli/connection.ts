/** Which server is asked, and under which policy: what the command line says, and the environment for the rest. */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as OllamaNode from "../node/OllamaNode.js"
import * as PolicyFile from "../node/policyFile.js"
import type * as OllamaClient from "../OllamaClient.js"
import * as OllamaConfig from "../OllamaConfig.js"
import type * as OllamaError from "../OllamaError.js"
import type * as Policy from "../policy/Policy.js"

export interface Connection {
  /** In the place of OLLAMA_HOST. */
  readonly host: Option.Option<string>
  /** A file in the place of the policy of the environment. */
  readonly policy?: Option.Option<string>
}

/** The policy in a file. */
export const policyOf = (path: string): Effect.Effect<Policy.Policy, PolicyFile.PolicyFileError> =>
  Effect.flatMap(PolicyFile.text(path), (content) => PolicyFile.parse(path, content))

const urlOf = (host: string): string | undefined =>
  Either.getOrUndefined(Either.map(OllamaConfig.address(host), ({ url }) => url))

/**
 * The key of the environment is that of the server at OLLAMA_HOST: another one does not get it. Where the environment
 * names no server, it is for the one that the command line names.
 */
export const keyFor = (host: string, env: OllamaConfig.OllamaConfig): OllamaConfig.OllamaConfig["apiKey"] =>
  env.host === undefined || urlOf(env.host) === urlOf(host) ? env.apiKey : undefined

/** The client that the command line asks for. */
export const layer = ({
  host,
  policy = Option.none()
}: Connection): Layer.Layer<
  OllamaClient.OllamaClient,
  OllamaError.InvalidRequest | ConfigError.ConfigError | PolicyFile.PolicyFileError
> =>
  Layer.unwrapEffect(
    Effect.map(Effect.transposeMapOption(policy, policyOf), (policy) =>
      OllamaNode.layerConfig({
        ...Option.match(host, {
          onNone: () => ({}),
          onSome: (host) => ({
            host: Config.succeed(host),
            apiKey: Config.map(OllamaConfig.config, (env) => keyFor(host, env))
          })
        }),
        ...Option.match(policy, { onNone: () => ({}), onSome: (policy) => ({ policy: Config.succeed(policy) }) })
      })
    )
  )

/** The address as it is understood, without credentials. */
export const address = ({
  host
}: Connection): Effect.Effect<string, OllamaError.InvalidRequest | ConfigError.ConfigError> =>
  Option.match(host, {
    onSome: Effect.succeed,
    onNone: () => Effect.map(OllamaConfig.config, ({ host }) => host)
  }).pipe(
    Effect.flatMap(OllamaConfig.address),
    Effect.map(({ url }) => url)
  )
