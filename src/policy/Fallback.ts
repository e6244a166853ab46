/**
 * Another model, or another host, for a call that has failed, as a value: which one, and after which failures.
 *
 * Never by default: another model gives another answer. And never after a chunk: what was delivered is not taken back.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Address from "../internal/address.js"
import * as OllamaError from "../OllamaError.js"
import { both, CurrentPatch } from "./patch.js"

/**
 * The failures that a fallback can be told to wait for: the tags of `OllamaError`.
 *
 * @since 0.1.0
 * @category models
 */
export const Tag = Schema.Literal(
  "Timeout",
  "Unreachable",
  "Overloaded",
  "Blocked",
  "CircuitOpen",
  "Unauthorized",
  "ModelNotFound",
  "InvalidRequest",
  "LoadFailed",
  "ServerError",
  "StreamInterrupted",
  "ProtocolError",
  "MalformedOutput"
).annotations({ identifier: "effect-ollama/Fallback/Tag" })

/**
 * @since 0.1.0
 * @category models
 */
export type Tag = typeof Tag.Type

const Name = Schema.String.pipe(
  Schema.filter((name) => name.trim() !== "" || "an empty name", { jsonSchema: { pattern: "\\S" } })
)

/** Says what is wrong without the value, which may hold a password. */
const hostProblem = (host: string): string | true => {
  if (host.trim() === "") return "an empty address"
  return Either.match(Address.parse(host), {
    onLeft: (why) => `not an address: ${why}`,
    onRight: ({ basic }) => (basic === undefined ? true : "credentials do not belong into a policy")
  })
}

const Host = Schema.String.pipe(Schema.filter(hostProblem, { jsonSchema: { pattern: "\\S" } }))

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * - `model`: the model that is asked in the place of the first one.
 * - `host`: the address that is asked, as OLLAMA_HOST is written, without credentials; absent: the same host.
 * - `on`: the tags of the failures that lead here; absent: those that this model or host can help against
 *   (`Fallback.applies`).
 *
 * At least one of `model` and `host` is there.
 *
 * @since 0.1.0
 * @category models
 */
export const Fallback = Schema.Struct({
  model: optional(Name),
  host: optional(Host),
  on: optional(
    Schema.Array(Tag).pipe(
      Schema.filter((tags) => tags.length > 0 || "no failure leads here: leave `on` out, or name one", {
        jsonSchema: { minItems: 1 }
      })
    )
  )
})
  .pipe(
    Schema.filter(({ host, model }) => host !== undefined || model !== undefined || "neither a model nor a host", {
      jsonSchema: { allOf: [{ anyOf: [{ required: ["model"] }, { required: ["host"] }] }] }
    })
  )
  .annotations({ identifier: "effect-ollama/Fallback" })

/**
 * @since 0.1.0
 * @category models
 */
export type Fallback = typeof Fallback.Type

/** Part of the answer is delivered, or no time is left: nothing else is tried. */
const isFinal = (error: OllamaError.OllamaError): boolean =>
  error.partial !== undefined || (error._tag === "Timeout" && error.phase === "total")

const otherHostHelps = (error: OllamaError.OllamaError): boolean => {
  switch (error._tag) {
    case "Unreachable":
    case "Blocked":
    case "CircuitOpen":
    case "Unauthorized":
    case "ModelNotFound":
    case "LoadFailed":
    case "StreamInterrupted":
      return true
    case "Timeout":
      return error.phase !== "gap" && error.phase !== "total"
    case "Overloaded":
      // the usage limits of an account hold on every host
      return error.by !== "quota"
    case "ServerError":
      return error.isRetryable
    case "InvalidRequest":
    case "ProtocolError":
    case "MalformedOutput":
      return false
  }
}

/** The same host, asked for another model; it may be a local one in the place of one in the cloud. */
const otherModelHelps = (error: OllamaError.OllamaError): boolean => {
  switch (error._tag) {
    case "Overloaded":
    case "ModelNotFound":
    case "LoadFailed":
    case "ServerError":
    case "StreamInterrupted":
      return true
    case "Timeout":
      return error.phase === "load" || error.phase === "firstToken"
    case "Unreachable":
      return error.reason === "upstream"
    case "Blocked":
      return error.by === "cloudDisabled"
    case "Unauthorized":
      // a model in the cloud that wants a payment, a subscription, or a server that is signed in
      return error.status === 402 || error.status === 403 || error.signinUrl !== undefined
    case "CircuitOpen":
      // the breaker of the host, or that of the model
      return error.lastFailure.tag !== "Unreachable" && error.lastFailure.phase !== "connect"
    case "InvalidRequest":
      // beyond this model, or newer than this server
      return error.issue === "unsupported" || error.issue === "contextExceeded" || error.issue === "upgradeRequired"
    case "ProtocolError":
    case "MalformedOutput":
      return false
  }
}

/**
 * Whether a failure of the call leads to this entry. Never after a chunk of the answer, and not when `timeouts.total` is
 * over. With `on`, its tags decide. Without it:
 *
 * | failure | another host | another model on the same host |
 * |---|---|---|
 * | `Unreachable` | yes | only `upstream` |
 * | `Timeout` | connect, load, firstToken, response | load, firstToken |
 * | `Overloaded` | not `quota` | yes |
 * | `Blocked` | yes | only `cloudDisabled` |
 * | `CircuitOpen` | yes | unless the breaker is that of the host |
 * | `Unauthorized` | yes | what a cloud model asks for: 402, 403, signing in |
 * | `ModelNotFound`, `LoadFailed`, `StreamInterrupted` | yes | yes |
 * | `ServerError` | crashed or passing | yes |
 * | `InvalidRequest` | no | `unsupported`, `contextExceeded`, `upgradeRequired` |
 * | `ProtocolError`, `MalformedOutput` | no | no |
 *
 * An entry with both helps where one of the two does.
 *
 * @since 0.1.0
 * @category getters
 */
export const applies = (entry: Fallback, error: OllamaError.OllamaError): boolean => {
  if (isFinal(error)) return false
  if (entry.on !== undefined) return entry.on.includes(error._tag)
  return (entry.host !== undefined && otherHostHelps(error)) || (entry.model !== undefined && otherModelHelps(error))
}

/**
 * A failure of the call, and the `host` of the entry that it came from; `undefined` is the call's own host.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failed {
  readonly host: string | undefined
  readonly error: OllamaError.OllamaError
}

/**
 * The entry that is tried next, as its index, at `from` or after it; `undefined` when none fits. Pure.
 *
 * An entry is weighed against the last failure, or, where its own host has failed before, against the failure of that
 * host: that another host was down says nothing against a smaller model on the first.
 *
 * @param failed what was tried, oldest first
 *
 * @since 0.1.0
 * @category getters
 */
export const next = (
  entries: ReadonlyArray<Fallback>,
  from: number,
  failed: ReadonlyArray<Failed>
): number | undefined => {
  const last = failed.at(-1)
  if (last === undefined || isFinal(last.error)) return undefined
  const found = entries.findIndex((entry, i) => {
    if (i < from) return false
    const own = failed.findLast(({ host }) => host === entry.host)
    if (entry.on !== undefined) return applies(entry, last.error) || (own !== undefined && applies(entry, own.error))
    if (own === undefined) return applies(entry, last.error)
    return entry.model !== undefined && applies({ model: entry.model }, own.error)
  })
  return found === -1 ? undefined : found
}

/** What was tried, what it came to, and which entry comes next. */
interface Tried<E> {
  readonly entry: Fallback | undefined
  readonly from: number
  readonly failed: ReadonlyArray<Failed>
  readonly cause: Cause.Cause<E> | undefined
}

const start: Tried<never> = { entry: undefined, from: 0, failed: [], cause: undefined }

/** After a failure: the next try, or the cause to fail with, in which the first failure stays the first. */
const after = <E>(
  entries: ReadonlyArray<Fallback>,
  tried: Tried<E>,
  cause: Cause.Cause<E>
): Either.Either<Tried<E>, Cause.Cause<E>> => {
  const failure = Cause.failureOption(cause)
  if (Option.isNone(failure) || Cause.isInterrupted(cause) || Cause.isDie(cause)) return Either.left(cause)
  const all = tried.cause === undefined ? cause : Cause.sequential(tried.cause, cause)
  if (!OllamaError.isOllamaError(failure.value)) return Either.left(all)
  const failed = [...tried.failed, { host: tried.entry?.host, error: failure.value }]
  const index = next(entries, tried.from, failed)
  return index === undefined
    ? Either.left(all)
    : Either.right({ entry: entries[index], from: index + 1, failed, cause: all })
}

/**
 * Runs a program of your own, which is told the entry to use: first `undefined`, then, after a failure of this library,
 * each entry that fits it.
 *
 * When all have failed it fails with the **first** failure, which is the cause, so that a policy's fallbacks add no
 * failure to a program; those of the fallbacks follow it in the `Cause`. Other failures, defects and interruption end it
 * at once.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Fallback, OllamaClient } from "effect-ollama"
 *
 * const program = Fallback.run([{ model: "llama3.2:1b" }], (entry) =>
 *   OllamaClient.chat({
 *     model: entry?.model ?? "llama3.3:70b",
 *     messages: [{ role: "user", content: "Why is the sky blue?" }]
 *   })
 * ).pipe(Effect.map((response) => response.message.content))
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(
  entries: ReadonlyArray<Fallback>,
  use: (entry: Fallback | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const go = (tried: Tried<E>): Effect.Effect<A, E, R> =>
    Effect.catchAllCause(
      Effect.suspend(() => use(tried.entry)),
      (cause) => Either.match(after(entries, tried, cause), { onLeft: Effect.failCause, onRight: go })
    )
  return go(start)
}

/**
 * As `run`, for streams: a failure after the first element is the stream's own.
 *
 * @since 0.1.0
 * @category running
 */
export const runStream = <A, E, R>(
  entries: ReadonlyArray<Fallback>,
  use: (entry: Fallback | undefined) => Stream.Stream<A, E, R>
): Stream.Stream<A, E, R> => {
  const go = (tried: Tried<E>): Stream.Stream<A, E, R> =>
    Stream.suspend(() => {
      let hasBegun = false
      return use(tried.entry).pipe(
        Stream.mapChunks((chunk) => {
          if (Chunk.isNonEmpty(chunk)) hasBegun = true
          return chunk
        }),
        Stream.catchAllCause((cause) =>
          hasBegun
            ? Stream.failCause(cause)
            : Either.match(after(entries, tried, cause), { onLeft: Stream.failCause, onRight: go })
        )
      )
    })
  return go(start)
}

/**
 * Fallbacks at work.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fallbacks {
  /**
   * Runs an effect in which every call of a client falls back to the entries, as with `withPolicy`; or a program of your
   * own that is told the entry to use, as `Fallback.run` does. Fails as the effect or the program does.
   */
  readonly run: <A, E, R>(
    effect: Effect.Effect<A, E, R> | ((entry: Fallback | undefined) => Effect.Effect<A, E, R>)
  ) => Effect.Effect<A, E, R>

  /** The same for streams. */
  readonly runStream: <A, E, R>(
    stream: Stream.Stream<A, E, R> | ((entry: Fallback | undefined) => Stream.Stream<A, E, R>)
  ) => Stream.Stream<A, E, R>
}

/**
 * Fallbacks for any effect or stream, made as the other parts of a policy are. They remember nothing, and never fail.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Fallback, OllamaClient } from "effect-ollama"
 *
 * const program = Effect.gen(function* () {
 *   const fallback = yield* Fallback.make([{ model: "llama3.2:1b" }])
 *   const messages = [{ role: "user", content: "Why is the sky blue?" }]
 *   return yield* fallback.run(OllamaClient.chat({ model: "llama3.3:70b", messages }))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (entries: ReadonlyArray<Fallback>): Effect.Effect<Fallbacks, never, Scope.Scope> => {
  const patched = Effect.map(CurrentPatch, (current) => both(current, { fallback: entries }))
  return Effect.succeed({
    run: (effect) =>
      Effect.isEffect(effect)
        ? Effect.flatMap(patched, (patch) => Effect.provideService(effect, CurrentPatch, patch))
        : run(entries, effect),
    runStream: (stream) =>
      typeof stream === "function"
        ? runStream(entries, stream)
        : Stream.unwrap(Effect.map(patched, (patch) => Stream.provideService(stream, CurrentPatch, patch)))
  })
}
