/** Takes secrets and prompts out of texts that others wrote, before they become part of a failure. */
import * as Words from "./words.js"

/** The most characters of the server's own text that a failure keeps. */
export const detailLimit = 500

const patterns: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, "$1 [redacted]"],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, "$1[redacted]@"],
  [/\b(api[-_]?key|token|password|secret)(["']?\s*[:=]\s*["']?)[^\s"',&}]{6,}/gi, "$1$2[redacted]"]
]

const run = 16

/** Replaces each passage of at least 16 characters that also stands in a prompt, and short prompts as a whole. */
const withoutPrompt = (text: string, prompt: string): string => {
  if (prompt.length < run) return prompt.length >= 8 ? text.split(prompt).join("[prompt]") : text
  let out = ""
  let i = 0
  while (i < text.length) {
    if (i + run <= text.length && prompt.includes(text.slice(i, i + run))) {
      let end = i + run
      while (end < text.length && prompt.includes(text.slice(i, end + 1))) end++
      out += "[prompt]"
      i = end
    } else {
      out += text[i++]
    }
  }
  return out
}

/**
 * @param text what somebody else wrote
 * @param secrets exact values that must not appear
 * @param request the encoded request whose words must not appear
 */
export const scrub = (text: string, secrets: ReadonlyArray<string>, request?: unknown): string => {
  let out = text.slice(0, 4 * detailLimit)
  for (const secret of secrets) {
    if (secret.length > 0) out = out.split(secret).join("[redacted]")
  }
  for (const [pattern, replacement] of patterns) out = out.replace(pattern, replacement)
  if (request !== undefined) {
    for (const prompt of Words.of(request)) {
      out = withoutPrompt(out, prompt)
      // as it looks inside a JSON text
      const escaped = JSON.stringify(prompt).slice(1, -1)
      if (escaped !== prompt) out = withoutPrompt(out, escaped)
    }
  }
  // control characters would make one line into several, or colour a terminal
  out = out.replace(/[\u0000-\u001f\u007f]+/g, " ").trim()
  return out.length > detailLimit ? `${out.slice(0, detailLimit - 1)}…` : out
}
