/** A recorded exchange as a server. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Exchange, Exchanges } from "../Recorded.js"
import * as broken from "./broken.js"
import * as json from "./json.js"
import type { Broken, Handler, WireAnswer, WireRequest } from "./types.js"

export interface Replay {
  readonly handle: Handler
  /** What was asked and got a recording, in order. */
  readonly requests: Effect.Effect<ReadonlyArray<WireRequest>>
}

const versionOf = (exchange: Exchange): string => /\d+\.\d+\.\d+/.exec(exchange.server)?.[0] ?? "0.0.0"

/**
 * What clients ask on the side, unless it is what was recorded. What was in memory is not known, and said so: a client
 * that were told of an empty memory would load the model first.
 */
const aside = (request: WireRequest, exchange: Exchange): WireAnswer | undefined => {
  if (request.method !== "GET" || request.path === exchange.request.path) return undefined
  if (request.path === "/api/ps")
    return { status: 404, headers: { "content-type": "text/plain" }, body: json.bytes("404 page not found") }
  return request.path === "/api/version" ? json.answer({ version: versionOf(exchange) }) : undefined
}

/** Headers of one hop belong to the connection that was recorded; a length is kept when it is still true. */
const headersOf = (headers: Readonly<Record<string, string>>, size: number): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) =>
        name !== "connection" && name !== "transfer-encoding" && (name !== "content-length" || Number(value) === size)
    )
  )

const replay = (request: WireRequest, exchange: Exchange, speed: number): Effect.Effect<WireAnswer, Broken> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const until = (atMs: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const left = start + atMs / speed - now
        return left > 0 ? Effect.sleep(Duration.millis(left)) : Effect.void
      })
    const { chunks, endAtMs, error, headersAtMs, response } = exchange
    const failure = error === null ? undefined : broken.recorded(error.code, error.message)
    if (response === null) {
      yield* until(endAtMs)
      return yield* Effect.fail(failure ?? broken.closed)
    }
    yield* until(headersAtMs ?? 0)
    const parts = chunks.map((chunk) => ({ atMs: chunk.atMs, bytes: json.bytes(chunk.text) }))
    const size = parts.reduce((sum, part) => sum + part.bytes.length, 0)
    const isHead = request.method === "HEAD"
    const headers = isHead ? response.headers : headersOf(response.headers, failure === undefined ? size : -1)
    if (isHead || (parts.length === 0 && failure === undefined)) {
      return { status: response.status, headers, body: new Uint8Array(0) }
    }
    const body = Stream.unfoldEffect(0, (index) => {
      const part = parts[index]
      return part === undefined
        ? Effect.as(until(endAtMs), Option.none())
        : Effect.as(until(part.atMs), Option.some([part.bytes, index + 1] as const))
    })
    return {
      status: response.status,
      headers,
      body: failure === undefined ? body : Stream.concat(body, Stream.fail(failure))
    }
  })

/** The n-th request gets the n-th recording, later ones the last. */
export const of = (given: Exchanges, speed = 1): Replay => {
  const exchanges = "name" in given ? ([given] as const) : given
  const requests: Array<WireRequest> = []
  return {
    handle: (request) =>
      Effect.suspend(() => {
        const exchange = exchanges[Math.min(requests.length, exchanges.length - 1)] ?? exchanges[0]
        const answer = aside(request, exchange)
        if (answer !== undefined) return Effect.succeed(answer)
        requests.push(request)
        return replay(request, exchange, speed)
      }),
    requests: Effect.sync(() => [...requests])
  }
}
