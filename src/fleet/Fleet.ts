/**
 * Several hosts behind one client: each call goes to the one where it is expected to be done first, and on to another one
 * when that fails. A program does not change: the layer provides `OllamaClient`, and `Fleet` beside it, for whoever wants
 * to see the hosts, or to add and remove some while calls run.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { OllamaClient, type Options as ClientOptions, type Service as Client } from "../client/service.js"
import type * as OllamaError from "../OllamaError.js"
import * as Policy from "../policy/Policy.js"
import type { Host } from "./hosts.js"
import * as internal from "./make.js"
import type { Own, Placement } from "./placement/value.js"
import * as SharedState from "./SharedState.js"
import type { State } from "./state.js"

export type { Host } from "./hosts.js"
export type { HostState, ModelState, State } from "./state.js"

/**
 * What a fleet is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<ClientOptions, "host" | "apiKey" | "headers" | "policy"> {
  /** Addresses, or hosts in detail. Without a `source` there is at least one; none is there twice. */
  readonly hosts?: ReadonlyArray<string | Host> | undefined
  /**
   * Lists of all hosts, each in the place of the one before: those that are new are added, those that are missing drained
   * and forgotten. A list that cannot be is not followed, and logged as a warning. Without `hosts`, the layer waits for the
   * first.
   */
  readonly source?: Stream.Stream<ReadonlyArray<string | Host>> | undefined
  /** How the host of a call is chosen; `expectedCompletion` by default. */
  readonly placement?: Placement | Own | undefined
  /**
   * `Fleet.policy` by default. A host's breaker that is that of `Policy.defaults` opens after one failure to connect, since
   * there are others.
   */
  readonly policy?: Policy.Policy | undefined
}

/**
 * A fleet that shares what it knows.
 *
 * @since 0.1.0
 * @category models
 */
export interface SharingOptions extends Options {
  /**
   * What the clients of the same hosts tell each other is shared through `SharedState`, which the layer needs then; `{}` for
   * the defaults. A fleet without it is blind for what others have found out, and works.
   */
  readonly shared: SharedState.Options
}

/**
 * The hosts, while calls run. Addresses are those of the options, in any spelling.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * One more host; for one that is there already, other settings from now on, and no longer drained. Fails with
   * `InvalidRequest` for one that cannot be.
   */
  readonly add: (host: string | Host) => Effect.Effect<void, OllamaError.InvalidRequest>
  /**
   * Sends it no new calls, and waits until those that are there have ended; whoever does not want to wait forks it. Fails
   * with `InvalidRequest` (field `host`) for one that the fleet does not have.
   */
  readonly drain: (host: string) => Effect.Effect<void, OllamaError.InvalidRequest>
  /** Drains it, and forgets all that is known of it. Fails as `drain` does. */
  readonly remove: (host: string) => Effect.Effect<void, OllamaError.InvalidRequest>
  /** What the hosts are now. */
  readonly state: Effect.Effect<State>
  /**
   * The state whenever something of it has changed, beginning with what it is when the stream is run, until the fleet's
   * Scope closes. A reader that lags behind misses what was in between, and has the last.
   */
  readonly changes: Stream.Stream<State>
}

/**
 * The hosts, as a service.
 *
 * @since 0.1.0
 * @category tags
 */
export class Fleet extends Context.Tag("effect-ollama/Fleet")<Fleet, Service>() {}

/**
 * The policy of a fleet when none is given: `Policy.defaults`, with at most 100 calls that are held until a host has room,
 * and a host's breaker that opens after one failure to connect.
 *
 * @since 0.1.0
 * @category constants
 */
export const policy: Policy.Policy = internal.defaults

interface Made {
  readonly client: Client
  readonly fleet: Service
}

type Needs = HttpClient.HttpClient | Scope.Scope

const shares = (options: Options): options is SharingOptions => "shared" in options && options.shared !== undefined

const made = (options: Options): Effect.Effect<Made, OllamaError.InvalidRequest, Needs | SharedState.SharedState> =>
  !shares(options)
    ? internal.make(options)
    : Effect.flatMap(SharedState.SharedState, (store) => internal.make(options, store))

/**
 * Makes a fleet, which lives as long as the Scope: the client over all hosts, and the hosts. Fails with `InvalidRequest`
 * for hosts that cannot be: none, one twice, or a field of one (`hosts[1].weight`), and for a policy that is none. Never
 * reads the environment.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make(
  options: SharingOptions
): Effect.Effect<Made, OllamaError.InvalidRequest, Needs | SharedState.SharedState>
export function make(options: Options): Effect.Effect<Made, OllamaError.InvalidRequest, Needs>
export function make(
  options: Options
): Effect.Effect<Made, OllamaError.InvalidRequest, Needs | SharedState.SharedState> {
  return made(options)
}

type Layered<E, R = never> = Layer.Layer<OllamaClient | Fleet, E, HttpClient.HttpClient | R>

const layered = <E, R>(
  made: Effect.Effect<Made, E, R>
): Layer.Layer<OllamaClient | Fleet, E, Exclude<R, Scope.Scope>> =>
  Layer.scopedContext(
    Effect.map(made, ({ client, fleet }) =>
      Context.empty().pipe(Context.add(OllamaClient, client), Context.add(Fleet, fleet))
    )
  )

/**
 * The fleet as a layer, over any HTTP client of `@effect/platform`, in the place of `OllamaClient.layer`. Fails as `make`.
 *
 * - A call goes where the placement wants it. Where all hosts have enough calls it is held in the client, in the order of
 *   priority, deadline and arrival, and goes to the first host that has room.
 * - A call that failed goes on to another host at once, where that may help (`Retry.otherHost`), within the attempts, the
 *   budget and the deadline of its policy, and never after a chunk of its answer. To look for a host that has the model is
 *   no attempt.
 * - A host that does not answer gets no calls until it does, which `GET /api/version` finds out; if none answers, each call
 *   goes to one all the same (decision `panicked` in the record), and to no second one that another call was sent to in
 *   vain within 30 seconds. A slow host only counts for less.
 * - A host that answers with 503 is left alone for a second, and each time for twice as long, up to 30 seconds: by the calls
 *   for that model, and where it answers no model, by all.
 * - With `expectedCompletion`, models that are much asked for get second copies in the background, where memory is free.
 * - What is in whose memory is known from our own calls and from `GET /api/ps`: every 2 seconds while calls run, every 15
 *   otherwise, and before the first call after a while, which waits for that for 200 milliseconds at most.
 * - `CallOptions.host` pins a call to a host, and its failures are not moved. `list` and `running` give the union of all
 *   hosts, `version` the lowest; `pull`, `push`, `create`, `copy`, `remove`, `hasBlob`, `uploadBlob`, `load`, `unload`,
 *   `ensureModel`, `status`, `account` and `signOut` need a host, else they fail with `InvalidRequest` (field `host`).
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 * import { Fleet, OllamaClient } from "effect-ollama"
 *
 * const Ollama = Fleet.layer({
 *   hosts: ["gpu-1", "gpu-2", { host: "laptop", policy: { timeouts: { load: "10 minutes" } } }]
 * }).pipe(Layer.provide(FetchHttpClient.layer))
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
export function layer(options: SharingOptions): Layered<OllamaError.InvalidRequest, SharedState.SharedState>
export function layer(options: Options): Layered<OllamaError.InvalidRequest>
export function layer(options: Options): Layered<OllamaError.InvalidRequest, SharedState.SharedState> {
  return layered(made(options))
}

const split = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((host) => host.trim())
    .filter((host) => host !== "")

/**
 * What `layerConfig` reads when nothing else is said: `OLLAMA_HOSTS` (addresses with commas between them), `OLLAMA_API_KEY`
 * (sent to each of them), `OLLAMA_POLICY` and `OLLAMA_POLICY_*`, whose base is `Fleet.policy`.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(
  Config.all({
    hosts: Config.withDefault(Config.map(Config.nonEmptyString("OLLAMA_HOSTS"), split), undefined),
    apiKey: Config.withDefault(Config.redacted(Config.nonEmptyString("OLLAMA_API_KEY")), undefined),
    policy: Policy.configOver(policy)
  }),
  ({ apiKey, hosts, policy }) => ({ hosts: hosts?.map((host): Host => ({ host, apiKey })), policy })
)

/**
 * The fleet as a layer, with what `Fleet.config` reads from effect/Config, and the options that are given in its place.
 *
 * @since 0.1.0
 * @category layers
 */
export function layerConfig(
  options: Partial<Options> & Pick<SharingOptions, "shared">
): Layered<OllamaError.InvalidRequest | ConfigError.ConfigError, SharedState.SharedState>
export function layerConfig(options?: Partial<Options>): Layered<OllamaError.InvalidRequest | ConfigError.ConfigError>
export function layerConfig(
  options: Partial<Options> = {}
): Layered<OllamaError.InvalidRequest | ConfigError.ConfigError, SharedState.SharedState> {
  return layered(Effect.flatMap(config, (read) => made({ ...read, ...options })))
}
