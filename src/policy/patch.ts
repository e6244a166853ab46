/** The change of the policy that is in force for a part of a program. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import type { Patch } from "./value.js"

/** Read when a call, or a stream, is run. */
export class CurrentPatch extends Context.Reference<CurrentPatch>()("effect-ollama/CurrentPatch", {
  defaultValue: (): Patch => ({})
}) {}

/** A part that has fields of its own. */
const isPart = (u: unknown): u is Record<string | symbol, unknown> => Predicate.isRecord(u) && !Duration.isDuration(u)

/** What is no object is left for the check of the whole to refuse. */
const join = (first: unknown, second: unknown): unknown => {
  if (second === undefined) return first
  if (!isPart(first) || !isPart(second)) return second
  const out = { ...first }
  for (const [key, value] of Object.entries(second)) out[key] = join(out[key], value)
  return out
}

/** Both changes, the second one winning field by field; what is absent or undefined in it leaves the first. */
export const both = (first: Patch, second: Patch): Patch => join(first, second) as Patch
