/**
 * The remedies as one plain value: it can be written as JSON, read from the environment, changed for a part of a
 * program, and compared.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Durations from "../internal/durations.js"
import * as Retry from "./Retry.js"
import * as Timeouts from "./Timeouts.js"

/**
 * Everything that a client does about slow, refused and failed calls.
 *
 * @since 0.1.0
 * @category models
 */
export const Policy = Schema.Struct({
  timeouts: Timeouts.Timeouts,
  retry: Retry.Retry
}).annotations({ identifier: "effect-ollama/Policy" })

/**
 * @since 0.1.0
 * @category models
 */
export type Policy = typeof Policy.Type

/**
 * A part of a policy, as a change of another; durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export interface Patch {
  readonly timeouts?: Timeouts.Patch | undefined
  readonly retry?: Retry.Patch | undefined
}

const PatchSchema = Schema.Struct({
  timeouts: Schema.optionalWith(Schema.partialWith(Timeouts.Timeouts, { exact: true }), { exact: true }),
  retry: Schema.optionalWith(Schema.partialWith(Retry.Retry, { exact: true }), { exact: true })
})

const options = { errors: "all", onExcessProperty: "error" } as const
const decodePatch = Schema.decodeUnknownEither(PatchSchema, options)
const encode = Schema.encodeSync(Policy)

/**
 * Checks a patch. The Left lists every unknown key and impossible value with its path.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeUnknownPatch = (patch: unknown): Either.Either<typeof PatchSchema.Type, ParseResult.ParseError> =>
  decodePatch(Durations.written(patch))

const apply = (policy: Policy, patch: typeof PatchSchema.Type): Policy => ({
  timeouts: patch.timeouts === undefined ? policy.timeouts : { ...policy.timeouts, ...patch.timeouts },
  retry: patch.retry === undefined ? policy.retry : { ...policy.retry, ...patch.retry }
})

/**
 * Automatic clocks, no limit on the whole, three attempts.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Policy = { timeouts: Timeouts.defaults, retry: Retry.defaults }

/**
 * A policy out of some of its parts; the rest is `Policy.defaults`. Throws a `ParseError` on an impossible value, as
 * constructors of Schema do.
 *
 * @example
 * ```ts
 * import { Policy } from "effect-ollama"
 *
 * const patient = Policy.make({ timeouts: { load: "20 minutes" }, retry: { attempts: 5 } })
 * console.log(patient.retry.attempts) // 5
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (patch: Patch = {}): Policy => merge(defaults, patch)

/**
 * A policy with some parts changed. Throws a `ParseError` on an impossible value.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (policy: Policy, patch: Patch): Policy =>
  Either.getOrThrowWith(mergeEither(policy, patch), (e) => e)

/**
 * A policy with some parts changed, or all problems of the patch.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mergeEither = (policy: Policy, patch: Patch): Either.Either<Policy, ParseResult.ParseError> =>
  Either.map(decodeUnknownPatch(patch), (decoded) => apply(policy, decoded))

/**
 * For calls that a person waits for: first token within 15 seconds of a model in memory, two attempts.
 *
 * @since 0.1.0
 * @category constants
 */
export const interactive: Policy = {
  timeouts: { ...Timeouts.defaults, firstToken: Duration.seconds(15), gap: Duration.seconds(15) },
  retry: { ...Retry.defaults, attempts: 2, maxDelay: Duration.seconds(2) }
}

/**
 * For work that nobody waits for: 30 minutes for a load, 10 minutes for a first token, six attempts up to a minute
 * apart.
 *
 * @since 0.1.0
 * @category constants
 */
export const batch: Policy = {
  timeouts: {
    ...Timeouts.defaults,
    load: Duration.minutes(30),
    firstToken: Duration.minutes(10),
    gap: Duration.minutes(5)
  },
  retry: { ...Retry.defaults, attempts: 6, baseDelay: Duration.seconds(1), maxDelay: Duration.minutes(1) }
}

/**
 * One attempt and no clocks.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Policy = { timeouts: Timeouts.none, retry: Retry.none }

/**
 * A policy from its JSON: the rest is `Policy.defaults`. Fails with a `ParseError` that lists every unknown key and
 * impossible value with its path.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromJson = (json: unknown): Effect.Effect<Policy, ParseResult.ParseError> =>
  Either.map(decodeUnknownPatch(json), (decoded) => apply(defaults, decoded))

/**
 * The policy as JSON; durations in milliseconds.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toJson = (policy: Policy): typeof Policy.Encoded => encode(policy)

// ---- environment ----------------------------------------------------------------------------------------------------

const upper = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

const sections = { timeouts: Object.keys(Timeouts.defaults), retry: Object.keys(Retry.defaults) }

/** OLLAMA_POLICY_TIMEOUTS_FIRST_TOKEN, OLLAMA_POLICY_RETRY_ATTEMPTS, …: one variable for each field. */
const variables = Object.entries(sections).flatMap(([section, keys]) =>
  keys.map((key) => ({ section, key, name: `OLLAMA_POLICY_${upper(section)}_${upper(key)}` }))
)

const numeric = (text: string): unknown => (/^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text.trim())

const parseJson = Schema.decodeUnknownEither(Schema.parseJson())

/**
 * A policy from the environment: `OLLAMA_POLICY` holds JSON, and `OLLAMA_POLICY_TIMEOUTS_GAP`,
 * `OLLAMA_POLICY_RETRY_ATTEMPTS` and so on single fields, which win. What is not given is `Policy.defaults`.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Policy> = Config.all({
  json: Config.option(Config.nonEmptyString("OLLAMA_POLICY")),
  fields: Config.all(variables.map(({ name }) => Config.option(Config.nonEmptyString(name))))
}).pipe(
  Config.mapOrFail(({ fields, json }) => {
    const patch: Record<string, Record<string, unknown>> = {}
    variables.forEach(({ key, section }, i) => {
      const value = fields[i]
      if (value !== undefined && Option.isSome(value)) (patch[section] ??= {})[key] = numeric(value.value)
    })
    const base = Option.isSome(json) ? parseJson(json.value) : Either.right({})
    return base.pipe(
      Either.flatMap((value) => decodeUnknownPatch(Predicate.isRecord(value) ? overlay(value, patch) : value)),
      Either.mapBoth({
        onLeft: (error) => ConfigError.InvalidData(["OLLAMA_POLICY"], problems(error)),
        onRight: (decoded) => apply(defaults, decoded)
      })
    )
  })
)

/** Every problem with its path, on one line. */
const problems = (error: ParseResult.ParseError): string =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .map(({ message, path }) => (path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`))
    .join("; ")

const overlay = (base: Record<string | symbol, unknown>, patch: Record<string, Record<string, unknown>>): unknown => {
  const out: Record<string | symbol, unknown> = { ...base }
  for (const [section, fields] of Object.entries(patch)) {
    const under = out[section]
    // anything but an object stays, to be refused
    if (under === undefined || Predicate.isRecord(under)) out[section] = { ...under, ...fields }
  }
  return out
}
