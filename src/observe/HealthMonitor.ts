/**
 * How the hosts of a client are: whether they answer, whether they are busy, and which models they hold in memory; from
 * small probes that load nothing, and from the client's own calls.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import { OllamaClient } from "../client/service.js"
import * as internal from "./health/monitor.js"
import * as Reading from "./health/reading.js"
import type { HostHealth } from "./health/state.js"

export type { Thrash } from "./health/reading.js"
export { HostHealth, Move, Resident, Status } from "./health/state.js"

/**
 * How often is looked; everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Between two looks while no call runs: 15 seconds. */
  readonly idleInterval?: Duration.DurationInput | undefined
  /** Between two looks while calls run: 2 seconds. */
  readonly busyInterval?: Duration.DurationInput | undefined
  /** How long a probe may take: 5 seconds. */
  readonly limit?: Duration.DurationInput | undefined
  /** How many comings and goings of models are remembered for a host: 100. */
  readonly historyLimit?: number | undefined
}

/**
 * What is known of the hosts of a client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** What is known of each host now; `hosts.changes` begins with it. Only to be read. */
  readonly hosts: SubscriptionRef.SubscriptionRef<ReadonlyArray<HostHealth>>
  /**
   * Each host when something of it changes, beginning with what is known when the stream is run. A reader that lags behind
   * misses what was in between, and has the last.
   */
  readonly changes: Stream.Stream<HostHealth>
  /** Looks now, and waits for what is found. */
  readonly look: Effect.Effect<ReadonlyArray<HostHealth>>
}

/**
 * The monitor, as a service.
 *
 * @since 0.1.0
 * @category tags
 */
export class HealthMonitor extends Context.Tag("effect-ollama/HealthMonitor")<HealthMonitor, Service>() {}

/**
 * Watches the hosts of a client, its own and those that its policy fell back to, until the Scope closes.
 *
 * Two probes tell what a host is: `GET /api/version`, whether it can be reached, and `GET /api/ps`, which models it holds;
 * every 2 seconds while calls run, every 15 otherwise (a quarter more or less, by chance), each with 5 seconds to answer.
 * They pass by breakers, permits and budgets, are in no record or metric, and load no model.
 *
 * - One probe that is missed changes nothing; two in a row do.
 * - A server that answers one and not the other is `busy`: `/api/ps` waits for the locks of a load or an eviction.
 * - A call that gets no connection counts at once, one that gets none in time as a missed probe.
 * - Whatever answers, a probe or a call, ends `unreachable` and `unknown` at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, never, OllamaClient | Scope.Scope> =>
  Effect.flatMap(OllamaClient, (client) => internal.make(client, options))

/**
 * The monitor as a layer over the client. Nothing is probed without it.
 *
 * @example
 * ```ts
 * import { Console, Effect, Layer, Stream } from "effect"
 * import { HealthMonitor } from "effect-ollama"
 * import { OllamaNode } from "effect-ollama/node"
 *
 * const Monitored = HealthMonitor.layer().pipe(Layer.provideMerge(OllamaNode.layer()))
 *
 * const program = Effect.flatMap(HealthMonitor.HealthMonitor, ({ changes }) =>
 *   Stream.runForEach(changes, ({ host, status, why }) => Console.log(host, status, why))
 * ).pipe(Effect.provide(Monitored))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<HealthMonitor, never, OllamaClient> =>
  Layer.scoped(HealthMonitor, make(options))

/**
 * Whether models push each other out of memory: how often one of them came back since then, after another had come in its
 * place, and who they are. Nothing where none did.
 *
 * @since 0.1.0
 * @category getters
 */
export const thrash = (health: HostHealth, since: DateTime.Utc): Option.Option<Reading.Thrash> =>
  Reading.thrash(health, since)
