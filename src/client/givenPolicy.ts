/** A policy as a program gives it. Not all programs are checked by TypeScript, and its types have no limits for numbers. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Stream from "effect/Stream"
import * as OllamaError from "../OllamaError.js"
import type * as Policy from "../policy/Policy.js"
import * as Value from "../policy/value.js"
import * as Request from "./request.js"

/** The fields of a policy, or of a change to one, that are wrong. */
const problemsIn = (error: ParseResult.ParseError): readonly [Request.Problem, ...ReadonlyArray<Request.Problem>] => {
  const [first = { field: "", why: "it is not valid" }, ...others] = Request.problems(error)
  const named = ({ field, why }: Request.Problem): Request.Problem => ({
    field: field === "" ? "policy" : `policy.${field}`,
    why
  })
  return [named(first), ...others.map(named)]
}

/** The first of them. */
export const problemIn = (error: ParseResult.ParseError): Request.Problem => problemsIn(error)[0]

const problemOf = (policy: unknown): OllamaError.InvalidRequest | undefined =>
  Either.match(Value.checked(policy), {
    onLeft: (error) => {
      const all = problemsIn(error)
      const [{ field }] = all
      const list = all.map(({ field, why }) => `${field} (${why})`).join(", ")
      return new OllamaError.InvalidRequest({
        issue: "malformed",
        field,
        remedy: `Correct ${list}. Policy.make and Policy.merge make a whole policy of what is to be different in it`
      })
    },
    onRight: () => undefined
  })

/** What a client begins with. */
export const check = (policy: Policy.Policy | undefined): Effect.Effect<void, OllamaError.InvalidRequest> => {
  const problem = policy == null ? undefined : problemOf(policy)
  return problem === undefined ? Effect.void : Effect.fail(problem)
}

/** What it is changed to later: one that is none is refused as a whole. */
export const good = (changes: Stream.Stream<Policy.Policy>): Stream.Stream<Policy.Policy> =>
  Stream.filterEffect(changes, (policy) => {
    const problem = problemOf(policy)
    return problem === undefined
      ? Effect.succeed(true)
      : Effect.as(
          Effect.logWarning(`A change of the policy: ${problem.message}. The last good policy stays in force.`),
          false
        )
  })
