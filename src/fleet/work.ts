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

/** Milliseconds that are left at a moment: `constant + slope * now`, until another line holds or something happens. */
export interface Left {
  readonly constant: number
  readonly slope: number
  readonly until: number
}

const always = Number.POSITIVE_INFINITY

/** What changes with the time by `slope`, and is never below the least. */
const atLeast = (constant: number, slope: 1 | -1, now: number): Left => {
  const spare = constant + slope * now - least
  if (slope === 1)
    return spare < 0 ? { constant: least, slope: 0, until: now - spare } : { constant, slope, until: always }
  return spare <= 0 ? { constant: least, slope: 0, until: always } : { constant, slope, until: now + spare }
}

/**
 * Milliseconds of prompt and answer that are left. Where nothing has come that should have come long ago, and no other call
 * has had anything from the host since, it will take as long again as it is late: a host that does not answer looks busy
 * before a clock ends its calls.
 *
 * @param begun when its first value came
 * @param signAt when any call had a first value or an end there last
 */
export const left = (work: Work, begun: number | undefined, signAt: number, now: number): Left => {
  if (begun !== undefined) return atLeast(work.answer + begun, -1, now)
  const all = work.prompt + work.answer
  const lateAt = work.since + 2 * (work.wait + work.load + work.prompt) + slack
  if (signAt > work.since || now < lateAt) {
    return { constant: Math.max(least, all), slope: 0, until: signAt > work.since ? always : lateAt }
  }
  return atLeast(all - lateAt, 1, now)
}

/** Whether its model is still to be loaded. */
export const isLoading = (work: Work, host: string): boolean => {
  if (!work.isCold || firstAt(work, host) !== undefined) return false
  const trail = work.journal.current()
  return trail?.host !== host || trail.stage !== "firstToken"
}
