/** The placement by expected completion: the least cost, admission, and who is held for later. */
import type { Concurrency } from "../../policy/Concurrency.js"
import * as Admission from "./admission.js"
import type { Asked } from "./asked.js"
import * as Candidates from "./candidates.js"
import * as Cost from "./cost.js"
import * as Hash from "./hash.js"
import * as Memory from "./memory.js"
import type { HostView, Later, Refusal } from "./view.js"

export interface Options {
  readonly admission: Concurrency["admission"]
  readonly headroom: number | "unbounded"
}

/** Hosts that cost the same share the calls; and so do clients that cannot see each other. Milliseconds. */
const tieBreak = 10

/**
 * When the model will be in memory somewhere, while it is nowhere: until then another load is worth it only for what
 * saves as much again, as it would be if the model were there already (resilience notes, 5.5: a second copy is for a queue
 * longer than its load). Milliseconds; 0 while a host has it.
 */
const comingIn = ({ places, view }: Asked): number => {
  let soonest = 0
  for (const place of places) {
    const host = view.hosts[place]
    if (host === undefined || host.blocked !== undefined) continue
    if (host.residency === "resident") return 0
    if (host.residency === "loading" && (soonest === 0 || host.loadingLeft < soonest)) soonest = host.loadingLeft
  }
  return soonest
}

/** The host with the least cost; a blocked one costs the time until it would be tried again besides. */
export const cheapest = (asked: Asked): number | undefined => {
  const { memory, places, question, view } = asked
  const seed = Math.floor(question.random * 4294967296)
  const coming = comingIn(asked)
  let best: number | undefined
  let least = Number.POSITIVE_INFINITY
  for (const place of places) {
    const host = view.hosts[place]
    if (host === undefined) continue
    const chance = tieBreak * Hash.scattered(seed ^ Math.imul(place + 1, 0x9e3779b1))
    const blockedLeft = host.blocked === undefined ? 0 : host.blockedLeft
    const again = host.residency === "resident" || host.residency === "loading" ? 0 : coming
    const cost = Cost.total(host, memory.common, question) + again + blockedLeft + chance
    if (best === undefined || cost < least) {
      least = cost
      best = place
    }
  }
  return best
}

const refused = (reason: Refusal["reason"], wait: number): Refusal => ({ _tag: "Refusal", reason, wait })

/** Only calls that were nowhere yet are refused; what has been begun is not given up for its wait. */
const refusal = (admission: Options["admission"], { memory, question, view }: Asked, wait: number) => {
  if (admission === "off" || question.tried.length > 0) return undefined
  const all = question.waited + wait
  const kind = `${question.priority} ${question.model}`
  const excess = Admission.step(memory.excess.get(kind) ?? Admission.calm, admission, all, view.now)
  Memory.setExcess(memory, kind, excess)
  if (wait > question.remaining) return refused("deadline", wait)
  return Admission.refuses(excess, admission, all) ? refused("target", wait) : undefined
}

/** How many calls are at a host before the next one is held. */
const placesAt = (host: HostView, common: Cost.Common, headroom: number): number =>
  Math.max(1, Math.round(host.parallelism ?? common.parallelism)) + headroom

/** Why the call does not go to the host that was chosen, if it does not. A single host has every call. */
export const objection = (options: Options, asked: Asked, place: number): Refusal | Later | undefined => {
  const { memory, view } = asked
  const host = view.hosts[place]
  if (host === undefined || view.hosts.length === 1 || Candidates.isPanic(memory.candidates)) return undefined
  const wait = Cost.waitOf(host, memory.common)
  const refused = refusal(options.admission, asked, wait)
  if (refused !== undefined || options.headroom === "unbounded") return refused
  const isFull = host.inFlight >= placesAt(host, memory.common, options.headroom)
  return isFull ? { _tag: "Later", host: host.host, wait } : undefined
}
