/**
 * How many calls a server works on at once, learned from what its answers say of the queue they waited in. Pure.
 *
 * Ollama works on OLLAMA_NUM_PARALLEL calls of a model and lets the others wait, without a limit and without a word
 * (ollama/ollama#7758). But the last chunk of an answer gives the wait away: `total_duration` less the load, the prompt
 * and the generation.
 */

/**
 * What a finished answer shows.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sample {
  /** Calls in flight when it was sent, itself included. */
  readonly inFlight: number
  /** `total_duration` less load, prompt and generation, in seconds. */
  readonly queueSeconds: number
  /** `prompt_eval_duration` and `eval_duration`, in seconds; zero or less (not reported) is no sample. */
  readonly serviceSeconds: number
}

/**
 * What is known of a server. `parallelism` is 0 until there was an answer; `hasQueue` says whether an answer has ever
 * shown a queue, and so whether there is a limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Learning {
  /** How many calls the server works on at once; before a queue was seen: the most it was seen to. */
  readonly parallelism: number
  readonly hasQueue: boolean
  /** How many calls more than that are sent, to know whether it takes more. One, and more while it keeps rising. */
  readonly headroom: number
  /** Mean seconds of prompt and generation, newer answers weighing more. */
  readonly serviceSeconds: number | undefined
  /** The wait of calls that were alone, as a share of their work: the server's own doing, or other clients. */
  readonly aloneShare: number | undefined
  /** Answers in a row that waited where none should have, and the least number in flight among them. */
  readonly contradictions: { readonly count: number; readonly inFlight: number }
  /** Answers to calls sent above the learned number: seconds worked on times in flight, and seconds at the server. */
  readonly probe: { readonly count: number; readonly served: number; readonly stay: number }
}

const noContradiction: Learning["contradictions"] = { count: 0, inFlight: Number.POSITIVE_INFINITY }
const noProbe: Learning["probe"] = { count: 0, served: 0, stay: 0 }

/**
 * Before the first answer: no limit.
 *
 * @since 0.1.0
 * @category constants
 */
export const nothingLearned: Learning = {
  parallelism: 0,
  hasQueue: false,
  headroom: 1,
  serviceSeconds: undefined,
  aloneShare: undefined,
  contradictions: noContradiction,
  probe: noProbe
}

/**
 * How many calls may be in flight: one more than the server works on, so that none of its slots idles while the next
 * call travels, and never under two. Infinity while no answer has shown a queue.
 *
 * @since 0.1.0
 * @category getters
 */
export const limitOf = (learning: Learning): number =>
  learning.hasQueue ? Math.max(2, learning.parallelism + learning.headroom) : Number.POSITIVE_INFINITY

/** A wait of more than this share of the work is a queue. */
const queueShare = 0.1
/** What the server itself takes besides; 3 to 7 milliseconds were measured on a graphics card, 33 on a processor. */
const bookkeeping = 0.02
/**
 * The most that is put down to the server itself. Of recorded answers that waited for nobody most show 1 to 4 percent; a
 * slow processor with a schema as `format` 14.
 */
const mostAlone = 0.2
/** Less than this share says that nobody waited, however many were in flight. */
const negligible = 0.02
const contradictionsToFall = 2
const leastProbe = 8
const newest = 0.2

/**
 * Takes one more answer into account.
 *
 * - Until an answer shows a queue (waited longer than a tenth of its work, and was not alone), there is no limit and the
 *   number is the most that were in flight without a wait.
 * - Two answers in a row that waited, though no more calls were in flight than the learned number, lower it by one.
 * - Calls sent above the number are a probe. By Little's law (in service = in flight x work / (work + wait)) a round of
 *   them says how many are worked on at once, whether that is more or fewer. As long as each round raises the number,
 *   the next probes twice as far.
 *
 * A call that was alone says nothing of a queue: none of ours was before it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const learn = (learning: Learning, sample: Sample): Learning => {
  const { inFlight, queueSeconds, serviceSeconds: service } = sample
  if (!(service > 0 && inFlight >= 1 && Number.isFinite(service + queueSeconds + inFlight))) return learning
  const queue = queueSeconds < bookkeeping ? 0 : queueSeconds
  const known: Learning = {
    ...learning,
    parallelism: Math.max(1, learning.parallelism),
    serviceSeconds: mean(learning.serviceSeconds, service),
    aloneShare: inFlight === 1 ? mean(learning.aloneShare, Math.min(mostAlone, queue / service)) : learning.aloneShare
  }
  if (inFlight === 1) return known
  const wait = Math.max(0, queue - (known.aloneShare ?? 0) * service)
  const hasWaited = wait > queueShare * service
  if (!known.hasQueue && !hasWaited) return { ...known, parallelism: Math.max(known.parallelism, inFlight) }
  if (inFlight <= known.parallelism) return contradict({ ...known, hasQueue: true }, inFlight, hasWaited)
  if (!known.hasQueue) return { ...known, hasQueue: true }
  // sent under a limit that is in force no more: that it waited is no news
  return inFlight > limitOf(known) ? known : probe(known, inFlight, service, wait)
}

const mean = (old: number | undefined, value: number): number =>
  old === undefined ? value : old + newest * (value - old)

const contradict = (known: Learning, inFlight: number, hasWaited: boolean): Learning => {
  const { contradictions } = known
  if (!hasWaited) {
    return inFlight < contradictions.inFlight ? known : { ...known, contradictions: noContradiction }
  }
  return contradictions.count + 1 < contradictionsToFall
    ? {
        ...known,
        contradictions: { count: contradictions.count + 1, inFlight: Math.min(inFlight, contradictions.inFlight) }
      }
    : settle(known, known.parallelism - 1, 1)
}

const probe = (known: Learning, inFlight: number, service: number, wait: number): Learning => {
  const count = known.probe.count + 1
  const served = known.probe.served + inFlight * service
  const stay = known.probe.stay + service + wait
  const limit = limitOf(known)
  // a whole round and another, so that calls that start and end together are seen in all their places
  if (count < Math.max(leastProbe, 2 * limit)) return { ...known, probe: { count, served, stay } }
  const parallelism = Math.min(limit, Math.round((served / stay) * (1 + negligible)))
  return settle(known, parallelism, parallelism >= limit ? known.headroom * 2 : 1)
}

const settle = (known: Learning, parallelism: number, headroom: number): Learning => ({
  ...known,
  parallelism: Math.max(1, parallelism),
  headroom,
  contradictions: noContradiction,
  probe: noProbe
})
