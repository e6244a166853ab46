/**
 * Which hosts may get a call at all. Those that are neither blocked nor tried; if there are none, those that were tried;
 * and if all are blocked, the least bad of them, because a call that might succeed is better than one that cannot.
 */
import type { HostView, Question, Refusal, View } from "./view.js"

/** From the best to the worst; a host of a worse rank is no candidate while one of a better rank is there. */
const ranks = {
  good: 0,
  tried: 1,
  /** All are blocked: hosts that can be reached go before those that cannot, and all before those that were tried. */
  sick: 2,
  away: 3,
  triedSick: 4,
  triedAway: 5,
  none: 6
} as const

/** Filled for each choice, with the places of the candidates in `View.hosts`. */
export interface Candidates {
  rank: number
  readonly places: Array<number>
}

export const make = (): Candidates => ({ rank: ranks.none, places: [] })

export const isPanic = ({ rank }: Candidates): boolean => rank >= ranks.sick

export const isAgain = ({ rank }: Candidates): boolean => rank === ranks.tried || rank >= ranks.triedSick

const rankOf = (host: HostView, { excluded, tried }: Question): number => {
  const { blocked } = host
  if (host.residency === "missing" || blocked === "closed") return ranks.none
  if (excluded.length > 0 && excluded.includes(host.host)) return ranks.none
  const isTried = tried.length > 0 && tried.includes(host.host)
  if (blocked === undefined) return isTried ? ranks.tried : ranks.good
  if (blocked === "model") return isTried ? ranks.triedSick : ranks.sick
  return isTried ? ranks.triedAway : ranks.away
}

export const find = (into: Candidates, { hosts }: View, question: Question): Candidates => {
  const { places } = into
  let best: number = ranks.none
  places.length = 0
  for (let place = 0; place < hosts.length; place++) {
    const host = hosts[place]
    if (host === undefined) continue
    const rank = rankOf(host, question)
    if (rank > best || rank === ranks.none) continue
    if (rank < best) {
      best = rank
      places.length = 0
    }
    places.push(place)
  }
  into.rank = best
  return into
}

/** Why there is none. */
export const refusal = ({ hosts }: View, { excluded }: Question): Refusal => {
  const installed = hosts.filter(({ residency }) => residency !== "missing")
  const reason =
    hosts.length === 0
      ? "noHost"
      : installed.length === 0
        ? "missing"
        : installed.some(({ host }) => excluded.includes(host))
          ? "excluded"
          : "closed"
  return { _tag: "Refusal", reason, wait: undefined }
}
