/** What the simulator saw, and how each request ended. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Fault from "./faultModel.js"
import type { Ended, Seen, State } from "./controls.js"

interface Place {
  readonly arrived: Deferred.Deferred<Seen>
  readonly ended: Deferred.Deferred<Ended>
  seen: Seen | undefined
}

/** One request while it runs. */
export interface Entry {
  readonly seen: Seen
  status: number | undefined
  chunks: number
  fault: Fault.Fault | undefined
  /** The whole answer was made. */
  complete: boolean
  /** The fault broke the exchange off or answered it: the client did not leave. */
  broken: boolean
  /** The runner of its model died. */
  crashed: boolean
  /** The server was shut down. */
  stopped: boolean
}

export interface Log {
  readonly open: (seen: Omit<Seen, "index" | "ended">) => Effect.Effect<Entry>
  readonly close: (entry: Entry, at: number) => Effect.Effect<void>
  readonly requests: Effect.Effect<ReadonlyArray<Seen>>
  readonly arrived: (index: number) => Effect.Effect<Seen>
  readonly ended: (index: number) => Effect.Effect<Ended>
  readonly inFlight: Effect.Effect<number>
  /** Marks what runs as cut off by the server. */
  readonly stop: () => void
  readonly counts: () => Pick<State, "inFlight" | "ended" | "statuses">
}

const howOf = (entry: Entry): Ended["how"] =>
  entry.fault !== undefined && entry.broken
    ? "faulted"
    : entry.crashed
      ? "crashed"
      : entry.complete
        ? "completed"
        : entry.stopped
          ? "stopped"
          : "left"

export const make: Effect.Effect<Log> = Effect.sync(() => {
  const places: Array<Place> = []
  let count = 0
  const running = new Set<Entry>()
  const ended = { completed: 0, left: 0, faulted: 0, crashed: 0, stopped: 0 }
  const statuses: Record<number, number> = {}

  const place = (index: number): Place => {
    while (places.length <= index) {
      places.push({
        arrived: Deferred.unsafeMake(FiberId.none),
        ended: Deferred.unsafeMake(FiberId.none),
        seen: undefined
      })
    }
    return places[index] as Place
  }

  return {
    open: (request) =>
      Effect.suspend(() => {
        const seen: Seen = { index: count++, ...request }
        const here = place(seen.index)
        here.seen = seen
        const entry: Entry = {
          seen,
          status: undefined,
          chunks: 0,
          fault: undefined,
          complete: false,
          broken: false,
          crashed: false,
          stopped: false
        }
        running.add(entry)
        return Effect.as(Deferred.succeed(here.arrived, seen), entry)
      }),
    close: (entry, at) =>
      Effect.suspend(() => {
        running.delete(entry)
        const end: Ended = {
          how: howOf(entry),
          chunks: entry.chunks,
          ...(entry.status === undefined ? {} : { status: entry.status }),
          ...(entry.fault === undefined ? {} : { fault: entry.fault }),
          at
        }
        ended[end.how]++
        if (end.status !== undefined) statuses[end.status] = (statuses[end.status] ?? 0) + 1
        const here = place(entry.seen.index)
        here.seen = { ...entry.seen, ended: end }
        return Effect.asVoid(Deferred.succeed(here.ended, end))
      }),
    requests: Effect.sync(() => places.flatMap(({ seen }) => (seen === undefined ? [] : [seen]))),
    arrived: (index) => Effect.suspend(() => Deferred.await(place(index).arrived)),
    ended: (index) => Effect.suspend(() => Deferred.await(place(index).ended)),
    inFlight: Effect.sync(() => running.size),
    stop: () => {
      for (const entry of running) entry.stopped = true
    },
    counts: () => ({ inFlight: running.size, ended: { ...ended }, statuses: { ...statuses } })
  }
})
