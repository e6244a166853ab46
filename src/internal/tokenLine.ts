/**
 * The lines of an answer that are nothing but a piece of text, as the server writes them: nearly all lines are. A regular
 * expression that asks for exactly that reads such a line, and knows its shape, in half of the time that `JSON.parse` and a
 * check of what it gives take. Whatever is written in another way is left to those.
 */
import type * as Chat from "../api/Chat.js"
import type * as Generate from "../api/Generate.js"

/** The value of the line from `start` to `end` of a text, if it is such a line. */
export type TokenLine<A> = (text: string, start: number, end: number) => A | undefined

// in both, what stands between two quotation marks is: characters that are no quotation mark, backslash or control
// character, and where a text may have them, escapes between
const chatLine =
  /\{"model":"([ !#-[\]-\uffff]*)","created_at":"([ !#-[\]-\uffff]*)","message":\{"role":"assistant","content":"([ !#-[\]-\uffff]*(?:\\.[ !#-[\]-\uffff]*)*)"(?:,"thinking":"([ !#-[\]-\uffff]*(?:\\.[ !#-[\]-\uffff]*)*)")?\},"done":false\}/y
const generateLine =
  /\{"model":"([ !#-[\]-\uffff]*)","created_at":"([ !#-[\]-\uffff]*)","response":"([ !#-[\]-\uffff]*(?:\\.[ !#-[\]-\uffff]*)*)"(?:,"thinking":"([ !#-[\]-\uffff]*(?:\\.[ !#-[\]-\uffff]*)*)")?,"done":false\}/y

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

const make = <A>(
  line: RegExp,
  value: (model: string, createdAt: string, text: string, thinking: string | undefined) => A
): TokenLine<A> => {
  // the same string for all values of an answer
  let name = ""
  return (text, start, end) => {
    if (end - start > longest) return undefined
    line.lastIndex = start
    const found = line.exec(text)
    if (found === null || line.lastIndex !== end) return undefined
    const [, model, createdAt, piece, thought] = found as unknown as [
      string,
      string,
      string,
      string,
      string | undefined
    ]
    if (model !== name) name = model
    const said = unescaped(piece)
    if (said === undefined) return undefined
    if (thought === undefined) return value(name, createdAt, said, undefined)
    const thinking = unescaped(thought)
    return thinking === undefined ? undefined : value(name, createdAt, said, thinking)
  }
}

/** Of one chat. */
export const chat = (): TokenLine<Chat.ChatChunk> =>
  make(chatLine, (model, created_at, content, thinking) =>
    thinking === undefined
      ? { model, created_at, message: { role: "assistant", content }, done: false }
      : { model, created_at, message: { role: "assistant", content, thinking }, done: false }
  )

/** Of one completion. */
export const generate = (): TokenLine<Generate.GenerateChunk> =>
  make(generateLine, (model, created_at, response, thinking) =>
    thinking === undefined
      ? { model, created_at, response, done: false }
      : { model, created_at, response, thinking, done: false }
  )
