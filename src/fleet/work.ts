/** A call at a host, as far as it occupies a model there: what it was expected to take, and how much of that is left. */
import type { Journal } from "../client/journal.js"

/** Times in milliseconds. */
export interface Work {
  readonly model: string
  readonly journal: Journal
  /** When the place was given; on Clock. */
  readonly since: number
  readonly prompt: number
  readonly answer: number
  /** What loading the model takes, where it has to be loaded for this call. */
  readonly load: number
  readonly isCold: boolean
}

/** What takes longer than it should is not over yet. */
const least = 200

/** When the first value of its answer came from this host. */
const firstAt = ({ journal }: Work, host: string): number | undefined => {
  const trail = journal.current()
  return trail?.host === host ? trail.firstAt : undefined
}

/** Milliseconds of prompt and answer that are left. */
export const left = (work: Work, host: string, now: number): number => {
  const begun = firstAt(work, host)
  return begun === undefined ? Math.max(least, work.prompt + work.answer) : Math.max(least, work.answer - (now - begun))
}

/** Whether its model is still to be loaded. */
export const isLoading = (work: Work, host: string): boolean => {
  if (!work.isCold || firstAt(work, host) !== undefined) return false
  const trail = work.journal.current()
  return trail?.host !== host || trail.stage !== "firstToken"
}
