/** What a fleet is at a moment. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { BreakerState } from "../record/CallEvent.js"
import type { Member } from "./member.js"
import type { Residency } from "./placement/view.js"

/**
 * A model on a host. What was not learned yet is undefined.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModelState {
  readonly model: string
  /** `missing`: the host has said that it is not installed. */
  readonly residency: Residency
  /** What it takes in memory, in 10^9 bytes. */
  readonly gigabytes: number | undefined
  /** Calls of this client that are there. */
  readonly inFlight: number
  readonly breaker: BreakerState | undefined
  /** How many calls of it the host works on at once. */
  readonly parallelism: number | undefined
  /** Tokens a second. */
  readonly promptRate: number | undefined
  readonly generationRate: number | undefined
}

/**
 * A host of the fleet.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostState {
  /** The address, without credentials. */
  readonly host: string
  /** `down`: it does not answer, and gets no calls until it does. `draining`: it gets no new ones. */
  readonly status: "up" | "down" | "draining"
  /** Since when it is down. */
  readonly downSince: DateTime.Utc | undefined
  /** When it was last seen to answer again. */
  readonly recoveredAt: DateTime.Utc | undefined
  /** That of the host; models have their own. */
  readonly breaker: BreakerState | undefined
  /** Calls of all kinds that are there. */
  readonly inFlight: number
  readonly weight: number
  readonly priority: number
  /** How much fits into its memory, in 10^9 bytes; undefined until it has put a model out for another. */
  readonly capacity: number | undefined
  /** 10^9 bytes a second. */
  readonly loadRate: number | undefined
  /** How many times slower it seems than it was. */
  readonly slowness: number
  readonly models: ReadonlyArray<ModelState>
}

/**
 * A fleet.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  readonly hosts: ReadonlyArray<HostState>
  /** Calls that are held in the client until a host has room. */
  readonly held: number
}

const timeOf = (at: number | undefined): DateTime.Utc | undefined =>
  at === undefined ? undefined : DateTime.unsafeMake(at)

const modelsOf = (member: Member, others: Iterable<string>): ReadonlySet<string> =>
  new Set([
    ...member.memory.models,
    ...[...member.work].map(({ model }) => model),
    ...member.absence.lacking(),
    ...others
  ])

export const of = (member: Member, now: number): Effect.Effect<HostState> =>
  Effect.map(member.server.guards.state, ({ breaker, models }) => {
    const loads = member.loads(now)
    const names = [...modelsOf(member, [...models.keys(), ...loads.keys()])]
    const listed = new Set(member.memory.models)
    return {
      host: member.url,
      status: member.isDraining ? "draining" : member.downSince === undefined ? "up" : "down",
      downSince: timeOf(member.downSince),
      recoveredAt: timeOf(member.recoveredAt),
      breaker,
      inFlight: member.places,
      weight: member.weight,
      priority: member.priority,
      capacity: member.memory.capacity,
      loadRate: names.map((model) => member.figuresOf(model, now).loadRate).find((rate) => rate !== undefined),
      slowness: member.slowness(),
      models: names.map((model): ModelState => {
        const figures = member.figuresOf(model, now)
        return {
          model,
          residency: listed.has(model)
            ? "resident"
            : loads.has(model)
              ? "loading"
              : member.absence.isMissing(model, now)
                ? "missing"
                : member.server.residency.listed() === undefined
                  ? "unknown"
                  : "absent",
          gigabytes: member.memory.sizes.get(model) ?? figures.gigabytes,
          inFlight: [...member.work].filter((work) => work.model === model).length,
          breaker: models.get(model)?.breaker,
          parallelism: member.parallelism(model, now),
          promptRate: figures.promptRate,
          generationRate: figures.generationRate
        }
      })
    }
  })
