/** A server as an `HttpClient`: no sockets, the same signals. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as broken from "./broken.js"
import * as chunks from "./chunks.js"
import type { Broken, Handler, WireAnswer } from "./types.js"

const transportError = (request: HttpClientRequest.HttpClientRequest, cause: unknown) =>
  new HttpClientError.RequestError({ request, reason: "Transport", cause })

const join = (parts: Iterable<Uint8Array>): Uint8Array => {
  const all = [...parts]
  const joined = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of all) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const bodyOf = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<Uint8Array, HttpClientError.RequestError> => {
  const { body } = request
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(new Uint8Array(0))
    case "Uint8Array":
      return Effect.succeed(body.body)
    case "Stream":
      return Effect.mapBoth(Stream.runCollect(body.stream), {
        onFailure: (cause) => transportError(request, cause),
        onSuccess: join
      })
    default: {
      const raw = body._tag === "FormData" ? body.formData : body.body
      return Effect.tryPromise({
        try: async () =>
          new Uint8Array(await new Response(raw as ConstructorParameters<typeof Response>[0]).arrayBuffer()),
        catch: (cause) => transportError(request, cause)
      })
    }
  }
}

const bodiless = new Set([101, 204, 205, 304])

type Answered = Effect.Effect<HttpClientResponse.HttpClientResponse>

/** A web stream that gives everything that was put into it before it ends or fails; `error` of a web stream would not. */
interface Pipe {
  readonly stream: ReadableStream<Uint8Array>
  readonly put: (chunk: Uint8Array) => void
  /** Ends the stream, or fails it with this error, behind what was put. */
  readonly finish: (error?: Error) => void
  /** Fails it at once. */
  readonly abort: (reason: unknown) => void
}

const makePipe = (onCancel: () => void): Pipe => {
  const queue: Array<Uint8Array> = []
  let finished: { readonly error: Error | undefined } | undefined
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let wake: (() => void) | undefined
  const give = () => {
    const chunk = queue.shift()
    if (chunk !== undefined) controller?.enqueue(chunk)
    else if (finished?.error !== undefined) controller?.error(finished.error)
    else if (finished !== undefined) controller?.close()
    else return false
    return true
  }
  const wakeUp = () => {
    if (wake === undefined || !give()) return
    const pulled = wake
    wake = undefined
    pulled()
  }
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (made) => {
        controller = made
      },
      pull: () => {
        if (give()) return
        return new Promise<void>((resolve) => {
          wake = resolve
        })
      },
      cancel: onCancel
    },
    { highWaterMark: 0 }
  )
  return {
    stream,
    put: (chunk) => {
      queue.push(chunk)
      wakeUp()
    },
    finish: (error) => {
      finished = { error }
      wakeUp()
    },
    abort: (reason) => controller?.error(reason)
  }
}

/**
 * The body as a web stream that a fiber of the exchange fills whether or not anybody reads: a server does not wait for
 * its client to read the last token before it makes the next.
 */
const streaming = (
  body: Exclude<WireAnswer["body"], Uint8Array>,
  cut: Effect.Effect<never, Broken>,
  scope: Scope.CloseableScope,
  signal: AbortSignal,
  onComplete: () => void
): Effect.Effect<ReadableStream<Uint8Array>> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<never>()
    let open = true
    const leave = () => {
      open = false
      Runtime.runFork(runtime)(Scope.close(scope, Exit.interrupt(FiberId.none)))
    }
    const pipe = makePipe(leave)
    signal.addEventListener(
      "abort",
      () => {
        if (!open) return
        pipe.abort(signal.reason)
        leave()
      },
      { once: true }
    )
    /** The exchange is over for the server before its client learns it. */
    const end = (error: Error | undefined) =>
      Effect.zipRight(
        Scope.close(scope, Exit.void),
        Effect.sync(() => {
          if (!open) return
          open = false
          if (error === undefined) onComplete()
          pipe.finish(error)
        })
      )
    const write = (chunk: Uint8Array) =>
      Effect.sync(() => {
        if (open && chunk.length > 0) pipe.put(chunk.slice())
      })
    const pump = Effect.matchCauseEffect(Effect.raceFirst(chunks.forEach(body, write), cut), {
      onSuccess: () => end(undefined),
      onFailure: (cause) => {
        if (Cause.isInterruptedOnly(cause)) return Effect.void
        const failure = Option.getOrUndefined(Cause.failureOption(cause))
        return end(failure === undefined ? new Error(Cause.pretty(cause)) : broken.toError(failure))
      }
    })
    yield* Effect.forkIn(Effect.interruptible(pump), scope)
    return pipe.stream
  })

const aborted = (request: HttpClientRequest.HttpClientRequest, signal: AbortSignal) =>
  Effect.async<never, HttpClientError.RequestError>((resume) => {
    const abort = () => resume(Effect.fail(transportError(request, signal.reason)))
    if (signal.aborted) return abort()
    signal.addEventListener("abort", abort, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", abort))
  })

/**
 * An `HttpClient` that has this server behind every address. A kept-alive connection ends with the epoch of the server it
 * was made in.
 */
export const client = (handler: Handler, epoch: () => number = () => 0): HttpClient.HttpClient => {
  const idle = new Map<string, number>()

  const respond = (
    request: HttpClientRequest.HttpClientRequest,
    answer: WireAnswer,
    scope: Scope.CloseableScope,
    signal: AbortSignal,
    onComplete: () => void
  ): Answered =>
    Effect.gen(function* () {
      const { body, headers, status } = answer
      const none = bodiless.has(status) || request.method === "HEAD"
      if (none || body instanceof Uint8Array) {
        yield* Scope.close(scope, Exit.void)
        onComplete()
        const content = none || !(body instanceof Uint8Array) ? null : Uint8Array.from(body)
        return HttpClientResponse.fromWeb(request, new Response(content, { status, headers }))
      }
      const stream = yield* streaming(body, answer.cut ?? Effect.never, scope, signal, onComplete)
      return HttpClientResponse.fromWeb(request, new Response(stream, { status, headers }))
    })

  return HttpClient.make((request, url, signal) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const body = yield* restore(bodyOf(request))
        const connection = `${epoch()} ${url.host}`
        const free = idle.get(connection) ?? 0
        idle.set(connection, Math.max(0, free - 1))
        const scope = yield* Scope.make()
        const handled = handler({
          method: request.method,
          path: url.pathname,
          query: url.search,
          headers: { host: url.host, ...request.headers },
          body,
          host: url.host,
          reused: free > 0
        }).pipe(
          Scope.extend(scope),
          Effect.mapError((cause) => transportError(request, broken.toError(cause)))
        )
        // whoever calls from a region that cannot be interrupted still has the signal
        const raced = Effect.raceFirst(Effect.interruptible(handled), Effect.interruptible(aborted(request, signal)))
        const answer = yield* restore(raced).pipe(Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))))
        return yield* respond(request, answer, scope, signal, () => {
          idle.set(connection, (idle.get(connection) ?? 0) + 1)
        })
      })
    )
  )
}
