/** What the scheduler counts, for the tests that look at it. */
import type { Resident, State } from "./controls.js"
import type { Runner } from "./runner.js"

export interface Counts {
  readonly queued: number
  readonly loading: string | undefined
  readonly isWaiting: boolean
  /** Bytes. */
  readonly used: number
  readonly residents: ReadonlyArray<Resident>
  readonly loads: State["loads"]
  readonly lostInLoads: number
  readonly evictions: number
  readonly crashes: number
  readonly peaks: State["peaks"]
}

export interface Ledger {
  /** A request wants this model. */
  readonly come: (model: string) => void
  readonly gone: (model: string) => void
  readonly busy: (model: string, slots: number) => void
  readonly loads: (what: keyof State["loads"]) => void
  /** So many milliseconds of a load that came to nothing. */
  readonly lost: (millis: number) => void
  readonly evicted: () => void
  readonly crashed: () => void
  readonly read: (
    now: Pick<Counts, "queued" | "loading" | "isWaiting" | "used"> & { readonly runners: ReadonlyArray<Runner> }
  ) => Counts
}

interface Tally {
  now: number
  inFlight: number
  answering: number
}

const residentOf = (runner: Runner): Resident => ({
  name: runner.model.name,
  bytes: runner.model.size,
  contextLength: runner.settings.num_ctx,
  slots: runner.slots.size,
  answering: runner.slots.busy(),
  waiting: runner.slots.waiting(),
  isDead: runner.isDead
})

export const make = (): Ledger => {
  const loads = { begun: 0, finished: 0, aborted: 0, failed: 0 }
  const tallies = new Map<string, Tally>()
  let lostInLoads = 0
  let evictions = 0
  let crashes = 0

  const tally = (model: string): Tally => {
    const known = tallies.get(model)
    if (known !== undefined) return known
    const made: Tally = { now: 0, inFlight: 0, answering: 0 }
    tallies.set(model, made)
    return made
  }

  return {
    come: (model) => {
      const it = tally(model)
      it.now++
      it.inFlight = Math.max(it.inFlight, it.now)
    },
    gone: (model) => {
      tally(model).now--
    },
    busy: (model, slots) => {
      const it = tally(model)
      it.answering = Math.max(it.answering, slots)
    },
    loads: (what) => {
      loads[what]++
    },
    lost: (millis) => {
      lostInLoads += millis
    },
    evicted: () => {
      evictions++
    },
    crashed: () => {
      crashes++
    },
    read: ({ runners, ...now }) => ({
      ...now,
      residents: runners.map(residentOf),
      loads: { ...loads },
      lostInLoads,
      evictions,
      crashes,
      peaks: Object.fromEntries(
        [...tallies].map(([model, { answering, inFlight }]) => [model, { inFlight, answering }])
      )
    })
  }
}
