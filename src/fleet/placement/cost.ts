/**
 * What a call would take at a host: its wait, the load of the model, the prompt and the answer, all in milliseconds
 * (resilience notes, 5.5).
 *
 * - wait: the work that is there or held for it, over the calls that are worked on at once; and what was last measured of
 *   other clients' calls.
 * - load: nothing, or what is left of it, or size over load rate, behind the other loads there; and half of what it takes
 *   to load what would be put out.
 * - prompt: tokens over rate, without those that the session has left in the memory of the model.
 * - answer: the mean length over rate.
 * - recovery: 2 seconds, for 20 seconds after the host has come back.
 *
 * What is not known of a host is the mean of what is known of the others, else a prior. A host that seems to be slower
 * than what was learned of it takes as many times as long for everything.
 */
import type { Cost, HostView, Question, View } from "./view.js"

/**
 * Before anything is known of any host: the figures of the resilience notes, 5.5. The last two are the size of a model of
 * 8 billion parameters at 4 bits, and the mean answer of the models in those notes' simulation.
 */
export const priors = {
  loadRate: 0.5,
  promptRate: 500,
  generationRate: 30,
  parallelism: 1,
  gigabytes: 5,
  answerTokens: 200
}

const recovering = 20_000
const recoveryCost = 2_000

/** What counts for what would be put out: it may never be asked for again. */
const evictedShare = 0.5

/** For what all hosts have in common; one object, filled for each choice. */
export interface Common {
  gigabytes: number
  answerTokens: number
  loadRate: number
  promptRate: number
  generationRate: number
  parallelism: number
  /** Infinity where no host has shown a limit. */
  capacity: number
}

export const common = (): Common => ({
  ...priors,
  capacity: Number.POSITIVE_INFINITY
})

const mean = (sum: number, count: number, otherwise: number): number => (count === 0 ? otherwise : sum / count)

/** One pass over all hosts, of any of which something may be known. */
export const survey = (into: Common, view: View, question: Question): Common => {
  let loadRate = 0
  let loadRates = 0
  let promptRate = 0
  let promptRates = 0
  let generationRate = 0
  let generationRates = 0
  let parallelism = 0
  let parallelisms = 0
  let capacity = 0
  let capacities = 0
  for (const host of view.hosts) {
    if (host.loadRate !== undefined) {
      loadRate += host.loadRate
      loadRates++
    }
    if (host.promptRate !== undefined) {
      promptRate += host.promptRate
      promptRates++
    }
    if (host.generationRate !== undefined) {
      generationRate += host.generationRate
      generationRates++
    }
    if (host.parallelism !== undefined) {
      parallelism += host.parallelism
      parallelisms++
    }
    if (host.capacity !== undefined) {
      capacity += host.capacity
      capacities++
    }
  }
  into.gigabytes = question.gigabytes ?? priors.gigabytes
  into.answerTokens = question.answerTokens ?? priors.answerTokens
  into.loadRate = mean(loadRate, loadRates, priors.loadRate)
  into.promptRate = mean(promptRate, promptRates, priors.promptRate)
  into.generationRate = mean(generationRate, generationRates, priors.generationRate)
  into.parallelism = mean(parallelism, parallelisms, priors.parallelism)
  into.capacity = mean(capacity, capacities, Number.POSITIVE_INFINITY)
  return into
}

export const waitOf = (host: HostView, common: Common): number => {
  const own = ((host.workLeft + host.heldWork) * host.slowness) / (host.parallelism ?? common.parallelism)
  return Math.max(0, own + host.foreignQueue)
}

/**
 * What would be put out to make room: the models that no call uses, one after the other, and then what calls use. A limit
 * that others have shown is none for a host that was seen to hold more.
 */
const evicted = (host: HostView, common: Common): number => {
  if (host.capacity === undefined && common.capacity === Number.POSITIVE_INFINITY) return 0
  let held = host.busyGigabytes
  for (const gigabytes of host.idleGigabytes) held += gigabytes
  const missing = held + common.gigabytes - (host.capacity ?? Math.max(common.capacity, held))
  let gone = 0
  for (const gigabytes of host.idleGigabytes) {
    if (gone >= missing) return gone
    gone += gigabytes
  }
  return gone >= missing ? gone : Math.min(missing, held)
}

export const loadOf = (host: HostView, common: Common): number => {
  if (host.residency === "resident") return 0
  if (host.residency === "loading") return host.loadingLeft
  const moved = common.gigabytes + evictedShare * evicted(host, common)
  return host.otherLoadsLeft + (1000 * host.slowness * moved) / (host.loadRate ?? common.loadRate)
}

export const promptOf = (host: HostView, common: Common, question: Question): number => {
  const tokens =
    host.residency === "resident" ? Math.max(0, question.promptTokens - host.sessionTokens) : question.promptTokens
  return (1000 * host.slowness * tokens) / (host.promptRate ?? common.promptRate)
}

export const answerOf = (host: HostView, common: Common): number =>
  (1000 * host.slowness * common.answerTokens) / (host.generationRate ?? common.generationRate)

export const recoveryOf = (host: HostView): number => (host.sinceRecovery < recovering ? recoveryCost : 0)

/** The sum, without an object for the parts. */
export const total = (host: HostView, common: Common, question: Question): number =>
  waitOf(host, common) +
  loadOf(host, common) +
  promptOf(host, common, question) +
  answerOf(host, common) +
  recoveryOf(host)

/** The parts. */
export const parts = (host: HostView, common: Common, question: Question): Cost => {
  const wait = waitOf(host, common)
  const load = loadOf(host, common)
  const prompt = promptOf(host, common, question)
  const answer = answerOf(host, common)
  const recovery = recoveryOf(host)
  return { wait, load, prompt, answer, recovery, total: wait + load + prompt + answer + recovery }
}

/**
 * What a call is expected to take at a host, for a placement of one's own.
 *
 * @example
 * ```ts
 * import { Placement } from "effect-ollama"
 *
 * // the fastest answer, whatever the host still has to do before
 * const impatient: Placement.Own = (candidates, question, view) =>
 *   candidates.toSorted(
 *     (a, b) => Placement.cost(view, question, a).answer - Placement.cost(view, question, b).answer
 *   )[0]
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const cost = (view: View, question: Question, host: HostView): Cost =>
  parts(host, survey(common(), view, question), question)
