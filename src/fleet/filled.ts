/** What the view of a host was filled with, so that it is filled again only when that has changed. */
import type * as Residency from "../client/residency.js"
import type * as Learned from "../record/Learned.js"
import type { Left } from "./work.js"

export interface Filled {
  readonly model: string | undefined
  readonly need: Residency.Need | undefined
  readonly at: number
  /** It holds no longer than this, whatever happens. */
  readonly until: number
  readonly state: number
  readonly left: Left
  readonly outside: number
  learned: Learned.Learned
  readonly ofHost: unknown
  readonly detectors: Learned.Detectors | undefined
}

/** Whether they ask for the same of a model. */
export const isSameNeed = (a: Residency.Need | undefined, b: Residency.Need | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.name === b.name && a.context === b.context && a.runner === b.runner)
