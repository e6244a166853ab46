/** From what was found to the causes: all rules, and what they say together. */
import type * as OllamaError from "../../OllamaError.js"
import type { Case, Statement } from "./case.js"
import * as JudgeAnswer from "./judgeAnswer.js"
import * as JudgeLoad from "./judgeLoad.js"
import * as JudgePast from "./judgePast.js"
import * as JudgeWay from "./judgeWay.js"
import { type Cause, CauseName, type Causes, type Check, type Fix, type Report } from "./report.js"

const rules = [...JudgeWay.rules, ...JudgeAnswer.rules, ...JudgeLoad.rules, ...JudgePast.rules]

const once = (fixes: ReadonlyArray<Fix>): ReadonlyArray<Fix> => [
  ...new Map(fixes.map((fix) => [fix.text, fix])).values()
]

/** One yes is enough; a doubt outweighs what speaks against it. */
const together = (statements: ReadonlyArray<Statement>): Cause => {
  const saying = (says: Cause["holds"]) => statements.filter((statement) => statement.says === says)
  const holds = (["yes", "unknown", "no"] as const).find((says) => saying(says).length > 0) ?? "unknown"
  const heard =
    holds === "yes" ? saying("yes") : holds === "unknown" ? [...saying("unknown"), ...saying("no")] : saying("no")
  return {
    holds,
    evidence: [...new Set(heard.map(({ evidence }) => evidence))],
    fixes: once(heard.flatMap(({ fixes }) => fixes))
  }
}

export const causes = (judged: Case): Causes => {
  const statements = rules.flatMap((rule) => rule(judged))
  const of = (cause: CauseName): Cause => together(statements.filter((statement) => statement.cause === cause))
  return {
    unreachable: of("unreachable"),
    timeoutTooLow: of("timeoutTooLow"),
    overloaded: of("overloaded"),
    blocked: of("blocked")
  }
}

/** Where several hold, what has to be mended first. */
const order: ReadonlyArray<CauseName> = ["blocked", "unreachable", "overloaded", "timeoutTooLow"]

/** Failures that are none of the four causes, and say themselves what to do. */
const speaksForItself = (failure: OllamaError.OllamaError | undefined): failure is OllamaError.OllamaError =>
  failure !== undefined &&
  [
    "LoadFailed",
    "InvalidRequest",
    "ModelNotFound",
    "Unauthorized",
    "ProtocolError",
    "MalformedOutput",
    "ServerError"
  ].includes(failure._tag)

export const verdict = (
  found: Causes,
  checks: ReadonlyArray<Check>,
  failure: OllamaError.OllamaError | undefined
): Report["verdict"] => {
  const cause = order.find((name) => found[name].holds === "yes")
  if (cause !== undefined) return { cause, text: found[cause].evidence[0] ?? "" }
  const allFailed = checks.filter(({ status }) => status === "failed")
  const failed = allFailed.find(({ fixes }) => fixes.length > 0) ?? allFailed[0]
  if (failed !== undefined) return { cause: "other", text: failed.text }
  if (speaksForItself(failure)) return { cause: "other", text: `The call that failed: ${failure.message}` }
  const open = CauseName.literals.filter((name) => found[name].holds === "unknown")
  const doubts = open.flatMap((name) => found[name].evidence.slice(0, 1))
  return {
    cause: "none",
    text: `Nothing is wrong, as far as can be seen from here.${doubts.length === 0 ? "" : ` ${doubts.join(" ")}`}`
  }
}
