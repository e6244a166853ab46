/**
 * How the hosts of a client are: whether they answer, whether they are busy, and which models they hold in memory; from
 * small probes that load nothing, and from the client's own calls.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import type { HostHealth } from "./health/state.js"

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
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** What is known of each host now; `hosts.changes` begins with it. Only to be read. */
  readonly hosts: SubscriptionRef.SubscriptionRef<ReadonlyArray<HostHealth>>
  /** Each host when something of it changes, beginning with what is known when the stream is run. */
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
