/** What the simulator saw, and how each request ended. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Fault from "./faultModel.js"
import type { Ended, Seen } from "./types.js"

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
}

export interface Log {
  readonly open: (seen: Omit<Seen, "index" | "ended">) => Effect.Effect<Entry>
  readonly close: (entry: Entry, at: number) => Effect.Effect<void>
  readonly requests: Effect.Effect<ReadonlyArray<Seen>>
  readonly arrived: (index: number) => Effect.Effect<Seen>
  readonly ended: (index: number) => Effect.Effect<Ended>
  readonly inFlight: Effect.Effect<number>
}

const howOf = (entry: Entry): Ended["how"] =>
  entry.fault !== undefined && entry.broken ? "faulted" : entry.complete ? "completed" : "left"

export const make: Effect.Effect<Log> = Effect.sync(() => {
  const places: Array<Place> = []
  let count = 0
  let running = 0

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
        running++
        const entry: Entry = {
          seen,
          status: undefined,
          chunks: 0,
          fault: undefined,
          complete: false,
          broken: false
        }
        return Effect.as(Deferred.succeed(here.arrived, seen), entry)
      }),
    close: (entry, at) =>
      Effect.suspend(() => {
        running--
        const ended: Ended = {
          how: howOf(entry),
          chunks: entry.chunks,
          ...(entry.status === undefined ? {} : { status: entry.status }),
          ...(entry.fault === undefined ? {} : { fault: entry.fault }),
          at
        }
        const here = place(entry.seen.index)
        here.seen = { ...entry.seen, ended }
        return Effect.asVoid(Deferred.succeed(here.ended, ended))
      }),
    requests: Effect.sync(() => places.flatMap(({ seen }) => (seen === undefined ? [] : [seen]))),
    arrived: (index) => Effect.suspend(() => Deferred.await(place(index).arrived)),
    ended: (index) => Effect.suspend(() => Deferred.await(place(index).ended)),
    inFlight: Effect.sync(() => running)
  }
})
