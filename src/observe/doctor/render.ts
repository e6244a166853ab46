/** The report as plain text, and as an exit code. */
import type { Report } from "./report.js"

const codes: Readonly<Record<Report["verdict"]["cause"], number>> = {
  none: 0,
  other: 1,
  unreachable: 3,
  timeoutTooLow: 4,
  overloaded: 5,
  blocked: 6
}

export const exitCode = (report: Report): number => codes[report.verdict.cause]

export const render = (report: Report): string =>
  [
    ...report.checks.map((check) => `${check.status.padEnd(8)} ${check.name.padEnd(8)} ${check.text}`),
    "",
    report.verdict.text
  ].join("\n")
