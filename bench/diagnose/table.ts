/** What became of the situations, as lines of a table. */
import { questions as columns, type Row } from "../../test/diagnose/row.js"

export interface Totals {
  readonly situations: number
  readonly skipped: number
  /** By what was asked. */
  readonly right: Readonly<Record<(typeof columns)[number], number>>
}

const width = { id: 21, what: 48, failure: 43, verdict: 22, cause: 21 }

const fit = (text: string, columns: number): string =>
  (text.length < columns ? text : `${text.slice(0, columns - 2)}…`).padEnd(columns)

/** Without what the client told. */
export const brief = ({ end: _, ...row }: Row): Row => row

export const line = (row: Row): string => {
  const head = fit(row.id, width.id) + fit(row.what, width.what)
  if (row.skipped !== undefined) return `${head}skipped: ${row.skipped}`
  const cells = columns.map((column) => {
    const answer = row[column]
    return answer === undefined
      ? "".padEnd(width[column])
      : fit(`${answer.isRight ? "ok   " : "WRONG"} ${answer.shown}`, width[column])
  })
  return `${head}${cells.join("")}${((row.millis ?? 0) / 1000).toFixed(1).padStart(5)} s`
}

const right = (rows: ReadonlyArray<Row>): Totals["right"] => {
  const of = (column: (typeof columns)[number]) => rows.filter((row) => row[column]?.isRight === true).length
  return { failure: of("failure"), verdict: of("verdict"), cause: of("cause") }
}

export const totals = (rows: ReadonlyArray<Row>): Totals => ({
  situations: rows.length,
  skipped: rows.filter(({ skipped }) => skipped !== undefined).length,
  right: right(rows)
})

export const end = (rows: ReadonlyArray<Row>, { right, situations, skipped }: Totals): string => {
  const problems = rows.flatMap((row) =>
    columns.flatMap((column) => (row[column]?.problems ?? []).map((problem) => `  ${row.id}, ${column}: ${problem}`))
  )
  const staged = situations - skipped
  return [
    ...(problems.length === 0 ? [] : ["", ...problems]),
    "",
    `${staged} situations${skipped === 0 ? "" : `, ${skipped} skipped (--install gets programs that are missing)`}; right: ` +
      columns.map((column) => `${column} ${right[column]} of ${staged}`).join(", ")
  ].join("\n")
}
