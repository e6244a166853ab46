/**
 * Bytes to lines. Only complete lines are decoded, so a UTF-8 sequence that is split over two reads is never broken:
 * the byte 0x0A does not occur inside one.
 */

/** A line is longer than the limit. */
export class LineTooLong {
  constructor(
    readonly limit: number,
    readonly excerpt: string
  ) {}
}

const empty = new Uint8Array(0)

export const concat = (parts: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const out = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export interface Lines {
  /** Gives the complete lines of one read, without their line ends, to `line`; blank ones are left out. */
  readonly feed: (bytes: Uint8Array, line: (text: string) => void) => void
  /** The rest that had no line end. */
  readonly flush: (line: (text: string) => void) => void
}

/** The bytes are not UTF-8. */
export class NotUtf8 {
  constructor(readonly excerpt: string) {}
}

const decoder = /* @__PURE__ */ new TextDecoder()
const strict = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true })

/** The strict decoder is slow, so it only judges what the fast one had to replace (or what held U+FFFD to begin with). */
export const decode = (bytes: Uint8Array): string => {
  const text = decoder.decode(bytes)
  if (text.includes("\ufffd")) {
    try {
      return strict.decode(bytes)
    } catch {
      throw new NotUtf8(text.slice(0, 200))
    }
  }
  return text
}

const isBlank = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 32) return false
  }
  return true
}

/** @param limit the most bytes a line may have */
export const make = (limit: number): Lines => {
  let tail: Array<Uint8Array> | undefined
  let size = 0

  const tooLong = (bytes: Uint8Array) => new LineTooLong(limit, decoder.decode(bytes.subarray(0, 200)))

  const emit = (text: string, line: (text: string) => void): void => {
    let start = 0
    let end = text.indexOf("\n")
    while (end !== -1) {
      one(text.slice(start, end), line)
      start = end + 1
      end = text.indexOf("\n", start)
    }
    if (start < text.length) one(start === 0 ? text : text.slice(start), line)
  }

  const one = (text: string, line: (text: string) => void): void => {
    // a token line starts with a brace: only what does not is looked at for being blank
    if (text.length > 0 && (text.charCodeAt(0) > 32 || !isBlank(text))) line(text)
  }

  const checkLines = (bytes: Uint8Array, last: number): void => {
    if (last <= limit) return
    let start = 0
    while (start <= last) {
      const end = bytes.indexOf(10, start)
      if ((end === -1 ? last : end) - start > limit) throw tooLong(bytes.subarray(start))
      if (end === -1) return
      start = end + 1
    }
  }

  return {
    feed: (bytes, line) => {
      const last = bytes.lastIndexOf(10)
      if (last === -1) {
        size += bytes.length
        if (size > limit) throw tooLong(tail?.[0] ?? bytes)
        ;(tail ??= []).push(bytes)
        return
      }
      let head = bytes.subarray(0, last)
      if (tail !== undefined) {
        tail.push(head)
        head = concat(tail, size + last)
      }
      checkLines(head, head.length)
      tail = last === bytes.length - 1 ? undefined : [bytes.subarray(last + 1)]
      size = bytes.length - 1 - last
      if (size > limit) throw tooLong(tail?.[0] ?? empty)
      emit(decode(head), line)
    },
    flush: (line) => {
      if (tail === undefined) return
      const rest = concat(tail, size)
      tail = undefined
      size = 0
      one(decode(rest), line)
    }
  }
}

/** Whether a text begins as a JSON object and does not close. */
export const isCut = (text: string): boolean => {
  const trimmed = text.trim()
  return trimmed.startsWith("{") && !trimmed.endsWith("}")
}
