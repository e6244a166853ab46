/** Everything that is shown, at one moment, as rows. Pure. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { HostHealth, Resident } from "../../observe/HealthMonitor.js"
import type { BreakerState, ClientState, HostState, ModelState, RunningCall } from "../../record/CallEvent.js"
import * as History from "./History.js"

/** What is known: from looks at the servers, from the clients of this process, and of the calls so far. */
export interface Known {
  /** Milliseconds on Clock. */
  readonly now: number
  readonly health: ReadonlyArray<HostHealth>
  readonly clients: ReadonlyArray<ClientState>
  readonly history: History.History
}

export interface HostRow {
  readonly host: string
  readonly status: HostHealth["status"]
  readonly why: string
  readonly version: string | undefined
  /** Milliseconds that it takes to say its version. */
  readonly latency: number | undefined
  readonly breaker: BreakerState | undefined
  /** Calls of this process. */
  readonly running: number
}

export interface ModelRow {
  readonly host: string
  readonly model: string
  /** Absent when it is not in memory. */
  readonly resident: Resident | undefined
  readonly isLoading: boolean
  readonly inFlight: number
  readonly queued: number
  readonly limit: number | undefined
  readonly breaker: BreakerState | undefined
  readonly firstTokens: ReadonlyArray<number>
  readonly rate: number | undefined
  readonly ended: number
  readonly failed: number
}

export interface Snapshot {
  readonly now: number
  readonly hosts: ReadonlyArray<HostRow>
  readonly models: ReadonlyArray<ModelRow>
  /** The latest last. */
  readonly troubles: ReadonlyArray<History.Trouble>
}

const statesOf = (clients: ReadonlyArray<ClientState>, host: string): ReadonlyArray<HostState> =>
  clients.flatMap(({ hosts }) => hosts.filter((state) => state.host === host))

/** Calls that a model answers; those of the monitor are none. */
const callsOf = (clients: ReadonlyArray<ClientState>, host: string): ReadonlyArray<RunningCall> =>
  clients.flatMap(({ running }) => running.filter(({ call }) => call.host === host && call.model !== undefined))

const modelRow = (
  known: Known,
  host: string,
  model: string,
  resident: Resident | undefined,
  state: ModelState | undefined
): ModelRow => {
  const series = History.seriesOf(known.history, host, model)
  const running = callsOf(known.clients, host).filter(({ call }) => History.fullName(call.model ?? "") === model)
  return {
    host,
    model,
    resident,
    isLoading: state?.isLoading ?? false,
    inFlight: state?.inFlight ?? running.length,
    queued: state?.queued ?? 0,
    limit: state?.limit,
    breaker: state?.breaker,
    firstTokens: series.firstTokens,
    rate: History.typical(series.rates),
    ended: series.ended,
    failed: series.failed
  }
}

const modelsOf = (known: Known, { host, models }: HostHealth): ReadonlyArray<ModelRow> => {
  const states = statesOf(known.clients, host).flatMap((state) => state.models)
  const residents = new Map(models.map((resident) => [History.fullName(resident.name), resident]))
  const held = new Map(states.map((state) => [History.fullName(state.model), state]))
  const names = new Set([...residents.keys(), ...held.keys()])
  return [...names].toSorted().map((name) => modelRow(known, host, name, residents.get(name), held.get(name)))
}

export const make = (known: Known): Snapshot => ({
  now: known.now,
  hosts: known.health.map((health) => ({
    host: health.host,
    status: health.status,
    why: health.why,
    version: health.version,
    latency: Option.getOrUndefined(Option.map(Option.fromNullable(health.latency), Duration.toMillis)),
    breaker: statesOf(known.clients, health.host)[0]?.breaker,
    running: callsOf(known.clients, health.host).length
  })),
  models: known.health.flatMap((health) => modelsOf(known, health)),
  troubles: known.history.troubles
})
