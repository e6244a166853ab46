/**
 * Tools with what they do: made of schemas, run with what the model wrote.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as JsonSchema from "../api/JsonSchema.js"
import type * as Shared from "../api/Shared.js"

/**
 * What came of a call of a tool, as the model is told.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outcome {
  /** The text that goes back to the model: the result, or `{"error": …}`. */
  readonly content: string
  /** Whether it is one of a failure, or of arguments that do not fit. */
  readonly isFailure: boolean
}

/**
 * A tool: what the model is told of it, and what it does. `E` are the failures that the model is not told of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tool<out Name extends string, out E = never, out R = never> {
  readonly name: Name
  /** As it is sent; for the `tools` of a chat of one's own. */
  readonly definition: Shared.Tool
  /** The keywords of its parameters that the server drops, so that the model never sees them. */
  readonly dropped: ReadonlyArray<JsonSchema.Dropped>
  /** Decodes the arguments of a call, runs the tool, and encodes what came of it. */
  readonly run: (args: unknown) => Effect.Effect<Outcome, E, R>
}

/**
 * Any tool.
 *
 * @since 0.1.0
 * @category models
 */
export type Any = Tool<string, unknown, unknown>

const textOf = (result: unknown): string => (typeof result === "string" ? result : JSON.stringify(result ?? null))

const failed = (error: unknown): Outcome => ({ content: JSON.stringify({ error: error ?? null }), isFailure: true })

const misfit = (error: ParseResult.ParseError): Outcome => {
  const issues = ParseResult.ArrayFormatter.formatErrorSync(error).map(
    ({ message, path }) => `${path.length === 0 ? "" : `${path.map(String).join(".")}: `}${message}`
  )
  return failed(`The arguments do not fit the parameters: ${issues.join("; ")}`)
}

/**
 * A tool out of schemas and a handler.
 *
 * - The arguments are decoded with `parameters`. The model wrote them, and nothing makes them fit: where they do not, it is
 *   told what is wrong, and the handler is not run.
 * - The result is encoded with `success`. Without one it is sent as it is, a text as a text and anything else as JSON.
 * - A failure that `failure` describes is encoded with it and told to the model. Any other one fails the run.
 *
 * Throws an `Error` that says where, when the parameters are not those of an object, have a part that no JSON Schema
 * describes, or, with `strict`, a constraint that the server drops.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Tool } from "effect-ollama"
 *
 * class UnknownCity extends Schema.TaggedError<UnknownCity>()("UnknownCity", { city: Schema.String }) {}
 *
 * const weather = Tool.make({
 *   name: "get_weather",
 *   description: "The weather of a city now",
 *   parameters: Schema.Struct({ city: Schema.String }),
 *   success: Schema.Struct({ degrees: Schema.Number }),
 *   failure: UnknownCity,
 *   handler: ({ city }) => (city === "Paris" ? Effect.succeed({ degrees: 21 }) : Effect.fail(new UnknownCity({ city })))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  const Name extends string,
  A extends object = {},
  I extends object = {},
  RA = never,
  B = unknown,
  IB = unknown,
  RB = never,
  E = never,
  R = never,
  F = never,
  IF = never,
  RF = never
>(options: {
  /** What the model calls it. */
  readonly name: Name
  /** What it does, for the model. */
  readonly description?: string | undefined
  /** Its arguments; none by default. */
  readonly parameters?: Schema.Schema<A, I, RA> | undefined
  /** How its result is written. */
  readonly success?: Schema.Schema<B, IB, RB> | undefined
  /** The failures that the model is told of, and how they are written. */
  readonly failure?: Schema.Schema<F, IF, RF> | undefined
  /** Whether parameters with a constraint that the server drops are refused; false by default. See `dropped`. */
  readonly strict?: boolean | undefined
  /** What it does. */
  readonly handler: (parameters: NoInfer<A>) => Effect.Effect<NoInfer<B>, E, R>
}): Tool<Name, Exclude<E, F>, R | RA | RB | RF> => {
  const { description, failure, handler, name, parameters, success } = options
  const definition = JsonSchema.tool({ name, description, parameters })
  const dropped = JsonSchema.dropped(definition)
  const lost = dropped.filter(({ isConstraint }) => isConstraint)
  if (options.strict === true && lost.length > 0) {
    const where = lost.map(({ keyword, path }) => (path === "" ? keyword : `${path}: ${keyword}`)).join(", ")
    throw new Error(`The server drops from the parameters of the tool "${name}": ${where}`)
  }
  // without a schema the handler takes no arguments, which is what {} says
  const decode =
    parameters === undefined ? () => Effect.succeed({} as A) : Schema.decodeUnknown(parameters, { errors: "all" })
  const isTold = failure === undefined ? (_: unknown): _ is F => false : Schema.is(failure)
  const told = (error: F): Effect.Effect<unknown, never, RF> =>
    failure === undefined ? Effect.succeed(error) : Effect.orDie(Schema.encode(failure)(error))
  // a handler whose result is not what its own schema says is a defect of the program
  const written = (result: B): Effect.Effect<unknown, never, RB> =>
    success === undefined ? Effect.succeed(result) : Effect.orDie(Schema.encode(success)(result))

  const handled = (args: A) =>
    Effect.matchEffect(handler(args), {
      onFailure: (error) => (isTold(error) ? Effect.map(told(error), failed) : Effect.fail(error as Exclude<E, F>)),
      onSuccess: (result) =>
        Effect.map(written(result), (content): Outcome => ({ content: textOf(content), isFailure: false }))
    })

  return {
    name,
    definition,
    dropped,
    run: (args) =>
      Effect.matchEffect(decode(args), { onFailure: (error) => Effect.succeed(misfit(error)), onSuccess: handled })
  }
}
