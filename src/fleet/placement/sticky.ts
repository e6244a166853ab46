/**
 * The same host for the same key: rendezvous hashing, so that a host that comes or goes moves only the keys of its own;
 * with a bound on the load (Mirrokni, Thorup and Zadimoghaddam, Consistent Hashing with Bounded Loads), so that a host
 * with popular keys hands some of them on.
 */
import type { Asked } from "./asked.js"
import * as Hash from "./hash.js"
import * as Memory from "./memory.js"
import { weightOf } from "./rotation.js"

const hashOf = (memory: Memory.Memory, host: string): number => {
  const known = memory.hashes.get(host)
  if (known !== undefined) return known
  const made = Hash.of(host)
  memory.hashes.set(host, made)
  return made
}

/** @param factor how many times its share of all calls in flight a host may have */
export const sticky = ({ memory, places, view }: Asked, key: string, factor: number): number | undefined => {
  let inFlight = 1
  let weights = 0
  for (const place of places) {
    const host = view.hosts[place]
    if (host === undefined) continue
    inFlight += host.inFlight
    weights += weightOf(host)
  }
  const ofKey = Hash.of(key)
  let best: number | undefined
  let nearest = Number.POSITIVE_INFINITY
  Memory.prune(memory.hashes, view.hosts)
  for (const place of places) {
    const host = view.hosts[place]
    if (host === undefined) continue
    const weight = weightOf(host)
    // the shares of all add up to more than the calls there are, so that one of them has room
    if (host.inFlight >= Math.ceil((factor * inFlight * weight) / weights)) continue
    const distance = -Math.log(Hash.scattered(Math.imul(ofKey, 0x9e3779b1) ^ hashOf(memory, host.host))) / weight
    if (distance < nearest) {
      nearest = distance
      best = place
    }
  }
  return best
}
