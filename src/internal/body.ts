/**
 * The bytes of a response, as the transport delivers them: its own body where it is there (undici, node:http, fetch),
 * so that a read costs no Effect, and the response's Stream otherwise.
 */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** What is called as the body arrives; after `end` or `error` nothing more comes. */
export interface Hooks {
  readonly data: (bytes: Uint8Array) => void
  readonly end: () => void
  readonly error: (error: unknown) => void
}

export interface Body {
  readonly pause: () => void
  readonly resume: () => void
  /** Stops reading. The connection itself is closed by the request's Scope. */
  readonly cancel: () => void
}

interface NodeReadable {
  readonly on: (event: string, listener: (value: never) => void) => unknown
  readonly pause: () => unknown
  readonly resume: () => unknown
  readonly destroy: () => unknown
  readonly errored?: unknown
  readonly complete?: boolean
}

const isNodeReadable = (u: unknown): u is NodeReadable =>
  Predicate.hasProperty(u, "on") && typeof u.on === "function" && Predicate.hasProperty(u, "destroy")

const isWebBody = (u: unknown): u is { readonly body: ReadableStream<Uint8Array> } =>
  Predicate.hasProperty(u, "body") && Predicate.hasProperty(u.body, "getReader")

class NodeBody implements Body {
  private isOver = false

  constructor(
    private readonly readable: NodeReadable,
    private readonly hooks: Hooks
  ) {
    const broken = (error: unknown): void => this.over(error ?? closed())
    readable.on("error", broken)
    readable.on("end", () => this.over(undefined))
    // node:http gives `close` without `end` when the connection went away
    readable.on("close", () => this.over(readable.errored ?? closed()))
    readable.on("data", (bytes: Uint8Array) => hooks.data(bytes))
    // what happened before we listened is not told again
    if (readable.errored != null) this.over(readable.errored)
  }

  private over(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    if (error === undefined) this.hooks.end()
    else this.hooks.error(error)
  }

  pause(): void {
    this.readable.pause()
  }

  resume(): void {
    this.readable.resume()
  }

  cancel(): void {
    this.isOver = true
    this.readable.destroy()
  }
}

const closed = (): Error => Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" })

const fromWeb = (body: ReadableStream<Uint8Array>, hooks: Hooks): Body => {
  const reader = body.getReader()
  let paused = false
  let over = false
  let reading = false
  const fail = (error: unknown): void => {
    if (over) return
    over = true
    hooks.error(error)
  }
  const read = (): void => {
    if (paused || over || reading) return
    reading = true
    reader.read().then((result) => {
      reading = false
      if (over) return
      if (result.done) {
        over = true
        hooks.end()
      } else {
        hooks.data(result.value)
        read()
      }
    }, fail)
  }
  read()
  return {
    pause: () => {
      paused = true
    },
    resume: () => {
      paused = false
      read()
    },
    cancel: () => {
      over = true
      // the reader's own failure to cancel says nothing that matters any more
      reader.cancel().then(undefined, () => undefined)
    }
  }
}

/** Any other client, such as a mock: reads its Stream in a fiber, with no more than one read ahead while paused. */
const fromStream = (
  response: HttpClientResponse.HttpClientResponse,
  hooks: Hooks
): Effect.Effect<Body, never, Scope.Scope> =>
  Effect.gen(function* () {
    const gate = yield* Effect.makeLatch(true)
    let over = false
    yield* Stream.runForEachChunk(response.stream, (chunk) =>
      Effect.zipRight(
        gate.await,
        Effect.sync(() => {
          for (const bytes of chunk) {
            if (!over) hooks.data(bytes)
          }
        })
      )
    ).pipe(
      Effect.matchCause({
        onFailure: (cause) => {
          if (!over && !Cause.isInterruptedOnly(cause)) hooks.error(Cause.squash(cause))
        },
        onSuccess: () => {
          if (!over) hooks.end()
        }
      }),
      Effect.forkScoped
    )
    return {
      pause: () => gate.unsafeClose(),
      resume: () => gate.unsafeOpen(),
      cancel: () => {
        over = true
      }
    }
  })

/** Begins to read the body of a response; `hooks` are called from then on. */
export const attach = (
  response: HttpClientResponse.HttpClientResponse,
  hooks: Hooks
): Effect.Effect<Body, never, Scope.Scope> => {
  // the property is private in the platform's responses, hence looked at as an unknown value
  const source: unknown = Predicate.hasProperty(response, "source") ? response.source : undefined
  if (isNodeReadable(source)) return Effect.sync(() => new NodeBody(source, hooks))
  if (Predicate.hasProperty(source, "body") && isNodeReadable(source.body)) {
    const body = source.body
    return Effect.sync(() => new NodeBody(body, hooks))
  }
  if (isWebBody(source)) return Effect.sync(() => fromWeb(source.body, hooks))
  if (Predicate.hasProperty(source, "body") && source.body === null) {
    return Effect.sync(() => {
      hooks.end()
      return { pause: () => undefined, resume: () => undefined, cancel: () => undefined }
    })
  }
  return fromStream(response, hooks)
}

/** Lets go of a body that nobody reads. */
export const discard = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void, never, Scope.Scope> =>
  Effect.map(attach(response, { data: noop, end: noop, error: noop }), (body) => body.cancel())

const noop = (): void => undefined
