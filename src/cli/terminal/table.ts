/** Tables: columns as wide as what is in them; where there is not room for all, the least important go. */
import * as Columns from "./columns.js"
import * as Style from "./Style.js"

export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
  /** What goes first where there is too little room: the highest. A column of 0 always stays. */
  readonly rank: number
  /** May be cut down to so many columns before others go. */
  readonly least?: number
}

export type Cell = string | Style.Span

const textOf = (cell: Cell | undefined): string =>
  cell === undefined ? "" : typeof cell === "string" ? cell : cell.text

const styleOf = (cell: Cell | undefined): Style.Style | undefined => (typeof cell === "object" ? cell.style : undefined)

const gap = 2

interface Placed {
  readonly index: number
  readonly column: Column
  readonly width: number
}

const total = (placed: ReadonlyArray<Placed>): number =>
  placed.reduce((sum, { width }) => sum + width, gap * Math.max(0, placed.length - 1))

/** The same columns, those that may be narrower made so as far as need be, the widest first. */
const narrowed = (placed: ReadonlyArray<Placed>, width: number): ReadonlyArray<Placed> => {
  let current = placed
  for (let excess = total(current) - width; excess > 0; excess = total(current) - width) {
    const spare = ({ column, width }: Placed) => (column.least === undefined ? 0 : width - column.least)
    const widest = current.reduce((best, one) => (spare(one) > spare(best) ? one : best))
    const cut = Math.min(excess, spare(widest))
    if (cut <= 0) return current
    current = current.map((one) => (one === widest ? { ...one, width: one.width - cut } : one))
  }
  return current
}

const place = (all: ReadonlyArray<Placed>, width: number): ReadonlyArray<Placed> => {
  let current = all
  for (;;) {
    const fitting = narrowed(current, width)
    if (total(fitting) <= width) return fitting
    const last = current.reduce((worst, one) => (one.column.rank >= worst.column.rank ? one : worst))
    if (last.column.rank === 0) return fitting
    current = current.filter((one) => one !== last)
  }
}

/** The lines of a table, its titles first. `width` may be infinite. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  width: number
): ReadonlyArray<Style.Line> => {
  const all = columns.map((column, index) => ({
    index,
    column,
    width: Math.max(Columns.columns(column.title), ...rows.map((row) => Columns.columns(textOf(row[index]))))
  }))
  const placed = place(all, width)
  const lineOf = (cells: ReadonlyArray<Cell>): Style.Line => {
    const spans = placed.flatMap(({ column, index, width }, position) => {
      const pad = column.align === "right" ? Columns.padStart : Columns.padEnd
      const cell = Style.span(pad(textOf(cells[index]), width), styleOf(cells[index]))
      return position === 0 ? [cell] : [Style.span(" ".repeat(gap)), cell]
    })
    return Style.truncate(spans, width)
  }
  return [lineOf(columns.map(({ title }) => Style.span(title, "bold"))), ...rows.map(lineOf)]
}
