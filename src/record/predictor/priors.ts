/**
 * What to think of a model on a host before it has run there: what this host does with other models, else what other
 * hosts do, else the defaults of the resilience notes, 5.5.
 */
import * as Estimate from "./estimate.js"
import * as State from "./state.js"

/** 10^9 bytes, and tokens, a second. */
export const defaults = { loading: 0.5, prompt: 500, generating: 30 }

/** Characters for each token of English text. */
const charactersPerToken = 4

/**
 * How far what is not this host and this model may be from it, as the standard deviation of a logarithm. Nine of ten are
 * within a factor of 2.3 for models of one host, by their size; 3.7 for other hosts; 7 for the defaults; 1.6 for the
 * tokens of a text.
 */
const doubts = { models: 0.5, hosts: 0.8, defaults: 1.2, characters: 0.3 }

type Rate = "prompt" | "generating"

/** The logarithm of what the size multiplies; a size that is not known does not. */
const logSize = (gigabytes: number | undefined): number => (gigabytes === undefined ? 0 : Math.log(gigabytes))

/** The mean of what other hosts show, and how far another may be from it. */
const elsewhere = (
  state: State.State,
  name: string,
  now: number,
  of: (host: State.Host) => Estimate.Estimate
): Estimate.Prior | undefined => {
  let sum = 0
  let count = 0
  for (const other of Object.keys(state.hosts)) {
    if (other === name) continue
    const { mean, weight } = Estimate.faded(of(State.host(state, other)), now)
    if (weight < Estimate.negligible) continue
    sum += mean
    count++
  }
  return count === 0 ? undefined : { mean: sum / count, doubt: doubts.hosts }
}

/** 10^9 bytes a second, of a host. */
export const loadRate = (state: State.State, name: string, now: number): Estimate.Prior =>
  elsewhere(state, name, now, (host) => host.loading) ?? {
    mean: Math.log(defaults.loading),
    doubt: doubts.defaults
  }

/** Of seconds to load a model of this size; undefined where nothing at all says how long. */
export const loading = (
  state: State.State,
  name: string,
  model: string,
  gigabytes: number | undefined,
  now: number
): (Estimate.Prior & { readonly samples: number }) | undefined => {
  if (gigabytes === undefined) {
    const other = elsewhere(state, name, now, (host) => State.onHost(host, model).loading)
    return other === undefined ? undefined : { ...other, samples: 0 }
  }
  const rate = Estimate.forecast(State.host(state, name).loading, loadRate(state, name, now), now)
  if (rate === undefined) return undefined
  return {
    mean: logSize(gigabytes) - rate.mean,
    doubt: Math.hypot(rate.doubt, doubts.characters),
    samples: rate.samples
  }
}

/** Of tokens a second. */
export const rate = (
  state: State.State,
  name: string,
  model: string,
  phase: Rate,
  gigabytes: number | undefined,
  now: number
): Estimate.Prior => {
  const size = logSize(gigabytes)
  if (gigabytes !== undefined) {
    const here = Estimate.forecast(State.host(state, name)[phase], undefined, now)
    if (here !== undefined) return { mean: here.mean - size, doubt: Math.hypot(here.doubt, doubts.models) }
  }
  const same = elsewhere(state, name, now, (host) => State.onHost(host, model)[phase])
  if (same !== undefined) return same
  const bySize = gigabytes === undefined ? undefined : elsewhere(state, name, now, (host) => host[phase])
  if (bySize !== undefined) return { mean: bySize.mean - size, doubt: Math.hypot(bySize.doubt, doubts.models) }
  return { mean: Math.log(defaults[phase]), doubt: doubts.defaults }
}

export const characters: Estimate.Prior = { mean: Math.log(charactersPerToken), doubt: doubts.characters }

/** Answers of one model differ more from each other than its speed does: nine of ten within a factor of 4. */
export const answerSpread = 0.8
