/** Placements that count: the fewest calls, one after the other, and one after the other by weight. */
import type { Asked } from "./asked.js"
import * as Memory from "./memory.js"
import type { HostView } from "./view.js"

/** A weight of 0 is the last choice, and all of them are equal. */
const leastWeight = 1e-9

export const weightOf = ({ weight }: HostView): number => (weight > leastWeight ? weight : leastWeight)

/**
 * The fewest calls for its weight, of all candidates: of few hosts a choice between two at random would often miss the
 * best. Equal ones have their turn one after the other. A host that seems slow counts as one with more calls.
 */
export const leastInFlight = ({ memory, places, view }: Asked): number | undefined => {
  let best: number | undefined
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < places.length; n++) {
    const place = places[(memory.turn + n) % places.length]
    const host = place === undefined ? undefined : view.hosts[place]
    if (host === undefined) continue
    const load = ((host.inFlight + 1) * host.slowness) / weightOf(host)
    if (best === undefined || load < least) {
      least = load
      best = place
    }
  }
  return best
}

export const roundRobin = ({ memory, places }: Asked): number | undefined => places[memory.turn % places.length]

export const random = ({ places, question }: Asked): number | undefined =>
  places[Math.floor(question.random * places.length)]

/**
 * Smooth weighted round robin, as nginx has it: with each turn everyone is owed its weight more, who is owed the most is
 * chosen, and pays what all were owed. So of weights 5, 1, 1 the first is not chosen five times in a row.
 */
export const weighted = ({ memory, places, view }: Asked): number | undefined => {
  const { owed } = memory
  let best: number | undefined
  let most = Number.NEGATIVE_INFINITY
  let all = 0
  Memory.prune(owed, view.hosts)
  for (const place of places) {
    const host = view.hosts[place]
    if (host === undefined) continue
    const weight = weightOf(host)
    const now = (owed.get(host.host) ?? 0) + weight
    owed.set(host.host, now)
    all += weight
    if (now > most) {
      most = now
      best = place
    }
  }
  const payer = best === undefined ? undefined : view.hosts[best]
  if (payer !== undefined) owed.set(payer.host, most - all)
  return best
}
