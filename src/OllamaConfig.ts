/**
 * Where Ollama is and how to be let in, as a value: the address by the rules of OLLAMA_HOST, credentials and headers.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import * as internal from "./internal/address.js"
import * as OllamaError from "./OllamaError.js"

/**
 * An address that can be connected to. `url` holds no credentials and has no slash at its end; credentials that were
 * written into the address are in `basic`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address extends internal.Address {}

/**
 * Address, credentials and headers of one server.
 *
 * @since 0.1.0
 * @category models
 */
export interface OllamaConfig {
  /** As OLLAMA_HOST is written: `gpu-box`, `:11500`, `https://example.com/ollama`, `ollama.com`. */
  readonly host?: string | undefined
  /** Sent as `Authorization: Bearer`, to this host only. */
  readonly apiKey?: Redacted.Redacted | undefined
  /** Sent with every request, to this host only. A custom header makes browsers ask Ollama first, and it refuses. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
}

/**
 * The address that is used when none is given.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultHost = "http://127.0.0.1:11434"

/**
 * Reads an address by the rules of OLLAMA_HOST (Ollama `envconfig/config.go`): quotes and spaces around it are dropped,
 * without a scheme it is http on port 11434, with one the port is 80 or 443, `ollama.com` is https, an unspecified
 * address (`0.0.0.0`, `::`, `:1234`) becomes the loopback one, a path is kept.
 *
 * Fails with `InvalidRequest` (issue `address`, field `host`) when no server can have this address.
 *
 * @example
 * ```ts
 * import { Either } from "effect"
 * import { OllamaConfig } from "effect-ollama"
 *
 * const url = Either.map(OllamaConfig.address("0.0.0.0:1234"), (address) => address.url)
 * // Either.right("http://127.0.0.1:1234")
 * console.log(url)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const address = (host: string | undefined): Either.Either<Address, OllamaError.InvalidRequest> =>
  Either.mapLeft(
    typeof host === "string" || host === undefined
      ? internal.parse(host ?? defaultHost)
      : Either.left("it must be a string"),
    (why) =>
      new OllamaError.InvalidRequest({
        issue: "address",
        field: "host",
        remedy: `Correct the address (OLLAMA_HOST): ${why}`
      })
  )

/**
 * The address from `OLLAMA_HOST` and the key from `OLLAMA_API_KEY`; an empty variable counts as absent. The address is
 * checked where it is used.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<OllamaConfig> = Config.all({
  host: Config.withDefault(Config.nonEmptyString("OLLAMA_HOST"), undefined),
  apiKey: Config.withDefault(Config.redacted(Config.nonEmptyString("OLLAMA_API_KEY")), undefined)
})
