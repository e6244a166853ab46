/** Lines as data: pieces of plain text with a style, so that they can be measured, cut and compared; colours come last. */
import * as Columns from "./columns.js"

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
  inverse: [7, 27]
} as const

export type Style = keyof typeof codes

export interface Span {
  readonly text: string
  readonly style?: Style | undefined
}

export type Line = ReadonlyArray<Span>

export const span = (text: string, style?: Style): Span => ({ text, style })

export const line = (...spans: ReadonlyArray<Span | string>): Line =>
  spans.map((one) => (typeof one === "string" ? span(one) : one))

export const columns = (self: Line): number => self.reduce((sum, { text }) => sum + Columns.columns(text), 0)

/** At most so many columns; what does not fit is cut, with `…` in its place. */
export const truncate = (self: Line, width: number): Line => {
  if (columns(self) <= width) return self
  const fitting: Array<Span> = []
  let left = width
  for (const one of self) {
    const needed = Columns.columns(one.text)
    // one column stays free for the dots
    if (needed >= left) {
      fitting.push(
        span(needed === left ? Columns.truncate(`${one.text} `, left) : Columns.truncate(one.text, left), one.style)
      )
      break
    }
    fitting.push(one)
    left -= needed
  }
  return fitting
}

/** One style on a text. */
export const paint = (text: string, style: Style, isColoured: boolean): string => {
  if (!isColoured || text === "") return text
  const [on, off] = codes[style]
  return `\u001b[${on}m${text}\u001b[${off}m`
}

/** What is written. */
export const render = (self: Line, isColoured: boolean): string =>
  self.map(({ style, text }) => (style === undefined ? text : paint(text, style, isColoured))).join("")

/** The lines of a text that is not to be cut, each with its line break. */
export const renderAll = (lines: ReadonlyArray<Line>, isColoured: boolean): string =>
  lines.map((one) => `${render(one, isColoured).trimEnd()}\n`).join("")
