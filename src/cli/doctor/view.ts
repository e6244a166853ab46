/** The doctor's report for people: marks, evidence, and what to do, broken to the width. Pure. */
import * as Duration from "effect/Duration"
import type * as Doctor from "../../observe/Doctor.js"
import * as Columns from "../terminal/columns.js"
import * as Style from "../terminal/Style.js"
import * as Units from "../terminal/units.js"

const marks: Readonly<Record<Doctor.Check["status"], Style.Span>> = {
  ok: Style.span("✓", "green"),
  warning: Style.span("!", "yellow"),
  failed: Style.span("✗", "red"),
  skipped: Style.span("-", "dim"),
  unknown: Style.span("?", "yellow")
}

/** A cause that holds is no good news. */
const causeMarks: Readonly<Record<Doctor.Cause["holds"], Style.Span>> = {
  yes: marks.failed,
  no: marks.ok,
  unknown: marks.unknown
}

const answers: Readonly<Record<Doctor.Cause["holds"], string>> = { yes: "yes", no: "no", unknown: "not known" }

const titles: Readonly<Record<Doctor.CauseName, string>> = {
  unreachable: "The server is down or cannot be reached",
  timeoutTooLow: "A time limit of this client is too short",
  overloaded: "The server is overloaded",
  blocked: "A firewall, proxy or rule forbids the call"
}

const order: ReadonlyArray<Doctor.CauseName> = ["unreachable", "timeoutTooLow", "overloaded", "blocked"]

/** Some words behind others, the further lines under the first one. */
const hanging = (before: ReadonlyArray<Style.Span>, text: string, width: number, style?: Style.Style) => {
  const indent = Style.columns(before)
  return Columns.wrap(Columns.harmless(text), Math.max(10, width - indent)).map((part, index) =>
    Style.line(...(index === 0 ? before : [Style.span(" ".repeat(indent))]), Style.span(part, style))
  )
}

const indented = (depth: number): ReadonlyArray<Style.Span> => [Style.span(" ".repeat(depth))]

const checkLines = ({ name, status, text, took }: Doctor.Check, width: number): ReadonlyArray<Style.Line> => {
  // a narrow terminal keeps its columns for what is said
  const label = width >= 50 ? name.padEnd(9) : name
  const time = took === undefined || Duration.toMillis(took) < 1000 ? "" : ` (${Units.span(Duration.toMillis(took))})`
  const before = [marks[status], Style.span(` ${label} `, "bold")]
  return hanging(before, `${text}${time}`, width, status === "skipped" ? "dim" : undefined)
}

const places: Readonly<Record<Doctor.Fix["where"], string>> = {
  here: "",
  server: "on the server: ",
  network: "on the way: "
}

/** Commands are not broken: they are to be copied. */
const fixLines = ({ commands, text, where }: Doctor.Fix, width: number, depth: number): ReadonlyArray<Style.Line> => [
  ...hanging([...indented(depth), Style.span("→ ", "cyan")], `${places[where]}${text}`, width),
  ...commands.flatMap(({ lines, on }) => [
    ...hanging(indented(depth + 2), `${on}:`, width, "dim"),
    ...lines.map((line) => Style.line(" ".repeat(depth + 4), Style.span(Columns.harmless(line), "bold")))
  ])
]

const causeLines = (name: Doctor.CauseName, cause: Doctor.Cause, width: number): ReadonlyArray<Style.Line> => {
  const { evidence, fixes, holds } = cause
  return [
    ...hanging([causeMarks[holds], Style.span(" ")], `${titles[name]}: ${answers[holds]}`, width, "bold"),
    ...evidence.flatMap((sentence) => hanging([...indented(2), Style.span("· ", "dim")], sentence, width)),
    ...(holds === "no" ? [] : fixes.flatMap((fix) => fixLines(fix, width, 2)))
  ]
}

/** What is to be done that belongs to none of the causes. */
const besides = ({ causes, checks }: Doctor.Report, width: number): ReadonlyArray<Style.Line> => {
  const said = new Set(order.flatMap((name) => causes[name].fixes.map(({ text }) => text)))
  const fixes = checks
    .filter(({ status }) => status === "failed" || status === "warning")
    .flatMap((check) => check.fixes)
    .filter(({ text }) => !said.has(text))
  return fixes.length === 0
    ? []
    : [Style.line(""), Style.line(Style.span("Besides", "bold")), ...fixes.flatMap((fix) => fixLines(fix, width, 0))]
}

/** No line is longer than what people read. */
const widest = 100

/** The report; what it comes to is the last line. */
export const view = (report: Doctor.Report, columns: number): ReadonlyArray<Style.Line> => {
  const width = Math.min(columns, widest)
  const { cause, text } = report.verdict
  const took = Units.span(Duration.toMillis(report.took))
  return [
    ...report.checks.flatMap((check) => checkLines(check, width)),
    ...order.flatMap((name) => [Style.line(""), ...causeLines(name, report.causes[name], width)]),
    ...besides(report, width),
    Style.line(""),
    ...hanging([], text, width, cause === "none" ? "green" : "red"),
    ...hanging([], `Examined in ${took}${report.isComplete ? "" : "; not all probes ended in time"}.`, width, "dim")
  ]
}
