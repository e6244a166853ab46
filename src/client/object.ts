/** Answers that fit a schema: asked for as `format`, decoded, and told apart when they do not fit. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Chat from "../api/Chat.js"
import { defined } from "../internal/defined.js"
import * as Nesting from "../internal/nesting.js"
import * as Prototypes from "../internal/prototypes.js"
import * as OllamaError from "../OllamaError.js"
import * as Timing from "./timing.js"

/** The decoded value beside the answer it was read from. */
export interface ChatObject<A> {
  readonly value: A
  readonly response: Chat.ChatResponse
}

/** Nobody reads more; a list of a million wrong items would have a million. */
const mostIssues = 100

/** The names of all properties in a JSON Schema. */
const namesIn = (format: unknown, names = new Set<string>()): ReadonlySet<string> => {
  if (!Predicate.isRecord(format)) return names
  if (Predicate.isRecord(format.properties)) for (const name of Object.keys(format.properties)) names.add(name)
  for (const inner of Object.values(format))
    for (const one of Array.isArray(inner) ? inner : [inner]) namesIn(one, names)
  return names
}

/** Names that the schema does not have are the model's own words, which are not for logs. */
const issuesOf = (error: ParseResult.ParseError, names: ReadonlySet<string>): OllamaError.MalformedOutput["issues"] =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .slice(0, mostIssues)
    .map((issue) => ({
      path: issue.path.map((key) => (typeof key === "string" && !names.has(key) ? "*" : String(key))).join("."),
      message: issue.message.replace(/, actual [\s\S]*$/, "")
    }))

const parse = (text: string): Either.Either<unknown, OllamaError.MalformedOutput["issues"]> =>
  Nesting.isTooDeep(text)
    ? Either.left([{ path: "", message: `the answer is nested deeper than ${Nesting.deepest} levels` }])
    : Either.try({
        try: (): unknown => Prototypes.without(JSON.parse(text), text),
        catch: () => [{ path: "", message: text.trim() === "" ? "the answer is empty" : "the answer is not JSON" }]
      })

/** What the model is shown of an answer that does not fit, and what it is asked for then. */
export const correction = ({ issues, text }: OllamaError.MalformedOutput): ReadonlyArray<Chat.Message> => {
  const problems = issues.map(({ message, path }) => `- ${path === "" ? message : `${path}: ${message}`}`)
  return [
    { role: "assistant", content: text },
    {
      role: "user",
      content: [
        "That answer does not fit the JSON Schema that it has to fit:",
        ...problems,
        "Answer again: the whole, corrected, as JSON and nothing else."
      ].join("\n")
    }
  ]
}

/**
 * @param format the schema as it was sent
 * @param failure makes the failure of the call that the answer belongs to
 */
export const decode =
  <A, I, R>(schema: Schema.Schema<A, I, R>, format: unknown) =>
  (
    response: Chat.ChatResponse,
    failure: (
      make: (common: ConstructorParameters<typeof OllamaError.StreamInterrupted>[0]) => OllamaError.OllamaError
    ) => OllamaError.OllamaError
  ): Effect.Effect<ChatObject<A>, OllamaError.OllamaError, R> => {
    const text = response.message.content
    const malformed = (issues: OllamaError.MalformedOutput["issues"]): OllamaError.OllamaError =>
      failure(
        (common) =>
          new OllamaError.MalformedOutput(
            defined({
              ...common,
              text,
              issues,
              doneReason: Timing.doneReason(response),
              remedy:
                response.done_reason === "length"
                  ? "The answer was cut off: raise options.num_predict (or num_ctx), then ask again"
                  : undefined
            })
          )
      )
    return Either.match(parse(text), {
      onLeft: (issues) => Effect.fail(malformed(issues)),
      onRight: (json) =>
        Schema.decodeUnknown(schema, { errors: "all" })(json).pipe(
          Effect.map((value) => ({ value, response })),
          Effect.mapError((error) => malformed(issuesOf(error, namesIn(format))))
        )
    })
  }
