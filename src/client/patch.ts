/** The change of the policy that is in force for a part of a program. */
import * as Context from "effect/Context"
import type { Patch } from "../policy/Policy.js"

/** Read when a call, or a stream, is run. */
export class CurrentPatch extends Context.Reference<CurrentPatch>()("effect-ollama/CurrentPatch", {
  defaultValue: (): Patch => ({})
}) {}

/** Both changes, the second one winning field by field. */
export const both = (first: Patch, second: Patch): Patch => ({
  ...first,
  ...second,
  ...(first.timeouts && second.timeouts ? { timeouts: { ...first.timeouts, ...second.timeouts } } : {}),
  ...(first.retry && second.retry ? { retry: { ...first.retry, ...second.retry } } : {})
})
