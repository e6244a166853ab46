/**
 * The turns of a model in memory: some answers at a time, and who waits is called in the order of arrival. Models may
 * share a line, where the machine as a whole gives fewer answers at a time than they would.
 */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"

/** The process that holds the model has died, while the request was waiting for its turn or had it. */
export class Died extends Data.TaggedError("Died")<{ readonly during: "waiting" | "running" }> {}

/** A place in the line. Whoever has it closes it in the end, in whatever state it is: closing twice changes nothing. */
export interface Place {
  readonly called: Deferred.Deferred<void, Died>
  state: "waiting" | "called" | "closed"
}

export interface Slots {
  readonly size: number
  readonly enter: () => Place
  readonly close: (place: Place) => void
  /** Nobody is called any more; those who wait are told. */
  readonly kill: () => void
  readonly busy: () => number
  readonly waiting: () => number
}

/** Somebody who waits, for one of the models of the line. */
interface Waiting {
  readonly hasRoom: () => boolean
  readonly call: () => void
}

/** Who waits, in the order of arrival, and how many answers all models of the line give. */
export interface Line {
  readonly size: number
  readonly waiting: Map<Place, Waiting>
  busy: number
}

export const line = (size: number): Line => ({ size, waiting: new Map(), busy: 0 })

const callNext = (self: Line): void => {
  for (const [place, { call, hasRoom }] of self.waiting) {
    if (self.busy >= self.size) return
    if (!hasRoom()) continue
    self.waiting.delete(place)
    self.busy++
    call()
  }
}

/** @param shared the line of all models; each has its own without one */
export const make = (size: number, onBusy: (busy: number) => void, shared: Line = line(size)): Slots => {
  const own = new Set<Place>()
  let busy = 0
  let isDead = false

  const died = (place: Place) => Deferred.unsafeDone(place.called, Effect.fail(new Died({ during: "waiting" })))

  const leaveLine = (place: Place) => {
    own.delete(place)
    shared.waiting.delete(place)
  }

  const call = (place: Place) => {
    own.delete(place)
    place.state = "called"
    busy++
    onBusy(busy)
    Deferred.unsafeDone(place.called, Effect.void)
  }

  return {
    size,
    enter: () => {
      const place: Place = { called: Deferred.unsafeMake(FiberId.none), state: "waiting" }
      if (isDead) {
        place.state = "closed"
        died(place)
        return place
      }
      own.add(place)
      shared.waiting.set(place, { hasRoom: () => busy < size, call: () => call(place) })
      callNext(shared)
      return place
    },
    close: (place) => {
      const was = place.state
      place.state = "closed"
      if (was === "waiting") leaveLine(place)
      if (was !== "called") return
      busy--
      shared.busy--
      callNext(shared)
    },
    kill: () => {
      isDead = true
      for (const place of own) {
        place.state = "closed"
        shared.waiting.delete(place)
        died(place)
      }
      own.clear()
    },
    busy: () => busy,
    waiting: () => own.size
  }
}
