/** What a placement remembers from one choice to the next, and what it works in. */
import type * as Admission from "./admission.js"
import * as Candidates from "./candidates.js"
import * as Cost from "./cost.js"

/** Kinds of calls (models, and priorities of each) whose waits are remembered; beyond it the oldest is forgotten. */
const mostKinds = 256

/**
 * Changed by each choice, and bounded by the number of hosts. One for each client that chooses by itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Memory {
  /** How many choices there were. */
  turn: number
  /** By host: how much of its weight it is owed. */
  readonly owed: Map<string, number>
  /** By host: the hash of its name. */
  readonly hashes: Map<string, number>
  /** By model and priority: how the wait has been. */
  readonly excess: Map<string, Admission.Excess>
  /** Of the choice that is being made, so that none needs new objects. */
  readonly candidates: Candidates.Candidates
  readonly common: Cost.Common
}

export const make = (): Memory => ({
  turn: 0,
  owed: new Map(),
  hashes: new Map(),
  excess: new Map(),
  candidates: Candidates.make(),
  common: Cost.common()
})

/** Without hosts that are not there any more, once they are as many as those that are. */
export const prune = (byHost: Map<string, number>, hosts: ReadonlyArray<{ readonly host: string }>): void => {
  if (byHost.size <= 2 * hosts.length) return
  const there = new Set(hosts.map(({ host }) => host))
  for (const host of byHost.keys()) if (!there.has(host)) byHost.delete(host)
}

/** Whoever was heard of last is at the end of a Map. */
export const setExcess = (memory: Memory, kind: string, excess: Admission.Excess): void => {
  memory.excess.delete(kind)
  memory.excess.set(kind, excess)
  if (memory.excess.size <= mostKinds) return
  for (const oldest of memory.excess.keys()) {
    memory.excess.delete(oldest)
    return
  }
}
