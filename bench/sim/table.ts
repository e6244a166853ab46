/** What is printed. */
import type { Line, Point } from "./acceptance.js"
import type { Figures } from "./metrics.js"
import type { Row } from "./report.js"

const percent = (share: number) => (Number.isNaN(share) ? "-" : (100 * share).toFixed(1))

const number = (value: number, digits = 1) => (Number.isNaN(value) ? "-" : value.toFixed(digits))

interface Column {
  readonly title: string
  readonly of: keyof Figures
  readonly show: (value: number) => string
}

const columns: ReadonlyArray<Column> = [
  { title: "done %", of: "completed", show: percent },
  { title: "good %", of: "good", show: percent },
  { title: "p50", of: "first50", show: number },
  { title: "p95", of: "first95", show: number },
  { title: "p99", of: "first99", show: number },
  { title: "e2e95", of: "whole95", show: number },
  { title: "att.", of: "attempts", show: (value) => number(value, 2) },
  { title: "peak", of: "attemptsPeak", show: (value) => number(value, 2) },
  { title: "loads", of: "loads", show: number },
  { title: "abort", of: "aborted", show: number },
  { title: "evict", of: "evictions", show: number },
  { title: "wasted", of: "wasted", show: (value) => number(value, 0) },
  { title: "late", of: "sentToBad", show: number },
  { title: "back", of: "back", show: number },
  { title: "false/h", of: "falseEjections", show: number },
  { title: "jain", of: "jain", show: (value) => number(value, 2) },
  { title: "type %", of: "rightType", show: percent },
  { title: "verd %", of: "rightVerdict", show: percent }
]

const width = 8

export const legend = [
  "done, good: % of requests completed; with their first token within 10 s. p50, p95, p99: first token, seconds, of those completed.",
  "e2e95: whole answer. att., peak: attempts by request; in the worst minute. abort: loads thrown away. wasted: seconds of work for nobody.",
  "late: requests sent to a bad host later than 2 s. back: seconds until a healed host is used. false/h: hosts left alone for nothing, an hour.",
  "±: half of the 95 % interval of good and p95 over the seeds."
].join("\n")

export const header = (nameWidth: number): string =>
  `${"".padEnd(nameWidth)}${columns.map(({ title }) => title.padStart(width)).join("")}${"± good".padStart(width)}${"± p95".padStart(width)}`

export const row = ({ contestant, interval, mean }: Row, nameWidth: number): string =>
  `${contestant.padEnd(nameWidth)}${columns.map(({ of, show }) => show(mean[of]).padStart(width)).join("")}` +
  `${percent(interval.good).padStart(width)}${number(interval.first95).padStart(width)}`

const point = ({ figure, limit, scenario }: Point) => `${scenario} ${number(figure, 3)} (limit ${number(limit, 3)})`

/** A line of the list; where it does not hold, every scenario in which it does not, with the reason. */
export const line = ({ broken, holds, wanted, worst }: Line): string =>
  [
    `${holds ? "holds         " : worst === undefined ? "not looked at " : "does not hold "} ${wanted}${worst === undefined ? "" : `: ${point(worst)}`}`,
    ...broken.map((it) => `  does not hold: ${point(it)}: ${it.reason ?? "nobody has found out why"}`)
  ].join("\n")
