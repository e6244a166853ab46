/** One choice that is being made. */
import type { Memory } from "./memory.js"
import type { Question, View } from "./view.js"

export interface Asked {
  readonly view: View
  readonly question: Question
  readonly memory: Memory
  /** The candidates, as places in `View.hosts`; at least one. */
  readonly places: ReadonlyArray<number>
}
