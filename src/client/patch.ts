/** The change of the policy that is in force for a part of a program. */
import * as Context from "effect/Context"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import type { Patch } from "../policy/Policy.js"

/** Read when a call, or a stream, is run. */
export class CurrentPatch extends Context.Reference<CurrentPatch>()("effect-ollama/CurrentPatch", {
  defaultValue: (): Patch => ({})
}) {}

const given = (u: Record<string | symbol, unknown>): Record<string | symbol, unknown> =>
  Record.filter(u, (value) => value !== undefined)

/** What is no object is left for the check of the whole to refuse. */
const join = <A>(first: A, second: A): A =>
  second === undefined
    ? first
    : Predicate.isRecord(first) && Predicate.isRecord(second)
      ? { ...first, ...given(second) }
      : second

/** Both changes, the second one winning field by field; what is absent or undefined in it leaves the first. */
export const both = (first: Patch, second: Patch): Patch => ({
  ...first,
  ...given({ ...second }),
  ...(first.timeouts === undefined ? {} : { timeouts: join(first.timeouts, second.timeouts) }),
  ...(first.retry === undefined ? {} : { retry: join(first.retry, second.retry) })
})
