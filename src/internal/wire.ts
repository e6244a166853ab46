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

/** @param status of the answer whose body this is */
export const make = <A, Response>(
  attempt: Attempt,
  codec: Codec.Codec<A, Response>,
  options: {
    readonly endpoint: Endpoint
    readonly hasModel: boolean
    readonly folded: boolean
    readonly status: () => number
    /** Whether the server said that this is a stream of lines. */
    readonly isStream: () => boolean
    /** Called with the first value, and with the last. */
    readonly onSeen: (value: A, isLast: boolean) => void
  }
): Reader.Wire<A> => {
  let isFirst = true
  const first = (value: A): void => {
    isFirst = false
    if (!codec.whole) attempt.stage = "gap"
    options.onSeen(value, false)
  }

  const protocol = (
    excerpt: string,
    lineNumber: number | undefined,
    detail?: string,
    remedy?: string
  ): OllamaError.OllamaError =>
    attempt.failure(
      (common, clean) =>
        new OllamaError.ProtocolError(
          defined({
            ...common,
            excerpt: clean(excerpt).slice(0, excerptLimit),
            line: codec.whole ? undefined : lineNumber,
            remedy
          })
        ),
      { status: options.status(), detail }
    )

  const brokenOff = (cause?: OllamaError.Cause): OllamaError.OllamaError =>
    attempt.failure(interrupted(options.endpoint.kind), { status: options.status(), cause })

  const errorLine = (json: unknown): OllamaError.OllamaError => {
    const text = AnswerText.fromJson(json)
    const seed = Classify.answer({
      status: 200,
      text,
      endpoint: options.endpoint,
      hasModel: options.hasModel,
      sentOrigin: false,
      retryAfter: undefined,
      afterChunk: !isFirst
    })
    return attempt.failure(seed, { status: text.status ?? options.status(), detail: text.message })
  }

  const unparsable = (text: string, lineNumber: number): OllamaError.OllamaError => {
    // a body of one value that does not close was cut
    if (codec.whole && Lines.isCut(text)) return brokenOff()
    // a page that is not announced as one
    return isFirst && AnswerText.isHtml(undefined, text)
      ? attempt.failure(Classify.captivePortal, { status: options.status() })
      : protocol(text, lineNumber)
  }

  const decoded = (parsed: unknown, text: string, lineNumber: number): A => {
    const json = Prototypes.without(parsed, text)
    if (Codec.isErrorLine(json)) throw errorLine(json)
    const value = codec.decode(json)
    if (Either.isLeft(value)) throw protocol(text, lineNumber, value.left)
    return value.right
  }

  return {
    whole: codec.whole,
    answerLimit: codec.keeps ? answerLimit : Number.POSITIVE_INFINITY,
    folded: options.folded,
    empty: codec.empty,
    isLast: codec.isLast,
    onLast: (value) => options.onSeen(value, true),
    line: (text, lineNumber) => {
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch {
        throw unparsable(text, lineNumber)
      }
      if (Nesting.isTooDeep(text)) throw protocol(text, lineNumber, "", tooDeep)
      const value = codec.hot(json) ? json : decoded(json, text, lineNumber)
      codec.fold.add(value)
      if (isFirst) first(value)
      return value
    },
    // a stream that ended without a line is cut short; any other empty answer is no answer of Ollama's
    unfinished: (sawBytes) => (sawBytes || options.isStream() ? brokenOff() : protocol("", undefined)),
    unreadable: (problem, lineNumber) =>
      protocol(
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
      ),
    broken: (error, sawBytes) => {
      const found = Transport.find(error)
      if (Transport.isReleased(found)) return undefined
      const cause = Transport.cause(found)
      const seed = Transport.classify(found, undefined)
      // after a chunk, or inside a value, the answer broke off; before that there was no answer
      return !isTimer(found) && (codec.fold.partial() !== undefined || (codec.whole && sawBytes))
        ? brokenOff(cause)
        : attempt.failure(seed, { status: options.status(), cause })
    }
  }
}

/** Transports with timers of their own (fetch: 300 s) end a body by them. */
const isTimer = (found: Transport.Found): boolean => found.code !== undefined && found.code.endsWith("TIMEOUT")
