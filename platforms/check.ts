/** Cases, and what they say when something differs. */
import { Cause, Duration, Effect, Exit } from "effect"
import type { OllamaError } from "effect-ollama"
import type { Outcome } from "./config.js"

export interface Case {
  readonly name: string
  readonly run: Effect.Effect<void, unknown>
}

/** Something is not as it should be. */
export class Differs extends Error {
  override readonly name = "Differs"
}

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value)) ?? "undefined"

export const same = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, Differs> =>
  shown(actual) === shown(expected)
    ? Effect.void
    : Effect.fail(new Differs(`${what}: ${shown(actual)} instead of ${shown(expected)}`))

/** The failure has these fields (those of objects deeply); `remedy` and `message` may be regular expressions. */
export const fails = <A>(
  call: Effect.Effect<A, OllamaError.OllamaError>,
  expected: Readonly<Record<string, unknown>>
): Effect.Effect<OllamaError.OllamaError, Differs> =>
  Effect.matchEffect(call, {
    onSuccess: (value) => Effect.fail(new Differs(`succeeded with ${shown(value)}, instead of ${shown(expected)}`)),
    onFailure: (error) => {
      const actual: Record<string, unknown> = { ...error, _tag: error._tag, remedy: error.remedy }
      const wrong = Object.entries(expected).filter(([key, value]) =>
        value instanceof RegExp ? !value.test(String(actual[key])) : shown(actual[key]) !== shown(value)
      )
      if (wrong.length === 0) return Effect.succeed(error)
      const said = wrong.map(([key, value]) => `${key} ${shown(actual[key])} (not ${String(value)})`).join(", ")
      const { cause } = error
      return Effect.fail(new Differs(`${error._tag} with ${said}; ${error.message} [${shown(cause)}]`))
    }
  })

const limit = Duration.seconds(20)

const outcome = ({ name, run }: Case): Effect.Effect<Outcome> =>
  Effect.map(
    Effect.exit(Effect.timeoutFail(run, { duration: limit, onTimeout: () => new Differs("did not end") })),
    (exit) => (Exit.isSuccess(exit) ? { name } : { name, problem: said(exit.cause) })
  )

const said = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? `${error.name}: ${error.message}` : shown(error)
}

/** All cases, one after the other; `each` hears of the outcomes so far. */
export const all = (
  cases: ReadonlyArray<Case>,
  each: (soFar: ReadonlyArray<Outcome>) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<ReadonlyArray<Outcome>> => {
  const outcomes: Array<Outcome> = []
  return Effect.as(
    Effect.forEach(cases, (one) =>
      Effect.flatMap(outcome(one), (ended) =>
        Effect.suspend(() => {
          outcomes.push(ended)
          return each(outcomes)
        })
      )
    ),
    outcomes
  )
}
