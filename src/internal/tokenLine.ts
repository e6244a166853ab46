/**
 * The lines of an answer that are nothing but a piece of text, as the server writes them: nearly all lines are. A regular
 * expression that asks for exactly that reads such a line, and knows its shape, for less than `JSON.parse` and a check of
 * what it gives cost (`npm run bench:stream`). Whatever is written in another way is left to those.
 */
import type * as Chat from "../api/Chat.js"
import type * as Generate from "../api/Generate.js"

/**
 * Adds the values of such lines, from one that begins at `start`; tells where the first line begins that is none. Of the
 * name of the model only one copy is kept, where it is the one that was asked for.
 */
export type Skim<A> = (text: string, start: number, values: Array<A>, asked: string | undefined) => number

// what is no quotation mark, backslash or control character
const plain = String.raw`[ !#-[\]-\uffff]*`
const name = `"(${plain})"`
const words = String.raw`"(${plain}(?:\\.${plain})*)"`

/** @param before what stands before the text, and behind it where something does, as patterns */
const lineOf = (before: string, behind: string): RegExp =>
  new RegExp(
    String.raw`\{"model":${name},"created_at":${name},${before}${words}(?:,"thinking":${words})?${behind},"done":false\}`,
    "y"
  )

const chatLine = /* @__PURE__ */ lineOf(String.raw`"message":\{"role":"assistant","content":`, String.raw`\}`)
const generateLine = /* @__PURE__ */ lineOf('"response":', "")

/** Characters. A token has some tens; what a longer line has would be kept on the stack of the regular expression. */
const longest = 1024

const unescaped = (text: string): string | undefined => {
  if (!text.includes("\\")) return text
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return undefined
  }
}

const make =
  <A>(
    line: RegExp,
    value: (model: string, createdAt: string, text: string, thinking: string | undefined) => A
  ): Skim<A> =>
  (text, first, values, asked) => {
    let start = first
    while (start < text.length) {
      const newline = text.indexOf("\n", start)
      const end = newline === -1 ? text.length : newline
      if (end - start > longest) return start
      line.lastIndex = start
      const found = line.exec(text)
      if (found === null || line.lastIndex !== end) return start
      // not taken apart as an array, which costs more than all the rest before it is optimized
      const { 1: model = "", 2: createdAt = "", 3: piece = "", 4: thought } = found
      const said = unescaped(piece)
      const thinking = thought === undefined ? undefined : unescaped(thought)
      if (said === undefined || (thinking === undefined && thought !== undefined)) return start
      values.push(value(model === asked ? asked : model, createdAt, said, thinking))
      start = end + 1
    }
    return start
  }

/** Of a chat. */
export const chat: Skim<Chat.ChatChunk> = /* @__PURE__ */ make<Chat.ChatChunk>(
  chatLine,
  (model, created_at, content, thinking) =>
    thinking === undefined
      ? { model, created_at, message: { role: "assistant", content }, done: false }
      : { model, created_at, message: { role: "assistant", content, thinking }, done: false }
)

/** Of a completion. */
export const generate: Skim<Generate.GenerateChunk> = /* @__PURE__ */ make<Generate.GenerateChunk>(
  generateLine,
  (model, created_at, response, thinking) =>
    thinking === undefined
      ? { model, created_at, response, done: false }
      : { model, created_at, response, thinking, done: false }
)
