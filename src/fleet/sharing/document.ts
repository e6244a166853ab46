/**
 * What clients tell each other of a host: a small JSON document, in which each client has a part of its own. Nothing of a
 * call is in it, and nothing that was sent along: names of models, and figures.
 *
 * Each part holds what that client has seen itself, never what it was told: so nobody's samples count twice, however often
 * they are passed on, and the newer part of a client takes the place of the older one.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Estimates from "../../record/predictor/estimate.js"

/** So many are kept: of clients in a document, of models in a part (the newest stay), of characters in a name. */
export const limits = { clients: 16, models: 16, name: 256 }

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** Milliseconds on the clock of the client; the most that a Date can be. */
const Moment = Schema.Number.pipe(Schema.between(0, 8.64e15))
/** No more than the last hundred samples count, and no logarithm of a real figure is beyond 60. */
const Weight = Schema.Number.pipe(Schema.between(0, 101))
const Logarithm = Schema.Number.pipe(Schema.between(-60, 60))
const Gigabytes = Schema.Number.pipe(Schema.between(0, 1e6))

/** `record/predictor/estimate.ts`, in the order of its fields: weight, squares, mean, spread, at. */
const Estimate = Schema.Tuple(Weight, Weight, Logarithm, Schema.Number.pipe(Schema.between(0, 1e6)), Moment)

export type Estimate = typeof Estimate.Type

/** A breaker that is open: since when, until when, and the tag of the failure that opened it. */
const Open = Schema.Struct({
  since: Moment,
  until: Moment,
  cause: Schema.String.pipe(Schema.pattern(/^[A-Za-z]{1,40}$/))
})

const Model = Schema.Struct({
  name: Schema.String.pipe(Schema.maxLength(limits.name)),
  /** When something was last seen of it. */
  at: Moment,
  /** When a call of it, or a load, has last ended well. */
  answeredAt: optional(Moment),
  gigabytes: optional(Gigabytes),
  loading: optional(Estimate),
  prompt: optional(Estimate),
  generating: optional(Estimate),
  /** Tokens of an answer, and characters of a token: of this model anywhere. */
  answer: optional(Estimate),
  characters: optional(Estimate),
  /** How many calls were seen to be worked on at once, and whether a queue has shown that there is a limit. */
  parallel: optional(
    Schema.Struct({ parallelism: Schema.Int.pipe(Schema.between(1, 10_000)), hasQueue: Schema.Boolean })
  ),
  open: optional(Open)
})

export type Model = typeof Model.Type

const Part = Schema.Struct({
  /** By chance, and another each time a client is made. */
  id: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{16}$/)),
  /** When it was written. */
  at: Moment,
  loading: optional(Estimate),
  prompt: optional(Estimate),
  generating: optional(Estimate),
  /** The most that was seen to fit, the least that did not, and when a model was last put out for another. */
  memory: optional(Schema.Struct({ most: Gigabytes, tooMuch: optional(Gigabytes), putOutAt: Moment })),
  /** Since when it does not answer this client. */
  down: optional(Schema.Struct({ since: Moment })),
  open: optional(Open),
  /** When it last answered this client, roughly. */
  answeredAt: optional(Moment),
  models: Schema.Array(Model).pipe(Schema.maxItems(limits.models))
})

export type Part = typeof Part.Type

export const Document = Schema.Struct({
  version: Schema.Literal(1),
  clients: Schema.Array(Part).pipe(Schema.maxItems(limits.clients))
})

export type Document = typeof Document.Type

export const empty: Document = { version: 1, clients: [] }

const decode = Schema.decodeUnknownEither(Document)

/** Nothing where it is none. */
export const read = (value: unknown): Document | undefined => {
  try {
    return Either.getOrUndefined(decode(value))
  } catch {
    // a getter or a proxy that throws: it did not come out of JSON, and is no document either
    return undefined
  }
}

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4

/** Nothing of what is nothing, or beyond what anybody would believe. */
export const written = (estimate: Estimates.Estimate): Estimate | undefined => {
  const { at, mean, spread, squares, weight } = estimate
  if (!(weight > 0)) return undefined
  const one: Estimate = [rounded(weight), rounded(squares), rounded(mean), rounded(spread), Math.round(at)]
  return Schema.is(Estimate)(one) ? one : undefined
}

export const estimate = ([weight, squares, mean, spread, at]: Estimate): Estimates.Estimate => ({
  weight,
  squares,
  mean,
  spread,
  at
})
