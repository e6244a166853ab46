/** Which injected faults hit a request, and what they do to it. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Fault from "./faultModel.js"
import * as broken from "./broken.js"
import * as chunks from "./chunks.js"
import { isObject } from "./json.js"
import type { Broken, WireAnswer, WireRequest } from "./types.js"

interface Armed {
  readonly fault: Fault.Fault
  seen: number
}

/** The faults in force, with how often each was met. */
export interface Faults {
  readonly inject: (faults: ReadonlyArray<Fault.Fault>) => void
  readonly clear: () => void
  /**
   * The faults that hit this request: shaping ones, then at most one that decides.
   *
   * @param body of the request, where it is JSON
   */
  readonly take: (request: WireRequest, body: unknown) => ReadonlyArray<Fault.Fault>
}

const isProbe = (request: WireRequest) => request.path === "/api/ps"

const pathMatches = (pattern: string | undefined, path: string): boolean =>
  pattern === undefined || (pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path)

/** Faults that only change the shape or the time of an answer, so that another one may hit the same request. */
const shapes = (fault: Fault.Fault): boolean => fault._tag === "SplitBytes" || fault._tag === "SlowHeaders"

/** Faults that come after a part of the answer. */
const comesLater = (fault: Fault.Fault): boolean => "chunks" in fault && fault.chunks > 0

/** What a request asks for, by its path; without it, it only loads or unloads the model. */
const asks: Readonly<Record<string, string>> = {
  "/api/chat": "messages",
  "/api/generate": "prompt",
  "/api/embed": "input",
  "/api/embeddings": "prompt"
}

/** A request of one value that says nothing of an answer: it has no chunk after which something could happen. */
const onlyLoads = (request: WireRequest, body: unknown): boolean => {
  const field = asks[request.path]
  const asked = field !== undefined && isObject(body) ? body[field] : true
  return asked === undefined || asked === null || asked === "" || (Array.isArray(asked) && asked.length === 0)
}

export const make = (initial: ReadonlyArray<Fault.Fault>): Faults => {
  let armed: ReadonlyArray<Armed> = initial.map((fault) => ({ fault, seen: 0 }))

  const hits = (entry: Armed, request: WireRequest, body: unknown): boolean => {
    const model = isObject(body) ? body["model"] : undefined
    const { after = 0, model: wanted, path, probes = false, times = Infinity } = entry.fault
    if (entry.fault._tag === "StaleKeepAlive" && !request.reused) return false
    if (path === undefined && isProbe(request)) {
      return probes && wanted === undefined && entry.seen >= after && entry.seen < after + times
    }
    if (!pathMatches(path, request.path) || (wanted !== undefined && wanted !== model)) return false
    if (comesLater(entry.fault) && onlyLoads(request, body)) return false
    const position = entry.seen++
    return position >= after && position < after + times
  }

  return {
    inject: (faults) => {
      armed = [...armed, ...faults.map((fault) => ({ fault, seen: 0 }))]
    },
    clear: () => {
      armed = []
    },
    take: (request, body) => {
      const shaping: Array<Fault.Fault> = []
      for (const entry of armed) {
        if (!hits(entry, request, body)) continue
        if (!shapes(entry.fault)) return [...shaping, entry.fault]
        shaping.push(entry.fault)
      }
      return shaping
    }
  }
}

const bytes = (text: string) => new TextEncoder().encode(text)

/** What a fault does before the server works on the request: break the connection, answer itself, or take time. */
export const before = (fault: Fault.Fault, request: WireRequest): Effect.Effect<WireAnswer | undefined, Broken> => {
  switch (fault._tag) {
    case "Refused":
    case "Dns":
    case "Unroutable":
    case "Firewall":
    case "SelfSignedTls":
    case "HttpToTls":
    case "HttpsToHttp":
      return Effect.fail(broken.ofAddress(fault, request.host))
    case "ConnectTimeout":
      return Effect.delay(Effect.fail(broken.ofAddress(fault, request.host)), fault.limit)
    case "BlackHole":
      return Effect.never
    case "ResetBeforeHeaders":
    case "StaleKeepAlive":
      return Effect.fail(broken.reset)
    case "CloseBeforeHeaders":
      return Effect.fail(broken.closed)
    case "NotHttp":
      return Effect.fail(broken.notHttp)
    case "Answer":
      return Effect.succeed({ status: fault.status, headers: fault.headers, body: bytes(fault.body) })
    case "SlowHeaders":
      return Effect.as(Effect.sleep(fault.delay), undefined)
    default:
      return Effect.succeed(undefined)
  }
}

type Body = Stream.Stream<Uint8Array, Broken>

/** The first `n` chunks of a body. One that is whole stops in its middle. */
const head = (body: Uint8Array | Body, n: number): Body =>
  body instanceof Uint8Array
    ? n === 0
      ? Stream.empty
      : Stream.make(body.subarray(0, Math.ceil(body.length / 2)))
    : Stream.take(body, n)

const split = (body: Uint8Array | Body, size: number): Body =>
  Stream.mapConcatChunk(body instanceof Uint8Array ? Stream.make(body) : body, (chunk) =>
    Chunk.unsafeFromArray(
      Array.from({ length: Math.ceil(chunk.length / size) }, (_, i) => chunk.slice(i * size, (i + 1) * size))
    )
  )

const pieceSize = 64 * 1024

/** A JSON string that never closes, in pieces of 64 KiB. */
const endless = (total: number): Body => {
  const opening = bytes('{"model":"simulator","message":{"role":"assistant","content":"')
  return Stream.unfold(0, (sent) => {
    if (sent >= total) return Option.none()
    const piece = new Uint8Array(Math.min(pieceSize, total - sent)).fill(97)
    if (sent === 0) piece.set(opening.subarray(0, piece.length))
    return Option.some([piece, sent + piece.length] as const)
  })
}

/** Puts a line before the chunk at this index. */
const insert = (body: Body, index: number, line: Uint8Array): Body =>
  Stream.mapConcat(Stream.zipWithIndex(body), ([chunk, i]) => (i === index ? [line, chunk] : [chunk]))

/** Puts a line into the middle of a body that is whole. */
const interrupted = (body: Uint8Array, line: Uint8Array): Body => {
  const middle = Math.ceil(body.length / 2)
  return Stream.make(body.subarray(0, middle), line, body.subarray(middle))
}

/** What a fault does to the body of an answer; `undefined` when it leaves it alone. */
const bodyOf = (fault: Fault.Fault, body: Uint8Array | Body): Body | undefined => {
  switch (fault._tag) {
    case "StallAfter":
      return Stream.concat(head(body, fault.chunks), Stream.never)
    case "ResetAfter":
      return Stream.concat(head(body, fault.chunks), Stream.fail(broken.reset))
    case "CutAfter":
      return Stream.concat(head(body, fault.chunks), Stream.fail(broken.closed))
    case "EndAfter":
      return head(body, fault.chunks)
    case "ErrorLineAfter": {
      const line = Stream.make(bytes(`${fault.line}\n`))
      return body instanceof Uint8Array ? line : Stream.concat(Stream.take(body, fault.chunks), line)
    }
    case "BadLineAfter":
      return body instanceof Uint8Array
        ? interrupted(body, bytes(fault.line))
        : insert(body, fault.chunks, bytes(`${fault.line}\n`))
    case "SplitBytes":
      return split(body, fault.bytes)
    case "EndlessLine":
      return endless(fault.bytes)
    default:
      return undefined
  }
}

export const onAnswer = (fault: Fault.Fault, answer: WireAnswer): WireAnswer => {
  const body = bodyOf(fault, chunks.isChunks(answer.body) ? chunks.toStream(answer.body) : answer.body)
  if (body === undefined) return answer
  const { "content-length": _, ...headers } = answer.headers
  return { status: answer.status, headers, body }
}
