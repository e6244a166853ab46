/** The report as plain text, and as an exit code. */
import { type Cause, CauseName, type Check, type Fix, type Report } from "./report.js"
import { span } from "./words.js"

const codes: Readonly<Record<Report["verdict"]["cause"], number>> = {
  none: 0,
  other: 1,
  unreachable: 3,
  timeoutTooLow: 4,
  overloaded: 5,
  blocked: 6
}

export const exitCode = (report: Report): number => codes[report.verdict.cause]

const names: Readonly<Record<CauseName, string>> = {
  unreachable: "The server is down or cannot be reached",
  timeoutTooLow: "A time limit of this client is too short",
  overloaded: "The server is overloaded",
  blocked: "A firewall, proxy or rule forbids the call"
}

const width = Math.max(..."warning failed skipped unknown ok".split(" ").map((word) => word.length))
const indent = " ".repeat(4)

const checkLine = ({ name, status, text }: Check): string => `${status.padEnd(width)}  ${name.padEnd(7)}  ${text}`

const fixLines = ({ commands, text, where }: Fix): ReadonlyArray<string> => [
  `${indent}- ${where === "here" ? "" : where === "server" ? "On the server: " : "On the way: "}${text}`,
  ...commands.flatMap(({ lines, on }) => [`${indent}  ${on}:`, ...lines.map((line) => `${indent}    ${line}`)])
]

const causeLines = (name: CauseName, { evidence, fixes, holds }: Cause): ReadonlyArray<string> => [
  `${names[name]}: ${holds}`,
  ...evidence.map((sentence) => `${indent}${sentence}`),
  ...(holds === "no" ? [] : fixes.flatMap(fixLines))
]

/** The fixes of checks that belong to no cause. */
const otherFixes = ({ checks, verdict }: Report): ReadonlyArray<string> => {
  const fixes = checks
    .filter(({ status }) => status === "failed" || status === "warning")
    .flatMap((check) => (verdict.cause === "other" || check.status === "warning" ? check.fixes : []))
  return fixes.length === 0 ? [] : ["", "Besides:", ...fixes.flatMap(fixLines)]
}

export const render = (report: Report): string =>
  [
    report.verdict.text,
    "",
    ...report.checks.map(checkLine),
    ...CauseName.literals.flatMap((name) => ["", ...causeLines(name, report.causes[name])]),
    ...otherFixes(report),
    "",
    `Examined in ${span(report.took)}${report.isComplete ? "" : "; not all probes ended in time"}.`
  ].join("\n")
