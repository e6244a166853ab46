/** What became of the cells, as totals and as a table with a row for each fault. */
import type { Entry } from "../../test/faults/catalogue.js"
import { calls, type Cell } from "../../test/faults/cell.js"
import { isGood } from "../../test/faults/judge.js"

export interface Totals {
  readonly cells: number
  /** Recovered, or exactly typed. */
  readonly good: number
  readonly hangs: number
  readonly silentLosses: number
}

export const totals = (cells: readonly Cell[]): Totals => {
  const count = (matches: (cell: Cell) => boolean) => cells.filter(matches).length
  return {
    cells: cells.length,
    good: count(isGood),
    hangs: count((cell) => cell.class === "c"),
    silentLosses: count((cell) => cell.class === "d")
  }
}

const plural = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`

export const sentence = ({ cells, good, hangs, silentLosses }: Totals): string =>
  `${good} of ${cells} recovered or exactly typed, ${plural(hangs, "hang", "hangs")}, ` +
  plural(silentLosses, "silent loss", "silent losses")

const widths = { fault: 20, what: 36, cell: 51 }

/** Class, result, requests that the server saw, seconds. */
const shown = (cell: Cell): string => {
  const result = cell.shown.slice(0, 33).padEnd(33)
  return `${cell.class.padEnd(2)} ${result} ×${cell.requests} ${(cell.millis / 1000).toFixed(2).padStart(6)} s`
}

export const table = (entries: readonly Entry[], cells: readonly Cell[]): string => {
  const of = (id: string, call: string) => cells.find((cell) => cell.id === id && cell.call === call)
  const row = (first: string, second: string, rest: readonly string[]) =>
    [first.padEnd(widths.fault), second.padEnd(widths.what), ...rest.map((text) => text.padEnd(widths.cell))]
      .join("")
      .trimEnd()
  return [
    row("fault", "", calls),
    ...entries.map(({ id, what }) =>
      row(
        id,
        what,
        calls.map((call) => {
          const cell = of(id, call)
          return cell === undefined ? "" : shown(cell)
        })
      )
    )
  ].join("\n")
}
