/** Calls to which nothing comes any more, or not yet: for how long, and whether that says something. */
import { type Facts, millis } from "./facts.js"

/** A stream that says nothing for so long, and that of a call with tools, in milliseconds. */
export const stalled = { usually: 10_000, buffering: 300_000 }

/** A first token that takes so many times as long as it ever should, and at least so many milliseconds. */
const overdue = { times: 3, least: 10_000 }

/** How long it waits for a token of a model in memory, where that is far longer than reading its prompt could take. */
export const waitedInVain = ({ evidence: { running }, focus, timeout }: Facts): number | undefined => {
  const isBegun = timeout?.phase === "firstToken" || running?.phase === "firstToken"
  const high = millis(focus?.predicted?.high)
  if (!isBegun || focus?.name !== "prompt" || high === undefined) return undefined
  return focus.actual >= Math.max(overdue.least, overdue.times * high) ? focus.actual : undefined
}

/** Ollama sends headers with the first token: where they came alone, the model's process has begun, and hangs. */
const hasHeaders = ({ evidence: { running }, failure }: Facts): boolean =>
  running?.hasHeaders === true || (running === undefined && failure?.status !== undefined)

/** For how long the model's process has said nothing, where it should have. */
export const ofRunner = (facts: Facts): number | undefined => {
  const { evidence, timeout } = facts
  const { hasTools, running } = evidence
  const silent =
    timeout?.phase === "gap" ? millis(timeout.limit) : running?.phase === "gap" ? millis(running.silent) : 0
  if (silent !== undefined && silent >= (hasTools === true ? stalled.buffering : stalled.usually)) return silent
  return hasHeaders(facts) ? waitedInVain(facts) : undefined
}
