/** The screen of `watch`: a state and a size give lines. */
import type { BreakerState } from "../../record/CallEvent.js"
import * as Verdict from "../../record/Verdict.js"
import * as Placement from "../models/residence.js"
import { sparkline } from "../terminal/bars.js"
import * as Columns from "../terminal/columns.js"
import * as Style from "../terminal/Style.js"
import { type Cell, type Column, table } from "../terminal/table.js"
import * as Units from "../terminal/units.js"
import type { Trouble } from "./History.js"
import type { HostRow, ModelRow, Snapshot } from "./Snapshot.js"

/** How wide the picture of first tokens is. */
const picture = 12

const statusStyle: Readonly<Record<HostRow["status"], Style.Style>> = {
  healthy: "green",
  busy: "yellow",
  unreachable: "red",
  unknown: "yellow"
}

/** Short, for narrow terminals. */
const statusWord = (status: HostRow["status"]): string => (status === "unreachable" ? "down" : status)

const breakerCell = (state: BreakerState | undefined): Cell => {
  switch (state) {
    case undefined:
      return ""
    case "closed":
      return Style.span("closed", "green")
    case "halfOpen":
      return Style.span("half open", "yellow")
    case "open":
    case "forcedOpen":
      return Style.span("open", "red")
    default:
      return state
  }
}

const amount = (value: number): Cell => (value === 0 ? Style.span("0", "dim") : String(value))

/** `http://` is what everybody has. */
const short = (host: string): string => host.replace(/^http:\/\//, "")

const hostColumns: ReadonlyArray<Column> = [
  { title: "HOST", rank: 0, least: 8 },
  { title: "STATE", rank: 1 },
  { title: "VERSION", rank: 5 },
  { title: "ANSWERS IN", rank: 4, align: "right" },
  { title: "CALLS", rank: 3, align: "right" },
  { title: "BREAKER", rank: 2 }
]

const hostCells = (row: HostRow): ReadonlyArray<Cell> => [
  short(row.host),
  Style.span(statusWord(row.status), statusStyle[row.status]),
  Columns.oneLine(row.version ?? ""),
  row.latency === undefined ? "" : Units.span(row.latency),
  amount(row.running),
  breakerCell(row.breaker)
]

const modelColumns: ReadonlyArray<Column> = [
  { title: "MODEL", rank: 0, least: 8 },
  { title: "HOST", rank: 1, least: 8 },
  { title: "MEMORY", rank: 6, align: "right" },
  { title: "ON", rank: 9 },
  { title: "LEAVES", rank: 8 },
  { title: "IN FLIGHT", rank: 2, align: "right" },
  { title: "QUEUE", rank: 3, align: "right" },
  { title: "TOKENS/S", rank: 4, align: "right" },
  { title: "FIRST TOKEN", rank: 5, align: "right" },
  { title: "", rank: 10 },
  { title: "BREAKER", rank: 7 }
]

const memoryCells = ({ isLoading, resident }: ModelRow, now: number): ReadonlyArray<Cell> => {
  if (isLoading) return [Style.span("loading", "yellow"), "", ""]
  if (resident === undefined) return [Style.span("-", "dim"), "", ""]
  const model = { size: resident.size, size_vram: resident.sizeVram, expires_at: resident.expiresAt }
  return [Units.bytes(resident.size), Placement.placement(model), Placement.until(model, now)]
}

const modelCells = (row: ModelRow, now: number): ReadonlyArray<Cell> => {
  const last = row.firstTokens.at(-1)
  return [
    Columns.oneLine(row.model),
    short(row.host),
    ...memoryCells(row, now),
    row.limit === undefined ? amount(row.inFlight) : `${row.inFlight}/${row.limit}`,
    amount(row.queued),
    row.rate === undefined ? "" : Units.rate(row.rate),
    last === undefined ? "" : Units.span(last),
    Style.span(row.firstTokens.length === 0 ? "" : sparkline(row.firstTokens, picture), "cyan"),
    breakerCell(row.breaker)
  ]
}

/** Without the columns that say nothing: the host where there is one, what no row has. */
const used = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<Cell>>, hasHosts: boolean) => {
  const isUsed = (_: unknown, index: number) =>
    (columns[index]?.title !== "HOST" || hasHosts) &&
    rows.some((cells) => {
      const cell = cells[index]
      return cell !== undefined && (typeof cell === "string" ? cell : cell.text) !== ""
    })
  return { columns: columns.filter(isUsed), rows: rows.map((cells) => cells.filter(isUsed)) }
}

const time = (millis: number): string => new Date(millis).toTimeString().slice(0, 8)

const troubleLine = ({ at, call, elapsed, state, verdict }: Trouble): Style.Line =>
  Style.line(
    Style.span(time(at), "dim"),
    ` ${Columns.oneLine(call.model ?? call.operation)} `,
    Style.span(state, state === "slow" || state === "ended" ? "yellow" : "red"),
    // a failure says more by its name than a verdict that knows nothing
    ` after ${Units.span(elapsed)}${verdict._tag === "Unknown" && state !== "slow" ? "" : `: ${Columns.oneLine(Verdict.text(verdict))}`}`
  )

/** Why a host is not well, below the table. */
const reasons = ({ hosts }: Snapshot): ReadonlyArray<Style.Line> =>
  hosts
    .filter(({ status, why }) => status !== "healthy" && why !== "")
    .map(({ host, status, why }) =>
      Style.line(Style.span(short(host), statusStyle[status]), `: ${Columns.oneLine(why)}`)
    )

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Of the lines that there is no room for, how many there are. */
const clipped = (lines: ReadonlyArray<Style.Line>, rows: number): ReadonlyArray<Style.Line> =>
  lines.length <= rows
    ? lines
    : [...lines.slice(0, Math.max(0, rows - 1)), Style.line(Style.span(`… ${lines.length - rows + 1} more`, "dim"))]

/** `remark` is what there is to know of where the figures come from. */
export const view = (snapshot: Snapshot, remark: string, size: Size): ReadonlyArray<Style.Line> => {
  const { hosts, models, now, troubles } = snapshot
  const hostTable = used(hostColumns, hosts.map(hostCells), true)
  const modelTable = used(
    modelColumns,
    models.map((row) => modelCells(row, now)),
    hosts.length > 1
  )
  // a small window is for the figures
  const isRoomy = size.rows >= 16
  const gap = isRoomy ? [Style.line("")] : []
  const said = Columns.wrap(remark, size.columns)
  const head = [
    Style.line(Style.span("effect-ollama watch", "bold"), "  ", Style.span(`${time(now)}  q quits`, "dim")),
    ...(said.length <= 2 && isRoomy ? said : [remark]).map((text) => Style.line(Style.span(text, "dim"))),
    ...gap,
    ...table(hostTable.columns, hostTable.rows, size.columns),
    ...reasons(snapshot),
    ...gap,
    ...(models.length === 0
      ? [Style.line(Style.span("No model is in memory.", "dim"))]
      : table(modelTable.columns, modelTable.rows, size.columns))
  ]
  const room = Math.max(0, size.rows - head.length - 2)
  const latest = troubles.slice(-room).toReversed()
  const below =
    room === 0 || latest.length === 0
      ? []
      : [Style.line(""), Style.line(Style.span("Slow and failed calls", "bold")), ...latest.map(troubleLine)]
  return clipped([...head, ...below], size.rows).map((line) => Style.truncate(line, size.columns))
}
