/** The host of a call. */
import type { Memory } from "./memory.js"
import type { Own, Placement } from "./value.js"
import type { Answer, Cost, HostView, Question, View } from "./view.js"

const nothing: Cost = { wait: 0, load: 0, prompt: 0, answer: 0, recovery: 0, total: 0 }

/**
 * Chooses. The same question with the same view, memory and random number has the same answer; the memory is changed.
 *
 * @since 0.1.0
 * @category getters
 */
export const choose = (placement: Placement | Own, view: View, question: Question, memory: Memory): Answer => {
  memory.turn++
  const installed = view.hosts.filter((host) => host.residency !== "missing")
  const open = installed.filter(({ blocked, host }) => blocked !== "closed" && !question.excluded.includes(host))
  const free = open.filter(({ blocked }) => blocked === undefined)
  const candidates = free.length > 0 ? free : open
  const fresh = candidates.filter(({ host }) => !question.tried.includes(host))
  const left = fresh.length > 0 ? fresh : candidates
  const first = left[0]
  if (first === undefined) {
    const reason = view.hosts.length === 0 ? "noHost" : installed.length === 0 ? "missing" : "closed"
    return { _tag: "Refusal", reason, wait: undefined }
  }
  const best: HostView | undefined =
    typeof placement === "function"
      ? placement(left, question, view)
      : left.reduce((best, host) => (host.workLeft < best.workLeft ? host : best), first)
  if (best === undefined) return { _tag: "Refusal", reason: "declined", wait: undefined }
  return {
    _tag: "Choice",
    host: best.host,
    index: view.hosts.indexOf(best),
    cost: nothing,
    isPanic: free.length === 0,
    isAgain: fresh.length === 0
  }
}
