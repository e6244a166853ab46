/** The whole policy as a value: its Schema, changes of it, and how the two make another. */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Durations from "../internal/durations.js"
import * as CircuitBreaker from "./CircuitBreaker.js"
import * as Concurrency from "./Concurrency.js"
import * as Fallback from "./Fallback.js"
import * as Hedging from "./Hedging.js"
import { change, orOff } from "./off.js"
import { simplified } from "./problems.js"
import * as Retry from "./Retry.js"
import * as RetryBudget from "./RetryBudget.js"
import * as Slow from "./Slow.js"
import * as Throttle from "./Throttle.js"
import * as Timeouts from "./Timeouts.js"

/**
 * The two breakers of a call, or `"off"` for both.
 *
 * - `host`: whether the host can be reached at all; one for each host.
 * - `model`: whether it generates with a model; one for each host and model.
 *
 * @since 0.1.0
 * @category models
 */
export const Breakers = Schema.Struct({
  host: orOff(CircuitBreaker.CircuitBreaker),
  model: orOff(CircuitBreaker.CircuitBreaker)
}).annotations({ identifier: "effect-ollama/Policy/Breakers" })

/**
 * @since 0.1.0
 * @category models
 */
export type Breakers = typeof Breakers.Type

/** Every field possible by itself. */
const Parts = Schema.Struct({
  timeouts: Timeouts.Timeouts,
  retry: Retry.Retry,
  budget: orOff(RetryBudget.RetryBudget),
  breaker: orOff(Breakers),
  concurrency: orOff(Concurrency.Concurrency),
  throttle: orOff(Throttle.Throttle),
  hedging: orOff(Hedging.Hedging),
  fallback: Schema.Array(Fallback.Fallback),
  slow: orOff(Slow.Slow)
})

/** What cannot be meant, though every field is possible by itself. */
const contradictions = ({ breaker }: typeof Parts.Type): ReadonlyArray<Schema.FilterIssue> =>
  breaker === "off"
    ? []
    : (["host", "model"] as const).flatMap((which) => {
        const value = breaker[which]
        return value === "off"
          ? []
          : CircuitBreaker.contradictions(value).map(({ message, path }) => ({
              path: ["breaker", which, ...path],
              message
            }))
      })

/**
 * Everything that a client does about slow, refused and failed calls.
 *
 * @since 0.1.0
 * @category models
 */
export const Policy = Parts.pipe(Schema.filter(contradictions)).annotations({ identifier: "effect-ollama/Policy" })

/**
 * @since 0.1.0
 * @category models
 */
export type Policy = typeof Policy.Type

/**
 * A part of a policy, as a change of another; durations as "30 seconds", milliseconds, or a Duration. `"off"` switches a
 * part off; an object in the place of what is off begins with that part's defaults, so that `{}` switches it on. Arrays
 * are replaced whole.
 *
 * @since 0.1.0
 * @category models
 */
export interface Patch {
  readonly timeouts?: Timeouts.Patch | undefined
  readonly retry?: Retry.Patch | undefined
  readonly budget?: RetryBudget.Patch | "off" | undefined
  readonly breaker?:
    | {
        readonly host?: CircuitBreaker.Patch | "off" | undefined
        readonly model?: CircuitBreaker.Patch | "off" | undefined
      }
    | "off"
    | undefined
  readonly concurrency?: Concurrency.Patch | "off" | undefined
  readonly throttle?: Throttle.Patch | "off" | undefined
  readonly hedging?: Hedging.Patch | "off" | undefined
  readonly fallback?: ReadonlyArray<Fallback.Fallback> | undefined
  readonly slow?: Slow.Patch | "off" | undefined
}

const some = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.partialWith(Schema.Struct(fields), { exact: true })

const breaker = some({ ...CircuitBreaker.CircuitBreaker.fields, window: some(CircuitBreaker.Window.fields) })

/**
 * The Schema of a change, as JSON has it: every key may be absent, at every depth.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Changes = some({
  timeouts: some(Timeouts.Timeouts.fields),
  retry: some(Retry.Retry.fields),
  budget: orOff(
    some({
      ...RetryBudget.RetryBudget.fields,
      pool: orOff(some(RetryBudget.Pool.fields)),
      deposit: orOff(some(RetryBudget.Deposit.fields))
    })
  ),
  breaker: orOff(some({ host: orOff(breaker), model: orOff(breaker) })),
  concurrency: orOff(some({ ...Concurrency.Concurrency.fields, admission: orOff(some(Concurrency.Admission.fields)) })),
  throttle: orOff(some(Throttle.Throttle.fields)),
  hedging: orOff(some(Hedging.Hedging.fields)),
  fallback: Schema.Array(Fallback.Fallback),
  slow: orOff(some(Slow.Slow.fields))
}).annotations({ identifier: "effect-ollama/Policy/Changes" })

/**
 * A change that was checked.
 *
 * @since 0.1.0
 * @category models
 */
export type Changes = typeof Changes.Type

const options = { errors: "all", onExcessProperty: "error" } as const
const decodeChanges = Schema.decodeUnknownEither(Changes, options)
const validate = Schema.validateEither(Policy, options)
const encode = Schema.encodeSync(Parts)

/** Whether something is a whole policy: what its type says, the limits of its numbers, and that it does not contradict itself. */
export const checked = (policy: unknown): Either.Either<Policy, ParseResult.ParseError> =>
  Either.mapLeft(validate(policy), simplified)

/**
 * Checks a patch. The Left lists every unknown key and impossible value with its path.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeUnknownPatch = (patch: unknown): Either.Either<Changes, ParseResult.ParseError> =>
  Either.mapLeft(decodeChanges(Durations.written(patch)), simplified)

const over = <A extends object>(part: A, patch: Partial<A>): A => ({ ...part, ...patch })

const overBreaker = (
  part: CircuitBreaker.CircuitBreaker,
  { window, ...rest }: typeof breaker.Type
): CircuitBreaker.CircuitBreaker => ({ ...part, ...rest, window: { ...part.window, ...window } })

const overBreakers = (part: Breakers, { host, model }: Exclude<NonNullable<Changes["breaker"]>, "off">): Breakers => ({
  host: change(part.host, host, CircuitBreaker.hostDefaults, overBreaker),
  model: change(part.model, model, CircuitBreaker.modelDefaults, overBreaker)
})

/** A part that is not changed stays the same object. */
const apply = (policy: Policy, patch: Changes): Policy => ({
  timeouts: patch.timeouts === undefined ? policy.timeouts : over(policy.timeouts, patch.timeouts),
  retry: patch.retry === undefined ? policy.retry : over(policy.retry, patch.retry),
  budget: change(policy.budget, patch.budget, RetryBudget.defaults, RetryBudget.merge),
  breaker: change(policy.breaker, patch.breaker, breakers, overBreakers),
  concurrency: change(policy.concurrency, patch.concurrency, Concurrency.defaults, Concurrency.merge),
  throttle: change(policy.throttle, patch.throttle, Throttle.defaults, over),
  hedging: change(policy.hedging, patch.hedging, Hedging.defaults, over),
  fallback: patch.fallback ?? policy.fallback,
  slow: change(policy.slow, patch.slow, Slow.defaults, over)
})

const breakers: Breakers = { host: CircuitBreaker.hostDefaults, model: CircuitBreaker.modelDefaults }

/**
 * Automatic clocks and no limit on the whole, three attempts within a budget, a breaker for each host and for each model
 * on it, and as many calls at once as the server works on. Nothing is refused for its wait, hedged, or sent elsewhere. A
 * call that takes half of a limit, or four times what is expected, is logged while it runs.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Policy = {
  timeouts: Timeouts.defaults,
  retry: Retry.defaults,
  budget: RetryBudget.defaults,
  breaker: breakers,
  concurrency: Concurrency.defaults,
  throttle: "off",
  hedging: "off",
  fallback: [],
  slow: Slow.defaults
}

/**
 * A policy out of some of its parts; the rest is `Policy.defaults`. Throws a `ParseError` on an impossible value, as
 * constructors of Schema do.
 *
 * @example
 * ```ts
 * import { Policy } from "effect-ollama"
 *
 * const patient = Policy.make({
 *   timeouts: { load: "20 minutes" },
 *   retry: { attempts: 5 },
 *   breaker: { model: { openFor: "10 seconds" } }
 * })
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
  Either.flatMap(decodeUnknownPatch(patch), (decoded) => applyEither(policy, decoded))

/**
 * A policy with changes that were checked, the later ones winning. Fails when the whole cannot be meant.
 *
 * @since 0.1.0
 * @category combinators
 */
export const applyEither = (
  policy: Policy,
  ...changes: ReadonlyArray<Changes>
): Either.Either<Policy, ParseResult.ParseError> => {
  const merged = changes.reduce(apply, policy)
  return merged.breaker === policy.breaker || contradictions(merged).length === 0
    ? Either.right(merged)
    : validate(merged)
}

/** Editors look for the JSON Schema of a file under this key. */
const schemaKey = "$schema"

const withoutSchemaKey = (json: unknown): unknown => {
  if (!Predicate.isRecord(json) || typeof json[schemaKey] !== "string") return json
  const { [schemaKey]: _, ...rest } = json
  return rest
}

/**
 * A patch from its JSON, which may name its JSON Schema under `$schema`. The Left lists every unknown key and impossible
 * value with its path.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeUnknownFile = (json: unknown): Either.Either<Changes, ParseResult.ParseError> =>
  decodeUnknownPatch(withoutSchemaKey(json))

/**
 * A policy from its JSON: the rest is `Policy.defaults`; a key `$schema` may name the JSON Schema. Fails with a
 * `ParseError` that lists every unknown key and impossible value with its path.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromJson = (json: unknown): Effect.Effect<Policy, ParseResult.ParseError> =>
  Either.flatMap(decodeUnknownFile(json), (decoded) => applyEither(defaults, decoded))

/**
 * The policy as JSON; durations in milliseconds.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toJson = (policy: Policy): typeof Policy.Encoded => encode(policy)

/**
 * Whether two policies say the same.
 *
 * @since 0.1.0
 * @category getters
 */
export const equivalence = (a: Policy, b: Policy): boolean =>
  a === b || JSON.stringify(encode(a)) === JSON.stringify(encode(b))
