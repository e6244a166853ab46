/**
 * Bytes to lines. Only complete lines are decoded, so a UTF-8 sequence that is split over two reads is never broken:
 * the byte 0x0A does not occur inside one.
 */

/** A line, or all of them together, is longer than the limit. */
export class TooLong {
  constructor(
    readonly what: "line" | "answer",
    readonly limit: number,
    readonly excerpt: string
  ) {}
}

const empty = new Uint8Array(0)

/**
 * Pieces of something that is not complete. A single one is kept as it is; of more, the bytes are copied: a server may
 * send each byte alone, and an array of views would take a hundred times what it sent.
 */
export class Pile {
  size = 0
  private bytes: Uint8Array = empty
  private isOwn = false

  add(piece: Uint8Array): void {
    const size = this.size + piece.length
    if (this.size === 0) {
      this.bytes = piece
      this.isOwn = false
    } else {
      if (!this.isOwn || size > this.bytes.length) {
        const larger = new Uint8Array(2 * size)
        larger.set(this.bytes.subarray(0, this.size))
        this.bytes = larger
        this.isOwn = true
      }
      this.bytes.set(piece, this.size)
    }
    this.size = size
  }

  /** What there is, until the next piece is added. */
  all(): Uint8Array {
    return this.isOwn ? this.bytes.subarray(0, this.size) : this.bytes
  }

  clear(): void {
    this.bytes = empty
    this.isOwn = false
    this.size = 0
  }
}

export const concat = (parts: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const out = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Who takes the lines. */
export interface Taker {
  readonly push: (text: string) => void
  /** Takes lines of a text, from one that begins at `start`; tells where the first line begins that it left. */
  readonly skim?: (text: string, start: number) => number
}

/** The bytes are not UTF-8. */
export class NotUtf8 {
  constructor(readonly excerpt: string) {}
}

// a byte order mark stays where it is, and is no JSON: whether it stands at the start of a read must not matter
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true })
const strict = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Node's Buffer, which decodes short pieces several times faster than a TextDecoder. */
interface NodeBuffer {
  readonly utf8Slice: (start: number, end: number) => string
}

const isNodeBuffer = (bytes: Uint8Array): bytes is Uint8Array & NodeBuffer =>
  "utf8Slice" in bytes && typeof bytes.utf8Slice === "function"

const fast = (bytes: Uint8Array, end = bytes.length): string =>
  isNodeBuffer(bytes) ? bytes.utf8Slice(0, end) : decoder.decode(end === bytes.length ? bytes : bytes.subarray(0, end))

/** The strict decoder is slow, so it only judges what the fast one had to replace (or what held U+FFFD to begin with). */
const isDoubtful = (text: string): boolean => text.includes("\ufffd")

const judge = (bytes: Uint8Array): string => {
  try {
    return strict.decode(bytes)
  } catch {
    throw new NotUtf8(decoder.decode(bytes.subarray(0, 200)))
  }
}

/** The end of a body, which may have been cut inside a character. */
export const decode = (bytes: Uint8Array): string => {
  const text = fast(bytes)
  return !isDoubtful(text) || isCut(text) ? text : judge(bytes)
}

const isBlank = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 32) return false
  }
  return true
}

const one = (text: string, taker: Taker): void => {
  // a token line starts with a brace: only what does not is looked at for being blank
  if (text.length > 0 && (text.charCodeAt(0) > 32 || !isBlank(text))) taker.push(text)
}

const emit = (text: string, taker: Taker): void => {
  let start = 0
  while (start < text.length) {
    if (taker.skim !== undefined) start = taker.skim(text, start)
    if (start >= text.length) return
    const newline = text.indexOf("\n", start)
    const end = newline === -1 ? text.length : newline
    one(text.slice(start, end), taker)
    start = end + 1
  }
}

export class Lines {
  /** The part of a line that the reads before had. */
  private readonly tail = new Pile()

  /** @param limit the most bytes a line may have */
  constructor(private readonly limit: number) {}

  /** Gives the complete lines of one read, without their line ends; blank ones are left out. */
  feed(bytes: Uint8Array, taker: Taker): void {
    const { limit, tail } = this
    const end = bytes.length - 1
    // what has no part of a line before or after it is not searched for line ends twice
    if (tail.size === 0 && bytes[end] === 10 && end <= limit) {
      const text = fast(bytes, end)
      if (!isDoubtful(text)) return emit(text, taker)
    }
    const last = bytes.lastIndexOf(10)
    if (last === -1) {
      if (tail.size + bytes.length > limit) throw this.tooLong(tail.size === 0 ? bytes : tail.all())
      tail.add(bytes)
      return
    }
    let head = bytes.subarray(0, last)
    if (tail.size > 0) {
      // the first line of it may be as long as its beginning and its end together
      tail.add(head)
      head = tail.all()
      tail.clear()
    }
    if (last < end) tail.add(bytes.subarray(last + 1))
    this.emitAll(head, taker)
    if (tail.size > limit) throw this.tooLong(tail.all())
  }

  /** Gives the rest that had no line end. */
  flush(taker: Taker): void {
    const { tail } = this
    if (tail.size === 0) return
    const rest = tail.all()
    tail.clear()
    emit(decode(rest), taker)
  }

  private tooLong(bytes: Uint8Array): TooLong {
    return new TooLong("line", this.limit, decoder.decode(bytes.subarray(0, 200)))
  }

  /** One line after the other, so that the good ones before a bad one are given. */
  private emitEach(bytes: Uint8Array, taker: Taker): void {
    let start = 0
    while (start <= bytes.length) {
      const found = bytes.indexOf(10, start)
      const end = found === -1 ? bytes.length : found
      if (end - start > this.limit) throw this.tooLong(bytes.subarray(start))
      emit(judge(bytes.subarray(start, end)), taker)
      start = end + 1
    }
  }

  private emitAll(bytes: Uint8Array, taker: Taker): void {
    const text = bytes.length <= this.limit ? fast(bytes) : undefined
    if (text === undefined || isDoubtful(text)) this.emitEach(bytes, taker)
    else emit(text, taker)
  }
}

/** Whether a text begins as a JSON object that is not closed. */
export const isCut = (text: string): boolean => {
  let at = 0
  while (at < text.length && text.charCodeAt(at) <= 32) at++
  if (text[at] !== "{") return false
  let depth = 0
  let isString = false
  for (; at < text.length; at++) {
    const character = text[at]
    if (isString) {
      if (character === "\\") at++
      else if (character === '"') isString = false
    } else if (character === '"') isString = true
    else if (character === "{" || character === "[") depth++
    else if (character === "}" || character === "]") {
      depth--
      if (depth === 0) return false
    }
  }
  return true
}
