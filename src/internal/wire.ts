/** A codec as the reader wants it: lines to values, with every failure made at the place where it is known. */
import * as Either from "effect/Either"
import * as OllamaError from "../OllamaError.js"
import * as AnswerText from "./answerText.js"
import * as Classify from "./classify.js"
import * as Transport from "./classifyTransport.js"
import * as Codec from "./codec.js"
import type { Attempt } from "./context.js"
import { defined } from "./defined.js"
import type { Endpoint } from "./endpoint.js"
import * as Lines from "./lines.js"
import * as Nesting from "./nesting.js"
import * as Prototypes from "./prototypes.js"
import type * as Reader from "./reader.js"

const excerptLimit = 200

const tooDeep = `The answer is nested deeper than ${Nesting.deepest} levels: check that the address is an Ollama server's, and that no proxy rewrites its answers`

/**
 * The most bytes of the lines of one answer, as of one that is a single value: a model writes as much in days, and what
 * is kept of it would come near the longest text that a program can have.
 */
const answerLimit = 256 * 1024 * 1024

/** What `show` says of a large vocabulary comes to some 16 MiB; nothing else comes near. */
const valueLimit = 64 * 1024 * 1024

/** The most bytes of an answer that is one value; a thousand vectors as JSON are a hundred million. */
export const wholeLimit = (endpoint: Endpoint): number => (endpoint.kind === "embedding" ? answerLimit : valueLimit)

/** The first two bytes of gzip (RFC 1952), the second of which is no UTF-8. */
const gzip = /^\u001f\ufffd/

const interrupted =
  (kind: Endpoint["kind"]) => (common: ConstructorParameters<typeof OllamaError.StreamInterrupted>[0]) =>
    new OllamaError.StreamInterrupted(
      kind === "transfer"
        ? { ...common, remedy: "Ask again: what was already transferred is kept, and the transfer goes on from there" }
        : common
    )

/** What is known of the answer by who asked. */
export interface Answer<A> {
  readonly endpoint: Endpoint
  readonly hasModel: boolean
  readonly folded: boolean
  readonly status: number
  /** Whether the server said that this is a stream of lines. */
  readonly isStream: boolean
  /** Called with the first value, and with the last. */
  readonly seen: (value: A, isLast: boolean) => void
}

export class Wire<A, Response> implements Reader.Wire<A> {
  readonly whole: boolean
  readonly answerLimit: number
  readonly folded: boolean
  private isFirst = true

  constructor(
    private readonly attempt: Attempt,
    private readonly codec: Codec.Codec<A, Response>,
    private readonly answer: Answer<A>
  ) {
    this.whole = codec.whole
    this.answerLimit = codec.keeps ? answerLimit : Number.POSITIVE_INFINITY
    this.folded = answer.folded
  }

  get empty(): (() => A) | undefined {
    return this.codec.empty
  }

  isLast(value: A): boolean {
    return this.codec.isLast(value)
  }

  onLast(value: A): void {
    this.answer.seen(value, true)
  }

  line(text: string, lineNumber: number): A {
    const { codec } = this
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      throw this.unparsable(text, lineNumber)
    }
    if (Nesting.isTooDeep(text)) throw this.protocol(text, lineNumber, "", tooDeep)
    return this.took(codec.hot(json) ? json : this.decoded(json, text, lineNumber))
  }

  skim(text: string, start: number, values: Array<A>): number {
    const { skim } = this.codec
    if (skim === undefined) return start
    const before = values.length
    const end = skim(text, start, values, this.attempt.call.model)
    for (let i = before; i < values.length; i++) {
      const value = values[i]
      if (value !== undefined) this.took(value)
    }
    return end
  }

  private took(value: A): A {
    this.codec.fold.add(value)
    if (this.isFirst) this.first(value)
    return value
  }

  // a stream that ended without a line is cut short; any other empty answer is no answer of Ollama's
  unfinished(sawBytes: boolean): OllamaError.OllamaError {
    return sawBytes || this.answer.isStream ? this.brokenOff() : this.protocol("", undefined)
  }

  unreadable(problem: Lines.TooLong | Lines.NotUtf8, lineNumber: number): OllamaError.OllamaError {
    return this.protocol(
      problem.excerpt,
      lineNumber,
      undefined,
      problem instanceof Lines.TooLong
        ? problem.what === "line"
          ? `A line is longer than ${problem.limit} bytes: check that the address is an Ollama server's`
          : `The answer is longer than ${problem.limit} bytes: limit it (options.num_predict), or check that the address is an Ollama server's`
        : gzip.test(problem.excerpt)
          ? "The answer is compressed, though nobody asked for that: switch it off in the proxy before the server"
          : "The answer is not UTF-8: check that no proxy rewrites it"
    )
  }

  broken(error: unknown, sawBytes: boolean): OllamaError.OllamaError | undefined {
    const { attempt, codec } = this
    const found = Transport.find(error)
    if (Transport.isReleased(found)) return undefined
    const cause = Transport.cause(found)
    const seed = Transport.classify(found, undefined)
    // after a chunk, or inside a value, the answer broke off; before that there was no answer
    return !isTimer(found) && (codec.fold.partial() !== undefined || (codec.whole && sawBytes))
      ? this.brokenOff(cause)
      : attempt.failure(seed, { status: this.answer.status, cause })
  }

  private first(value: A): void {
    this.isFirst = false
    if (!this.whole) this.attempt.stage = "gap"
    this.answer.seen(value, false)
  }

  private protocol(
    excerpt: string,
    lineNumber: number | undefined,
    detail?: string,
    remedy?: string
  ): OllamaError.OllamaError {
    return this.attempt.failure(
      (common, clean) =>
        new OllamaError.ProtocolError(
          defined({
            ...common,
            excerpt: clean(excerpt).slice(0, excerptLimit),
            line: this.whole ? undefined : lineNumber,
            remedy
          })
        ),
      { status: this.answer.status, detail }
    )
  }

  private brokenOff(cause?: OllamaError.Cause): OllamaError.OllamaError {
    const { endpoint, status } = this.answer
    return this.attempt.failure(interrupted(endpoint.kind), { status, cause })
  }

  private errorLine(json: unknown): OllamaError.OllamaError {
    const { endpoint, hasModel, status } = this.answer
    const text = AnswerText.fromJson(json)
    const seed = Classify.answer({
      status: 200,
      text,
      endpoint,
      hasModel,
      sentOrigin: false,
      retryAfter: undefined,
      afterChunk: !this.isFirst
    })
    return this.attempt.failure(seed, { status: text.status ?? status, detail: text.message })
  }

  private unparsable(text: string, lineNumber: number): OllamaError.OllamaError {
    // a body of one value that does not close was cut
    if (this.whole && Lines.isCut(text)) return this.brokenOff()
    // a page that is not announced as one
    return this.isFirst && AnswerText.isHtml(undefined, text)
      ? this.attempt.failure(Classify.captivePortal, { status: this.answer.status })
      : this.protocol(text, lineNumber)
  }

  private decoded(parsed: unknown, text: string, lineNumber: number): A {
    const json = Prototypes.without(parsed, text)
    if (Codec.isErrorLine(json)) throw this.errorLine(json)
    const value = this.codec.decode(json)
    if (Either.isLeft(value)) throw this.protocol(text, lineNumber, value.left)
    return value.right
  }
}

/** Transports with timers of their own (fetch: 300 s) end a body by them. */
const isTimer = (found: Transport.Found): boolean => found.code !== undefined && found.code.endsWith("TIMEOUT")
