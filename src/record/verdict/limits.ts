/** Clocks of ours that ran out: whether they were too short, or the server too slow. */
import * as Duration from "effect/Duration"
import type { Prediction } from "../CallRecord.js"
import type { Verdict } from "../Verdict.js"
import { type Facts, isWait, millis } from "./facts.js"
import { given } from "./given.js"

/** Since when a host that answered is taken to be alive still, in milliseconds. */
const lively = 60_000

/** A prediction that rests on nothing seen here may be off by this factor before a limit is called too short. */
const benefit = 2

const highOf = (prediction: Prediction | undefined): number =>
  prediction === undefined
    ? 0
    : prediction.samples > 0
      ? (millis(prediction.high) ?? 0)
      : benefit * (millis(prediction.expected) ?? 0)

/** What such a call may take; waits in the server's queue are no reason to wait longer. Undefined where nothing tells. */
const needed = ({ evidence: { predicted }, focus, timeout }: Facts): number | undefined => {
  switch (timeout?.phase) {
    case "total":
      return predicted?.total === undefined ? undefined : highOf(predicted.total)
    case "load":
    case "firstToken": {
      const isLoading = focus?.name === "loading"
      const first = isLoading ? focus.predicted : (predicted?.prompt ?? focus?.predicted)
      const rest = isLoading && timeout.phase === "firstToken" ? predicted?.prompt : undefined
      return first === undefined ? undefined : highOf(first) + highOf(rest)
    }
    default:
      return undefined
  }
}

const verdictOf = ({ timeout }: Facts, needed: number | undefined): Verdict | undefined => {
  const limit = millis(timeout?.limit)
  return limit === undefined || timeout?.phase === undefined
    ? undefined
    : {
        _tag: "TooShort",
        phase: timeout.phase,
        limit: Duration.millis(limit),
        ...given("needed", needed === undefined || needed <= limit ? undefined : Duration.millis(needed))
      }
}

/** A clock ran out before that had passed which was to be expected. */
export const asPredicted = (facts: Facts): Verdict | undefined => {
  const need = needed(facts)
  const limit = millis(facts.timeout?.limit)
  // a limit over everything that went by in waits says nothing of the work
  const hasWaited = facts.timeout?.phase === "total" && facts.focus !== undefined && isWait(facts.focus.name)
  return need !== undefined && limit !== undefined && limit < need && !hasWaited ? verdictOf(facts, need) : undefined
}

/** The server is silent while it buffers a tool call. */
export const whileBuffering = (facts: Facts, buffering: number): Verdict | undefined =>
  facts.timeout?.phase === "gap" &&
  facts.evidence.hasTools === true &&
  facts.host.probe !== "slow" &&
  (millis(facts.timeout.limit) ?? buffering) < buffering
    ? verdictOf(facts, undefined)
    : undefined

const isAlive = ({ host }: Facts): boolean =>
  host.probe === "fast" ||
  (host.probe === undefined &&
    (host.listing === "listed" || host.listing === "absent" || (millis(host.lastContact) ?? lively) < lively))

/** The host is alive, and nothing tells how long it should have taken; or the limit was over everything. */
export const whileAlive = (facts: Facts): Verdict | undefined => {
  const phase = facts.timeout?.phase
  if (phase === "total") return verdictOf(facts, needed(facts))
  return phase !== "gap" && needed(facts) === undefined && isAlive(facts) ? verdictOf(facts, undefined) : undefined
}
