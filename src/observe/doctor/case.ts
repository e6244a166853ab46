/** What is judged, and what a rule says of it. */
import type * as OllamaError from "../../OllamaError.js"
import type { CallRecord } from "../../record/CallRecord.js"
import type { Facts } from "./facts.js"
import type { Place } from "./remedies.js"
import type { Cause, CauseName, Fix } from "./report.js"

export interface Case {
  readonly facts: Facts
  readonly place: Place
  /** Something of the address that is seldom meant. */
  readonly warning: string | undefined
  readonly failure: OllamaError.OllamaError | undefined
  readonly records: ReadonlyArray<CallRecord>
}

/** A rule's contribution: that a cause holds, does not, or may. */
export interface Statement {
  readonly cause: CauseName
  readonly says: Cause["holds"]
  /** One sentence, with figures. */
  readonly evidence: string
  readonly fixes: ReadonlyArray<Fix>
}

export type Rule = (judged: Case) => ReadonlyArray<Statement>

export const say = (
  cause: CauseName,
  says: Cause["holds"],
  evidence: string,
  ...fixes: ReadonlyArray<Fix>
): Statement => ({ cause, says, evidence, fixes })
