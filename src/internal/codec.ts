/**
 * How the answers of each kind of endpoint become values: the check of the hot chunk shape is written by hand, because
 * it runs once for each token; everything else goes through the Schemas.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Chat from "../api/Chat.js"
import * as Fold from "../api/Fold.js"
import * as Generate from "../api/Generate.js"
import * as Model from "../api/Model.js"
import type * as OllamaError from "../OllamaError.js"
import * as Prototypes from "./prototypes.js"
import * as TokenLine from "./tokenLine.js"

/** One answer being taken apart; made anew for each attempt, because a fold remembers. */
export interface Codec<A, Response> {
  /** Reads lines that are written as nearly all are, which costs no parsing. */
  readonly skim?: TokenLine.Skim<A>
  /** The value, if it is of the common shape; costs no decoding. */
  readonly hot: (json: unknown) => json is A
  /** The value of any other good shape, or what does not fit. */
  readonly decode: (json: unknown) => Either.Either<A, string>
  readonly isLast: (value: A) => boolean
  readonly fold: Fold.Fold<A, Response>
  /** One JSON value and not lines. */
  readonly whole: boolean
  /** Whether the fold keeps what the lines hold, so that it grows with them. */
  readonly keeps: boolean
  readonly empty?: () => A
}

const decoder = <A, I>(schema: Schema.Schema<A, I>): ((json: unknown) => Either.Either<A, string>) => {
  const decode = Schema.decodeUnknownEither(schema, { onExcessProperty: "preserve" })
  // the message names paths and types; what it says of values could be anybody's words
  return (json) => Either.mapLeft(decode(json), (error) => error.message.replace(/, actual [^\n]*/g, "").slice(0, 300))
}

const absentOrNumber = (u: unknown): boolean => u === undefined || typeof u === "number"

/** The fields of the last chunk. */
const isHotEnd = (u: Record<string | symbol, unknown>): boolean =>
  u.done === true &&
  (u.done_reason === undefined || typeof u.done_reason === "string") &&
  absentOrNumber(u.total_duration) &&
  absentOrNumber(u.load_duration) &&
  absentOrNumber(u.prompt_eval_count) &&
  absentOrNumber(u.prompt_eval_duration) &&
  absentOrNumber(u.eval_count) &&
  absentOrNumber(u.eval_duration) &&
  u.context === undefined &&
  u._debug_info === undefined

const isHotHead = (u: Record<string | symbol, unknown>): boolean =>
  !Prototypes.isIn(u) &&
  typeof u.model === "string" &&
  typeof u.created_at === "string" &&
  u.logprobs === undefined &&
  u.error === undefined &&
  (u.remote_model === undefined || typeof u.remote_model === "string") &&
  (u.remote_host === undefined || typeof u.remote_host === "string") &&
  (u.done === false ? u.done_reason === undefined : isHotEnd(u))

const isRecord = (u: unknown): u is Record<string | symbol, unknown> => typeof u === "object" && u !== null

const isHotChat = (u: unknown): u is Chat.ChatChunk => {
  if (!isRecord(u) || !isHotHead(u)) return false
  const { message } = u
  return (
    isRecord(message) &&
    !Prototypes.isIn(message) &&
    typeof message.role === "string" &&
    typeof message.content === "string" &&
    message.tool_calls === undefined &&
    message.images === undefined &&
    (message.thinking === undefined || typeof message.thinking === "string")
  )
}

const isHotGenerate = (u: unknown): u is Generate.GenerateChunk =>
  isRecord(u) &&
  isHotHead(u) &&
  typeof u.response === "string" &&
  u.tool_calls === undefined &&
  u.image === undefined &&
  u.completed === undefined &&
  (u.thinking === undefined || typeof u.thinking === "string")

const decodeChat = decoder(Chat.ChatChunk)
const decodeGenerate = decoder(Generate.GenerateChunk)
const decodeProgress = decoder(Model.ProgressResponse)

export const chat = (): Codec<Chat.ChatChunk, Chat.ChatResponse> => ({
  skim: TokenLine.chat,
  hot: isHotChat,
  decode: decodeChat,
  isLast: Fold.isTerminal,
  fold: Fold.chat(),
  whole: false,
  keeps: true
})

export const generate = (): Codec<Generate.GenerateChunk, Generate.GenerateResponse> => ({
  skim: TokenLine.generate,
  hot: isHotGenerate,
  decode: decodeGenerate,
  isLast: Fold.isTerminal,
  fold: Fold.generate(),
  whole: false,
  keeps: true
})

const never = <A>(_: unknown): _ is A => false

/** Keeps the last of several values. */
const lastOf = <A>(isLast: (value: A) => boolean, partial: (count: number) => OllamaError.Partial | undefined) => {
  let count = 0
  let last: A | undefined
  const fold: Fold.Fold<A, A> = {
    add: (value) => {
      count++
      last = value
    },
    partial: () => (count === 0 ? undefined : partial(count)),
    result: () => (last !== undefined && isLast(last) ? last : undefined)
  }
  return fold
}

export const progress = (): Codec<Model.ProgressResponse, Model.ProgressResponse> => {
  const isLast = (value: Model.ProgressResponse): boolean => value.status === "success"
  return {
    hot: never,
    decode: decodeProgress,
    isLast,
    fold: lastOf(isLast, (chunks) => ({ text: "", thinking: "", tool_calls: [], chunks })),
    whole: false,
    keeps: false
  }
}

/** An answer of one JSON value. */
export const one = <A, I>(schema: Schema.Schema<A, I>): (() => Codec<A, A>) => {
  const decode = decoder(schema)
  return () => ({
    hot: never,
    decode,
    isLast: () => true,
    fold: lastOf<A>(
      () => true,
      () => undefined
    ),
    whole: true,
    keeps: false
  })
}

/** An answer of which the first line is enough. */
export const firstOf = <A, I>(schema: Schema.Schema<A, I>): (() => Codec<A, A>) => {
  const whole = one(schema)
  return () => ({ ...whole(), whole: false })
}

const withoutBody = <A, Response>(value: () => A, result: () => Response): Codec<A, Response> => ({
  hot: never,
  decode: () => Either.right(value()),
  isLast: () => true,
  fold: { add: () => undefined, partial: () => undefined, result },
  whole: true,
  keeps: false,
  empty: value
})

/** An answer that says all with its status. */
export const nothing = (): Codec<void, true> =>
  withoutBody<void, true>(
    () => undefined,
    () => true
  )

/** An answer that says yes or no with its status. */
export const presence = (status: () => number): Codec<boolean, boolean> => {
  const value = (): boolean => status() !== 404
  return withoutBody(value, value)
}

/** Whether a value is a line that reports a failure: `{"error": …}`. */
export const isErrorLine = (json: unknown): boolean => Predicate.isRecord(json) && json.error != null
