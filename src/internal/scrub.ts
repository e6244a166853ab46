/** Takes secrets and prompts out of texts that others wrote, before they become part of a failure. */
import * as Words from "./words.js"

/** The most characters of the server's own text that a failure keeps. */
export const detailLimit = 500

const patterns: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, "$1 [redacted]"],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, "$1[redacted]@"],
  [/\b(api[-_]?key|token|password|secret)(["']?\s*[:=]\s*["']?)[^\s"',&}]{6,}/gi, "$1$2[redacted]"]
]

/**
 * What would make one line into several, colour a terminal, or let a text read otherwise than it is: the control
 * characters, line and paragraph separators, and those that turn the direction of writing.
 */
const commands = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu

/** What is cut off first of a text that is very long. */
const readLimit = 4 * detailLimit

/** The length of a passage that counts as a part of a prompt; a shorter one may be anybody's words. */
const passage = 16
const gram = passage / 2
/** Prompts that are shorter than this are words that every text has. */
const shortest = 8

/** Marks the passages of a text that also stand in a prompt, and short prompts as a whole. */
const mark = (text: string, grams: ReadonlySet<string>, prompt: string, marks: Uint8Array): void => {
  if (prompt.length < passage) {
    if (prompt.length < shortest) return
    for (let at = text.indexOf(prompt); at !== -1; at = text.indexOf(prompt, at + 1)) {
      marks.fill(1, at, at + prompt.length)
    }
    return
  }
  // every passage of a prompt holds a gram that begins at a multiple of its length: prompts may be long, texts are not
  const found = new Set<string>()
  for (let at = 0; at + gram <= prompt.length; at += gram) {
    const piece = prompt.slice(at, at + gram)
    if (grams.has(piece)) found.add(piece)
  }
  if (found.size === 0) return
  let lastFound = -1
  let position = -1
  for (let at = 0; at + gram <= text.length; at++) {
    if (found.has(text.slice(at, at + gram))) lastFound = at
    const start = at + gram - passage
    if (start < 0 || lastFound < start) continue
    const piece = text.slice(start, start + passage)
    // what is said back mostly goes on where the passage before began
    position = prompt.startsWith(piece, position + 1) ? position + 1 : prompt.indexOf(piece)
    if (position !== -1) marks.fill(1, start, start + passage)
  }
}

const withoutPrompts = (text: string, prompts: ReadonlyArray<string>): string => {
  const grams = new Set<string>()
  for (let at = 0; at + gram <= text.length; at++) grams.add(text.slice(at, at + gram))
  const marks = new Uint8Array(text.length)
  for (const prompt of prompts) {
    mark(text, grams, prompt, marks)
    // as it looks inside a JSON text
    const escaped = JSON.stringify(prompt).slice(1, -1)
    if (escaped !== prompt) mark(text, grams, escaped, marks)
  }
  let out = ""
  for (let at = 0; at < text.length; at++) {
    if (marks[at] === 0) out += text[at]
    else if (at === 0 || marks[at - 1] === 0) out += "[prompt]"
  }
  return out
}

/** Takes off what may be the beginning of a secret, or of a word, that the end of the text cuts in two. */
const withoutCutEnd = (text: string, secrets: ReadonlyArray<string>): string => {
  let end = text.length
  for (const secret of secrets) {
    for (let length = secret.length - 1; length > 0; length--) {
      if (text.endsWith(secret.slice(0, length))) {
        end = Math.min(end, text.length - length)
        break
      }
    }
  }
  return text.slice(0, end).replace(/\S*$/, "")
}

/**
 * @param text what somebody else wrote
 * @param secrets exact values that must not appear
 * @param request the encoded request whose words must not appear
 * @param said what of the answer had come, which must not appear either
 */
export const scrub = (
  text: string,
  secrets: ReadonlyArray<string>,
  request?: unknown,
  said: ReadonlyArray<string> = []
): string => {
  let out = text.slice(0, readLimit)
  for (const secret of secrets) {
    if (secret.length > 0) out = out.split(secret).join("[redacted]")
  }
  if (text.length > readLimit) out = withoutCutEnd(out, secrets)
  for (const [pattern, replacement] of patterns) out = out.replace(pattern, replacement)
  const words = request === undefined ? said : [...Words.of(request), ...said]
  if (words.length > 0) out = withoutPrompts(out, words)
  out = out.replace(commands, " ").trim()
  return out.length > detailLimit ? `${out.slice(0, detailLimit - 1)}…` : out
}
