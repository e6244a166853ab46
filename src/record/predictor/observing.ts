/** What a sample teaches. */
import * as Duration from "effect/Duration"
import type { Learnable, Sample } from "../Predictor.js"
import * as Estimate from "./estimate.js"
import * as Priors from "./priors.js"
import * as State from "./state.js"

/** A phase that a detector suspects is learned so much more slowly: a host that gets slower must not become the norm unnoticed. */
const suspected = 0.1

/**
 * A prompt that is read so many times faster than usual was still in the server's memory, from the turn before. It counts
 * so little, because the rate is that of prompts that have to be read.
 */
const remembered = { faster: 4, count: 0.1 }

/** Below so many tokens, what is measured is rather what every call costs. */
const tellingTokens = { prompt: 100, generating: 20 }

/** Beyond such a change of its size, a model is another one, and what was known of it counts as so many samples. */
const sizeChange = 1.5
const remains = 0.25

/** What the server waits for is seen by a wait of more than a tenth of the work (resilience notes, 2.11). */
const noticeable = 0.1
const patience = 3

/** More at once than any server answers. */
const mostCalls = 10_000

/** A positive, finite figure, or nothing. */
export const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 && Number.isFinite(value) ? value : undefined

export const seconds = (duration: Duration.Duration | undefined): number | undefined =>
  duration === undefined ? undefined : positive(Duration.toMillis(duration) / 1000)

const log = (value: number | undefined): number => (value === undefined ? Number.NaN : Math.log(value))

const perSecond = (amount: number | undefined, duration: Duration.Duration | undefined): number =>
  log(positive(amount)) - log(seconds(duration))

/** Of the old state, with the sample's size. */
const resized = (known: State.OnHost, gigabytes: number | undefined): State.OnHost => {
  if (gigabytes === undefined) return known
  const before = known.gigabytes ?? gigabytes
  const isOther = gigabytes > before * sizeChange || before > gigabytes * sizeChange
  if (!isOther) return { ...known, gigabytes }
  return {
    ...known,
    gigabytes,
    loading: Estimate.softened(known.loading, remains),
    prompt: Estimate.softened(known.prompt, remains),
    generating: Estimate.softened(known.generating, remains)
  }
}

const isFromMemory = (known: Estimate.Estimate, x: number, at: number): boolean =>
  Estimate.faded(known, at).weight >= 1 && x > known.mean + Math.log(remembered.faster)

const parallel = (
  known: State.OnHost["parallel"],
  inFlight: number,
  hasWaited: boolean
): NonNullable<State.OnHost["parallel"]> => {
  const { hasQueue, misses = 0, most = 1 } = known ?? {}
  const shown = hasQueue === undefined ? {} : { hasQueue }
  if (!hasWaited) return inFlight >= most ? { most: inFlight, misses: 0, ...shown } : { most, misses, ...shown }
  if (inFlight > most) return { most, misses, hasQueue: true }
  return misses + 1 < patience
    ? { most, misses: misses + 1, ...shown }
    : { most: Math.max(1, inFlight - 1), misses: 0, hasQueue: true }
}

/** What is seen of the server's queue. */
const queue = (known: State.OnHost, sample: Sample, service: number | undefined): State.OnHost => {
  const inFlight = positive(sample.inFlight)
  if (inFlight === undefined) return known
  const next = { ...known, inFlight: Estimate.learn(known.inFlight, Math.log(inFlight), sample.at) }
  if (sample.queued === undefined || service === undefined) return next
  const hasWaited = (seconds(sample.queued) ?? 0) > noticeable * service
  const hadRoom = inFlight <= (known.parallel?.most ?? 1)
  return {
    ...next,
    crowd: hadRoom ? Estimate.learn(known.crowd, hasWaited ? 1 : 0, sample.at) : known.crowd,
    parallel: parallel(known.parallel, Math.min(mostCalls, Math.round(inFlight)), hasWaited)
  }
}

const later = (known: { readonly at: number }, at: number): number => (at > known.at ? at : known.at)

export const observe = (state: State.State, sample: Sample): State.State => {
  const { answerTokens, at, generating, host, loading, model, prompt, promptCharacters, promptTokens } = sample
  const counts = (phase: Learnable): number => (sample.suspect?.includes(phase) === true ? suspected : 1)
  const known = State.host(state, host)
  const ofModel = State.model(state, model)
  const gigabytes = positive(sample.gigabytes)
  const here = resized(State.onHost(known, model), gigabytes)
  const size = log(gigabytes ?? here.gigabytes ?? ofModel.gigabytes)

  const promptRate = perSecond(promptTokens, prompt)
  const promptCount =
    counts("prompt") *
    Math.min(1, (promptTokens ?? 0) / tellingTokens.prompt) *
    (isFromMemory(here.prompt, promptRate, at) ? remembered.count : 1)
  const rate = perSecond(answerTokens, generating)
  const rateCount = counts("generating") * Math.min(1, (answerTokens ?? 0) / tellingTokens.generating)
  const loadCount = counts("loading")
  const loadSeconds = log(seconds(loading))
  const work = (seconds(prompt) ?? 0) + (seconds(generating) ?? 0)
  const service = generating === undefined ? undefined : positive(work)

  const nowHere: State.OnHost = {
    ...queue(here, sample, service),
    at: later(here, at),
    loading: Estimate.learn(here.loading, loadSeconds, at, loadCount),
    prompt: Estimate.learn(here.prompt, promptRate, at, promptCount),
    generating: Estimate.learn(here.generating, rate, at, rateCount),
    service: Estimate.learn(here.service, log(service), at)
  }
  const nowHost: State.Host = {
    ...known,
    at: later(known, at),
    loading: Estimate.learn(known.loading, size - loadSeconds, at, loadCount),
    prompt: Estimate.learn(known.prompt, promptRate + size, at, promptCount),
    generating: Estimate.learn(known.generating, rate + size, at, rateCount)
  }
  const nowModel: State.Model = {
    ...ofModel,
    at: later(ofModel, at),
    ...(gigabytes === undefined ? {} : { gigabytes }),
    answer: Estimate.learn(
      ofModel.answer,
      log(generating === undefined ? undefined : positive(answerTokens)),
      at,
      1,
      Priors.answerSpread
    ),
    characters: Estimate.learn(ofModel.characters, log(positive(promptCharacters)) - log(positive(promptTokens)), at)
  }
  return State.withModel(State.withHost(state, host, State.withOnHost(nowHost, model, nowHere)), model, nowModel)
}
