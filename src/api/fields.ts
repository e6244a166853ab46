/**
 * The two kinds of optional field of Ollama's API: what may be left out of a request, and what may be missing from an
 * answer.
 *
 * @internal
 */
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/** Accepts `undefined` beside the values of a schema. A union would report every mistake twice, once for `undefined`. */
const orUndefined = <A, R>(schema: Schema.Schema<A, A, R>): Schema.Schema<A | undefined, A | undefined, R> =>
  Schema.declare(
    [schema],
    {
      decode: (inner) => (u, options) =>
        u === undefined ? ParseResult.succeed(undefined) : ParseResult.decodeUnknown(inner)(u, options),
      encode: (inner) => (u, options) =>
        u === undefined ? ParseResult.succeed(undefined) : ParseResult.encodeUnknown(inner)(u, options)
    },
    { arbitrary: (inner) => (fc) => fc.option(inner(fc), { nil: undefined }) }
  )

/** A field that a request may leave out. `undefined` counts as left out and is never sent; `null` is refused. */
export const optional = <A, I, R>(
  schema: Schema.Schema<A, I, R>
): Schema.PropertySignature<"?:", A | undefined, never, "?:", I, false, R> =>
  Schema.optionalToOptional(schema, orUndefined(Schema.typeSchema(schema)), {
    decode: (value) => value,
    encode: (value) => Option.filter(value, (a) => a !== undefined)
  })

/** A field that an answer may leave out. `null` counts as left out. */
export const maybe = <A, I, R>(
  schema: Schema.Schema<A, I, R>
): Schema.PropertySignature<"?:", A, never, "?:", I | null, false, R> =>
  Schema.optionalWith(schema, { exact: true, nullable: true })

/** An array that Go writes as `null` when it is empty. A missing field stays a mistake. */
const orEmpty = <A, I, R>(
  schema: Schema.Schema<ReadonlyArray<A>, ReadonlyArray<I>, R>
): Schema.Schema<ReadonlyArray<A>, ReadonlyArray<I> | null, R> =>
  Schema.transform(Schema.NullOr(schema), Schema.typeSchema(schema), {
    strict: true,
    decode: (value) => value ?? [],
    encode: (value) => value
  })

/** An array in an answer; `null` is an empty one. */
export const array = <A, I, R>(
  item: Schema.Schema<A, I, R>
): Schema.Schema<ReadonlyArray<A>, ReadonlyArray<I> | null, R> => orEmpty(Schema.Array(item))

const unknowns = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** An object in an answer, of anything; `null`, which is how Go writes one that was never made, is an empty one. */
export const object: Schema.Schema<{ readonly [key: string]: unknown }, { readonly [key: string]: unknown } | null> =
  Schema.transform(Schema.NullOr(unknowns), unknowns, {
    strict: true,
    decode: (value) => value ?? {},
    encode: (value) => value
  })

const isNumbers = (u: unknown): u is ReadonlyArray<number> =>
  Array.isArray(u) && u.every((value) => typeof value === "number")

/** Numbers in an answer, checked as a whole: there may be millions of them. */
export const numbers: Schema.Schema<ReadonlyArray<number>> = Schema.declare(isNumbers, {
  identifier: "Numbers",
  message: () => "expected an array of numbers",
  arbitrary: () => (fc) => fc.array(fc.double({ noNaN: true }))
})

/** Numbers; `null` is none of them. */
export const vector: Schema.Schema<ReadonlyArray<number>, ReadonlyArray<number> | null> = orEmpty(numbers)

/**
 * The same schema, its values called by their name. Without it the types of everything that contains them, and their
 * declarations, would spell the values out, and editors would show no docstrings for them.
 */
export const named =
  <A>() =>
  <I, R>(schema: Schema.Schema<A, I, R>): Schema.Schema<A, I, R> =>
    schema

/** Two tables of fields as one. Unlike a spread, the type keeps the docstrings of tables that other files declare. */
export const merge = <A extends Schema.Struct.Fields, B extends Schema.Struct.Fields>(first: A, second: B): A & B => ({
  ...first,
  ...second
})
