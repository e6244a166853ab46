/** Durations as policies write them: "30 seconds" or milliseconds; signs are checked before anything is decoded. */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

const notADuration = 'not a duration: write it as "30 seconds", or in milliseconds'

/** `Duration.decode` makes zero of what is negative, so signs are looked at here. */
const parse = (input: string | number): Either.Either<Duration.Duration, string> => {
  const negative = typeof input === "number" ? input < 0 : input.trim().startsWith("-")
  if (negative) return Either.left("a negative duration")
  if (typeof input === "number" && !Number.isFinite(input)) return Either.left("not a finite number of milliseconds")
  const decoded = Duration.decodeUnknown(typeof input === "string" ? input.trim() : input)
  if (Option.isNone(decoded)) return Either.left(notADuration)
  if (!Duration.isFinite(decoded.value)) return Either.left('an infinite duration: write "none" for no limit')
  return Duration.toMillis(decoded.value) === 0 ? Either.left("a duration of zero") : Either.right(decoded.value)
}

// said once: a union would report what is neither once for each of its members
const Written = Schema.Union(Schema.String, Schema.Number).annotations({
  message: () => ({ message: notADuration, override: true })
})

/** A positive, finite duration; encodes as milliseconds. */
export const Positive = Schema.transformOrFail(Written, Schema.DurationFromSelf, {
  strict: true,
  decode: (input, _, ast) => Either.mapLeft(parse(input), (message) => new ParseResult.Type(ast, input, message)),
  encode: (duration) => ParseResult.succeed(Duration.toMillis(duration))
})

/** A limit: a positive duration, `"auto"`, or `"none"`. */
export const Clock = Schema.transformOrFail(
  Written,
  Schema.Union(Schema.DurationFromSelf, Schema.Literal("auto", "none")),
  {
    strict: true,
    decode: (input, _, ast): Either.Either<Duration.Duration | "auto" | "none", ParseResult.Type> =>
      input === "auto" || input === "none"
        ? Either.right(input)
        : Either.mapLeft(parse(input), (message) => new ParseResult.Type(ast, input, message)),
    encode: (clock) => ParseResult.succeed(typeof clock === "string" ? clock : Duration.toMillis(clock))
  }
)

/** Puts milliseconds in the place of every Duration, so that programs may write either. */
export const written = (u: unknown): unknown => {
  if (Duration.isDuration(u)) return Duration.toMillis(u)
  if (Array.isArray(u)) return u.map(written)
  if (typeof u !== "object" || u === null) return u
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(u)) {
    if (value !== undefined) out[key] = written(value)
  }
  return out
}
