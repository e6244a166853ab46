/** The turns of a model in memory: some answers at a time, and who waits is called in the order of arrival. */
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

export const make = (size: number, onBusy: (busy: number) => void): Slots => {
  const line = new Set<Place>()
  let busy = 0
  let isDead = false

  const callNext = () => {
    for (const place of line) {
      if (busy >= size) return
      line.delete(place)
      place.state = "called"
      busy++
      onBusy(busy)
      Deferred.unsafeDone(place.called, Effect.void)
    }
  }

  const died = (place: Place) => Deferred.unsafeDone(place.called, Effect.fail(new Died({ during: "waiting" })))

  return {
    size,
    enter: () => {
      const place: Place = { called: Deferred.unsafeMake(FiberId.none), state: "waiting" }
      if (isDead) {
        place.state = "closed"
        died(place)
        return place
      }
      line.add(place)
      callNext()
      return place
    },
    close: (place) => {
      const was = place.state
      place.state = "closed"
      if (was === "waiting") line.delete(place)
      if (was !== "called") return
      busy--
      if (!isDead) callNext()
    },
    kill: () => {
      isDead = true
      for (const place of line) {
        place.state = "closed"
        died(place)
      }
      line.clear()
    },
    busy: () => busy,
    waiting: () => line.size
  }
}
