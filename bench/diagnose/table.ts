/** What became of the situations, as lines of a table. */
import type { Row } from "../../test/diagnose/row.js"

const columns = ["failure"] as const

export interface Totals {
  readonly situations: number
  readonly skipped: number
  /** By what was asked. */
  readonly right: Readonly<Record<(typeof columns)[number], number>>
}

const width = { id: 20, what: 62, answer: 44 }

const fit = (text: string, columns: number): string =>
  (text.length < columns ? text : `${text.slice(0, columns - 2)}…`).padEnd(columns)

export const line = (row: Row): string => {
  const head = fit(row.id, width.id) + fit(row.what, width.what)
  if (row.skipped !== undefined) return `${head}skipped: ${row.skipped}`
  const cells = columns.map((column) => {
    const answer = row[column]
    return answer === undefined ? "" : fit(`${answer.isRight ? "ok   " : "WRONG"} ${answer.shown}`, width.answer)
  })
  return `${head}${cells.join("")}${((row.millis ?? 0) / 1000).toFixed(1).padStart(5)} s`
}

export const totals = (rows: ReadonlyArray<Row>): Totals => ({
  situations: rows.length,
  skipped: rows.filter(({ skipped }) => skipped !== undefined).length,
  right: { failure: rows.filter(({ failure }) => failure?.isRight === true).length }
})

export const end = (rows: ReadonlyArray<Row>, { right, situations, skipped }: Totals): string => {
  const problems = rows.flatMap((row) =>
    columns.flatMap((column) => (row[column]?.problems ?? []).map((problem) => `  ${row.id}, ${column}: ${problem}`))
  )
  const staged = situations - skipped
  return [
    ...(problems.length === 0 ? [] : ["", ...problems]),
    "",
    `${staged} situations${skipped === 0 ? "" : `, ${skipped} skipped`}; right: ` +
      columns.map((column) => `${column} ${right[column]} of ${staged}`).join(", ")
  ].join("\n")
}
