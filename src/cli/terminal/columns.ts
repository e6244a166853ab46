/** How many columns of a terminal a text takes, and texts made to fit them. Of plain texts: styles are put on later. */

/** Wide by East Asian Width besides the emoji, which have a property of their own. */
const wideRanges: ReadonlyArray<readonly [from: number, to: number]> = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18d08],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd]
]

const isWide = (codePoint: number): boolean =>
  codePoint >= 0x1100 && wideRanges.some(([from, to]) => codePoint >= from && codePoint <= to)

const plain = /^[\x20-\x7e]*$/
const emoji = /^(\p{Emoji_Presentation}|\p{Regional_Indicator}{2}|\p{Emoji}\ufe0f)/u
const zeroWidth = /^[\p{Mark}\p{Control}\p{Format}\u{1160}-\u{11ff}]/u

let segmenter: Intl.Segmenter | undefined

/** What a reader takes for one character. */
const characters = (text: string): ReadonlyArray<string> => {
  if (plain.test(text)) return text.split("")
  segmenter ??= new Intl.Segmenter()
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

const columnsOf = (character: string): number => {
  if (plain.test(character)) return 1
  if (zeroWidth.test(character)) return 0
  return emoji.test(character) || isWide(character.codePointAt(0) ?? 0) ? 2 : 1
}

/** Wide characters count two, marks that combine none. */
export const columns = (text: string): number =>
  plain.test(text) ? text.length : characters(text).reduce((sum, character) => sum + columnsOf(character), 0)

/** As much of the beginning as fits. */
const beginning = (text: string, width: number): string => {
  let used = 0
  let taken = ""
  for (const character of characters(text)) {
    used += columnsOf(character)
    if (used > width) break
    taken += character
  }
  return taken
}

/** The text, or its beginning and `…`, in at most so many columns. */
export const truncate = (text: string, width: number): string => {
  if (columns(text) <= width) return text
  return width <= 0 ? "" : `${beginning(text, width - 1)}…`
}

const space = (width: number): string => " ".repeat(Math.max(0, width))

/** Exactly so many columns: cut, or filled with spaces at its end. */
export const padEnd = (text: string, width: number): string => {
  const fitting = truncate(text, width)
  return fitting + space(width - columns(fitting))
}

/** Exactly so many columns: cut, or filled with spaces at its beginning. */
export const padStart = (text: string, width: number): string => {
  const fitting = truncate(text, width)
  return space(width - columns(fitting)) + fitting
}

/** A word that is wider than a line is cut into pieces that fit. */
const pieces = (word: string, width: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  let rest = word
  while (columns(rest) > width) {
    // a wide character does not fit into one column, and has to be somewhere
    const piece = beginning(rest, width) || (characters(rest)[0] ?? rest)
    found.push(piece)
    rest = rest.slice(piece.length)
  }
  return rest === "" && found.length > 0 ? found : [...found, rest]
}

/** Lines of at most so many columns, broken between words. Line breaks of the text stay. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const limit = Math.max(1, width)
  return text.split("\n").flatMap((paragraph) => {
    const lines: Array<string> = []
    let line = ""
    const words = paragraph.split(" ").filter((word) => word !== "")
    for (const word of words.flatMap((word) => pieces(word, limit))) {
      const longer = line === "" ? word : `${line} ${word}`
      if (line !== "" && columns(longer) > limit) {
        lines.push(line)
        line = word
      } else line = longer
    }
    return [...lines, line]
  })
}

/** Escape sequences whole, then every other control character but line breaks and tabs. */
const commands = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_]|.)?/gs
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** Without what a terminal would take for a command: texts of servers and models come from elsewhere. */
export const harmless = (text: string): string =>
  plain.test(text) ? text : text.replace(commands, "").replace(controls, "")

/** The same in one line. */
export const oneLine = (text: string): string => harmless(text.replace(/\s+/g, " ")).trim()
