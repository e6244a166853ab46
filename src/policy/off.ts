/** Parts of a policy that can be `"off"`. */
import type * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** Marks the Schema of a part that can be off, for those who read Schemas. */
export const OffId: unique symbol = Symbol.for("effect-ollama/policy/Off")

/**
 * A part, or `"off"`. Unlike a union it says of a value what is wrong in the member that was meant, and not also that it
 * is not the other.
 */
export const orOff = <A, I>(part: Schema.Schema<A, I>): Schema.Schema<A | "off", I | "off"> =>
  Schema.declare(
    [part],
    {
      decode:
        (item) =>
        (input, options, ast): Effect.Effect<A | "off", ParseResult.ParseIssue> =>
          input === "off"
            ? ParseResult.succeed(input)
            : Predicate.isRecord(input)
              ? ParseResult.decodeUnknown(item)(input, options)
              : ParseResult.fail(new ParseResult.Type(ast, input, 'neither an object nor "off"')),
      encode:
        (item) =>
        (input, options): Effect.Effect<I | "off", ParseResult.ParseIssue> =>
          input === "off" ? ParseResult.succeed(input) : ParseResult.encodeUnknown(item)(input, options)
    },
    { [OffId]: true }
  )

/** A part with some fields changed. One that was off begins with its defaults. */
export const change = <A, P>(
  current: A | "off",
  patch: P | "off" | undefined,
  defaults: A,
  merge: (part: A, patch: P) => A
): A | "off" =>
  patch === undefined ? current : patch === "off" ? "off" : merge(current === "off" ? defaults : current, patch)
