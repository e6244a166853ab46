/** A call at a host, as far as it occupies a model there: what it was expected to take, and how much of that is left. */
import type { Journal } from "../client/journal.js"

/** Times in milliseconds. */
export interface Work {
  readonly model: string
  readonly journal: Pick<Journal, "current">
  /** When the place was given; on Clock. */
  readonly since: number
  /** What it was expected to wait there. */
  readonly wait: number
  readonly prompt: number
  readonly answer: number
  /** What loading the model takes, where it has to be loaded for this call. */
  readonly load: number
  readonly isCold: boolean
}

/** What takes longer than it should is not over yet. */
const least = 200

/** When the first value of its answer came from this host. */
export const firstAt = ({ journal }: Work, host: string): number | undefined => {
  const trail = journal.current()
  return trail?.host === host ? trail.firstAt : undefined
}

/** So late is nothing yet, beside what was predicted once more: predictions are rough. Milliseconds. */
const slack = 2_000

/**
 * Milliseconds of prompt and answer that are left. Where nothing has come that should have come long ago, and no other call
 * has had anything from the host since, it will take as long again as it is late: a host that does not answer looks busy
 * before a clock ends its calls.
 *
 * @param signAt when any call had a first value or an end there last
 */
export const left = (work: Work, host: string, signAt: number, now: number): number => {
  const begun = firstAt(work, host)
  if (begun !== undefined) return Math.max(least, work.answer - (now - begun))
  const late = signAt > work.since ? 0 : now - work.since - 2 * (work.wait + work.load + work.prompt) - slack
  return Math.max(least, work.prompt + work.answer + Math.max(0, late))
}

/** Whether its model is still to be loaded. */
export const isLoading = (work: Work, host: string): boolean => {
  if (!work.isCold || firstAt(work, host) !== undefined) return false
  const trail = work.journal.current()
  return trail?.host !== host || trail.stage !== "firstToken"
}
