/** What is kept of each host and model: a bounded, plain value. */
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Estimate from "./estimate.js"

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

/**
 * How many calls a server answers at once: the most that were there without one that waited, and how often since then one
 * has waited among no more of them. `hasQueue`: one has waited among more of them, or too often: it is not only the most that
 * there were to see.
 */
export const Parallel = Schema.Struct({ most: Schema.Int, misses: Schema.Int, hasQueue: optional(Schema.Boolean) })

/** A model on a host. Rates in tokens a second, times in seconds, all as logarithms. */
export const OnHost = Schema.Struct({
  at: Schema.Finite,
  gigabytes: optional(Schema.Finite),
  loading: Estimate.Estimate,
  prompt: Estimate.Estimate,
  generating: Estimate.Estimate,
  /** Seconds of a call at the server, without waits and loads. */
  service: Estimate.Estimate,
  /** Calls of this client at the same time. */
  inFlight: Estimate.Estimate,
  /** 1 for a call that waited in the server though this client left it room, else 0; not a logarithm. */
  crowd: Estimate.Estimate,
  parallel: optional(Parallel)
})

export type OnHost = typeof OnHost.Type

/** A host: what its models have in common, and each of them. */
export const Host = Schema.Struct({
  at: Schema.Finite,
  /** 10^9 bytes a second. */
  loading: Estimate.Estimate,
  /** Tokens a second times 10^9 bytes: a model of twice the size is half as fast. */
  prompt: Estimate.Estimate,
  generating: Estimate.Estimate,
  models: Schema.Record({ key: Schema.String, value: OnHost })
})

export type Host = typeof Host.Type

/** A model, wherever it runs. */
export const Model = Schema.Struct({
  at: Schema.Finite,
  gigabytes: optional(Schema.Finite),
  /** Tokens. */
  answer: Estimate.Estimate,
  /** Characters of a prompt for each token. */
  characters: Estimate.Estimate
})

export type Model = typeof Model.Type

export const State = Schema.Struct({
  version: Schema.Literal(1),
  hosts: Schema.Record({ key: Schema.String, value: Host }),
  models: Schema.Record({ key: Schema.String, value: Model })
}).annotations({ identifier: "effect-ollama/Predictor" })

export type State = typeof State.Type

export const empty: State = { version: 1, hosts: {}, models: {} }

/** So many are remembered: of hosts, of models on each, of models. */
export const limits = { hosts: 512, models: 64 }

const { none } = Estimate

const noHost: Host = { at: 0, loading: none, prompt: none, generating: none, models: {} }

const notOnHost: OnHost = {
  at: 0,
  loading: none,
  prompt: none,
  generating: none,
  service: none,
  inFlight: none,
  crowd: none
}

const noModel: Model = { at: 0, answer: none, characters: none }

/** The own property, and not one that every object has, like `constructor`. */
export const lookUp = <A>(all: { readonly [key: string]: A }, key: string): A | undefined =>
  Object.hasOwn(all, key) ? all[key] : undefined

export const host = (state: State, name: string): Host => lookUp(state.hosts, name) ?? noHost

export const onHost = ({ models }: Host, model: string): OnHost => lookUp(models, model) ?? notOnHost

export const model = (state: State, name: string): Model => lookUp(state.models, name) ?? noModel

/** With the value; where there are too many, without the one that was not heard of for the longest time. */
const put = <A extends { readonly at: number }>(
  all: { readonly [key: string]: A },
  key: string,
  value: A,
  limit: number
): { readonly [key: string]: A } => {
  if (Object.hasOwn(all, key) || Object.keys(all).length < limit) return { ...all, [key]: value }
  const [oldest] = Object.entries(all).reduce((least, entry) => (entry[1].at < least[1].at ? entry : least))
  return { ...Record.remove(all, oldest), [key]: value }
}

export const withHost = (state: State, name: string, value: Host): State => ({
  ...state,
  hosts: put(state.hosts, name, value, limits.hosts)
})

export const withOnHost = (known: Host, name: string, value: OnHost): Host => ({
  ...known,
  models: put(known.models, name, value, limits.models)
})

export const withModel = (state: State, name: string, value: Model): State => ({
  ...state,
  models: put(state.models, name, value, limits.models)
})

export const without = (state: State, name: string, ofModel: string | undefined): State => {
  if (ofModel === undefined) return { ...state, hosts: Record.remove(state.hosts, name) }
  const known = lookUp(state.hosts, name)
  if (known === undefined) return state
  return { ...state, hosts: { ...state.hosts, [name]: { ...known, models: Record.remove(known.models, ofModel) } } }
}
