/**
 * The client on Node: over undici, without the limits that cut slow models off, with proxies, own certificate
 * authorities and an exact connect timer; and files as blobs.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Duration from "effect/Duration"
import type * as Stream from "effect/Stream"
import type * as Blob from "../api/Blob.js"
import { TellsConnections } from "../internal/connected.js"
import { ConnectLimit } from "../internal/connectLimit.js"
import { Soon } from "../internal/soon.js"
import { TransportSecrets } from "../internal/transportSecrets.js"
import * as Doctor from "../observe/Doctor.js"
import * as OllamaClient from "../OllamaClient.js"
import type * as OllamaError from "../OllamaError.js"
import type * as Timeouts from "../policy/Timeouts.js"
import type * as Policy from "../policy/Policy.js"
import * as Files from "./files.js"
import * as FollowPolicy from "./followPolicy.js"
import type { PolicyFileError } from "./policyFile.js"
import * as Probes from "./probes.js"
import { secrets, type Proxy as internalProxy } from "./proxy.js"
import { make as makeSoon } from "./soon.js"
import * as Transport from "./transport.js"
import * as WatchPolicy from "./watchPolicy.js"

export { PolicyFileError } from "./policyFile.js"

/**
 * Proxies as values, followed as Ollama's own client follows HTTP_PROXY, HTTPS_PROXY and NO_PROXY: `http` is for http
 * addresses, `https` for https ones, and neither is used for loopback addresses. A proxy is written
 * `http://user:password@proxy:3128`, also with `https` or `socks5`; without a scheme it is http. `no` holds names,
 * `.domains`, addresses, networks (`10.0.0.0/8`) and `*`, each also with a port, separated by commas or as an array.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proxy extends internalProxy {}

/**
 * How connections are made.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportOptions {
  /**
   * The most time until a connection stands: name, connection, proxy and TLS. `"auto"`, the default, is 2 seconds. What
   * passes it is a `Timeout` of phase `connect`.
   */
  readonly connectTimeout?: Timeouts.ClockInput | undefined
  /** Certificate authorities that are trusted besides the well-known ones: PEM (also several in one), or the bytes of DER. */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  /** `false` takes any certificate, also a forged one: for tests. */
  readonly rejectUnauthorized?: boolean | undefined
  /** The most connections to one server; calls beyond it wait. No limit by default. */
  readonly connections?: number | undefined
  /**
   * How long an idle connection is kept for the next call, where the server does not say it: 4 seconds by default, as
   * undici has it. `"none"` makes a connection for each call.
   */
  readonly keepAlive?: Duration.DurationInput | "none" | undefined
  /** No proxies by default: the environment is read by `layerConfig` only. */
  readonly proxy?: Proxy | undefined
}

/**
 * What a client on Node is made of; everything has a default. The connect timer is `policy.timeouts.connect`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OllamaClient.Options, Omit<TransportOptions, "connectTimeout"> {}

/**
 * An HTTP client over undici for `OllamaClient.layer`: undici's own limits of 300 s on headers and bodies are off (the
 * clocks of the policy are in their place), connections are kept, and all of them end with the layer's Scope: calls that
 * still run then are interrupted, and later ones die. Fails with `InvalidRequest` that names the option which cannot be used.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { OllamaClient } from "effect-ollama"
 * import { OllamaNode } from "effect-ollama/node"
 *
 * const Ollama = OllamaClient.layer({ host: "https://gpu-box.lan" }).pipe(
 *   Layer.provide(OllamaNode.layerHttpClient({ connectTimeout: "5 seconds", keepAlive: "1 minute" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient = (
  options: TransportOptions = {}
): Layer.Layer<HttpClient.HttpClient, OllamaError.InvalidRequest> =>
  Layer.unwrapScoped(
    Effect.map(Transport.make(options), ({ client, connectLimit }) =>
      Layer.provideMerge(
        HttpClient.layerMergedContext(Effect.succeed(client)),
        Layer.succeedContext(
          Context.make(ConnectLimit, connectLimit).pipe(
            Context.add(Soon, makeSoon()),
            Context.add(TellsConnections, { mayQueue: options.connections !== undefined }),
            Context.add(TransportSecrets, secrets(options.proxy))
          )
        )
      )
    )
  )

/**
 * The client with its transport. Fails with `InvalidRequest` for an address or an option that cannot be used, naming the
 * field. Never reads the environment.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { OllamaClient, Policy } from "effect-ollama"
 * import { OllamaNode } from "effect-ollama/node"
 *
 * const Ollama = OllamaNode.layer({
 *   host: "gpu-box",
 *   policy: Policy.make({ timeouts: { connect: "500 millis" } })
 * })
 *
 * const program = OllamaClient.version().pipe(Effect.provide(Ollama))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<OllamaClient.OllamaClient, OllamaError.InvalidRequest> =>
  Layer.provide(
    OllamaClient.layer(options),
    layerHttpClient({ ...options, connectTimeout: options.policy?.timeouts.connect })
  )

/** A variable in one of its two spellings, as Go looks for them; an empty one counts as absent. */
const variable = (name: string): Config.Config<string | undefined> =>
  Config.map(
    Config.option(Config.orElse(Config.nonEmptyString(name), () => Config.nonEmptyString(name.toLowerCase()))),
    Option.getOrUndefined
  )

const secret = (name: string) =>
  Config.map(
    Config.option(
      Config.redacted(Config.orElse(Config.nonEmptyString(name), () => Config.nonEmptyString(name.toLowerCase())))
    ),
    Option.getOrUndefined
  )

/**
 * What `layerConfig` reads when nothing else is said: `OLLAMA_HOST`, `OLLAMA_API_KEY`, `OLLAMA_POLICY`,
 * `OLLAMA_POLICY_*`, and `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, also in small letters.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(
  Config.all({
    client: OllamaClient.config,
    proxy: Config.all({ http: secret("HTTP_PROXY"), https: secret("HTTPS_PROXY"), no: variable("NO_PROXY") })
  }),
  ({ client, proxy }) => ({ ...client, proxy })
)

/**
 * The client with its transport, its options from effect/Config: those that are given, and the environment for the rest
 * (see `config`).
 *
 * `OLLAMA_POLICY_FILE` names a file with a policy, which is read first and followed while the layer lives (as
 * `watchPolicy` does); `OLLAMA_POLICY` changes it, and `OLLAMA_POLICY_*` single fields of what that gives. With a
 * `policy` among the options none of them counts. Fails with a `ConfigError` that lists what is wrong with the file or
 * the variables.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options> = {}
): Layer.Layer<OllamaClient.OllamaClient, OllamaError.InvalidRequest | ConfigError.ConfigError> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const { env, own, policyFile } = yield* Config.all({ env: config, own: unwrap(options), policyFile: file })
      const fromFile = policyFile === undefined || own.policy ? {} : yield* FollowPolicy.follow(policyFile)
      return layer({ ...env, ...fromFile, ...own })
    })
  )

const file = Config.map(Config.option(Config.nonEmptyString("OLLAMA_POLICY_FILE")), Option.getOrUndefined)

/** `Config.unwrap` cannot take an object without a field. */
const unwrap = (options: Config.Config.Wrap<Options>): Config.Config<Options> =>
  Config.isConfig(options) || Object.keys(options).length > 0 ? Config.unwrap(options) : Config.succeed({})

/**
 * A policy file as a stream: the policy in it, then each other one that it is changed to. The file holds a part of a
 * policy as JSON; the rest is `Policy.defaults`.
 *
 * Fails with `PolicyFileError`, which lists every problem with its field, when the file cannot be used at first. Later an
 * unusable file, or none, is logged as a warning, and the last good policy stays in force. Editors that replace the file,
 * write it in pieces or change the directory's links are understood; each change counts once the content has been at
 * rest for a tenth of a second.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { OllamaNode } from "effect-ollama/node"
 *
 * const Ollama = OllamaNode.layer({
 *   policyChanges: OllamaNode.watchPolicy("ollama-policy.json").pipe(
 *     Stream.tapError((error) => Effect.logError(error.message)),
 *     Stream.orDie
 *   )
 * })
 * ```
 *
 * @param options `interval`: how often the file is looked at besides, for network drives, which tell of no change; 5
 *   seconds by default
 *
 * @since 0.1.0
 * @category policies
 */
export const watchPolicy = (
  path: string,
  options?: { readonly interval?: Duration.DurationInput | undefined }
): Stream.Stream<Policy.Policy, PolicyFileError> =>
  WatchPolicy.watch(path, options?.interval ?? WatchPolicy.defaultInterval)

/**
 * The digest of a file, `sha256:` and 64 hexadecimal digits. Fails with the `PlatformError` of the file system, which
 * names the path.
 *
 * @since 0.1.0
 * @category files
 */
export const digestFile = (path: string): Effect.Effect<Blob.Digest, PlatformError> => Files.digest(path)

/**
 * Uploads a file as a blob, for `OllamaClient.create`, unless the server has it already. The file is read in pieces; with
 * `digest` it is read only once. Fails with the `PlatformError` of the file system, which names the path, when it cannot
 * be read, and with `InvalidRequest` (issue `digest`) when its content does not fit the digest.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { OllamaClient } from "effect-ollama"
 * import { OllamaNode } from "effect-ollama/node"
 *
 * const program = Effect.gen(function* () {
 *   const { digest } = yield* OllamaNode.uploadFile({ path: "model.gguf" })
 *   yield* Stream.runDrain(OllamaClient.create({ model: "mine", files: { "model.gguf": digest } }))
 * })
 * ```
 *
 * @since 0.1.0
 * @category files
 */
export const uploadFile = (
  options: { readonly path: string; readonly digest?: Blob.Digest | undefined },
  callOptions?: OllamaClient.CallOptions
): Effect.Effect<
  { readonly digest: Blob.Digest },
  OllamaError.OllamaError | PlatformError,
  OllamaClient.OllamaClient
> =>
  Effect.gen(function* () {
    const client = yield* OllamaClient.OllamaClient
    const digest =
      options.digest === undefined
        ? yield* Files.digest(options.path)
        : yield* Effect.as(Files.isReadable(options.path), options.digest)
    const isThere = yield* client.hasBlob(digest, callOptions)
    if (!isThere) yield* client.uploadBlob({ digest, content: Files.content(options.path) }, callOptions)
    return { digest }
  })

/**
 * What the doctor finds out on Node besides what an HTTP client tells: the addresses of a name, whether connections to
 * them are refused, dropped or forbidden, the certificate, and whether the proxy answers; on the way that a client with
 * these options takes. `HTTP_PROXY` and `HTTPS_PROXY` are looked at, to tell of those that are not used.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProbes = (options: TransportOptions = {}): Layer.Layer<Doctor.CurrentProbes> =>
  Layer.succeed(Doctor.CurrentProbes, Probes.make(options))

/**
 * What to examine, and on which way.
 *
 * @since 0.1.0
 * @category models
 */
export interface DoctorOptions extends Doctor.Options, Omit<TransportOptions, "connectTimeout"> {}

/** Longer than any policy's, so that what it takes can be measured. */
const doctorConnects = "5 seconds"

/**
 * `Doctor.run` with everything that it needs on Node. Never fails: options of the transport that cannot be used are
 * examined as the failure.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Doctor } from "effect-ollama"
 * import { OllamaNode } from "effect-ollama/node"
 *
 * const program = OllamaNode.config.pipe(
 *   Effect.flatMap((options) => OllamaNode.doctor({ ...options, call: "load" })),
 *   Effect.tap((report) => Console.log(Doctor.render(report))),
 *   Effect.map(Doctor.exitCode)
 * )
 * ```
 *
 * @since 0.1.0
 * @category diagnosis
 */
export const doctor = (options: DoctorOptions = {}): Effect.Effect<Doctor.Report> => {
  const on = (transport: TransportOptions, examined: Doctor.Options) =>
    Effect.provide(
      Doctor.run(examined),
      Layer.merge(layerProbes(transport), layerHttpClient({ ...transport, connectTimeout: doctorConnects }))
    )
  return on(options, options).pipe(Effect.catchAll((failure) => Effect.orDie(on({}, { ...options, failure }))))
}
