/** What is expected of a call. */
import type { Figures, Learnable, Predictions, Question } from "../Predictor.js"
import * as Estimate from "./estimate.js"
import * as Interval from "./interval.js"
import { positive } from "./observing.js"
import * as Priors from "./priors.js"
import * as State from "./state.js"

/** What a server does at once when it was not told otherwise (`OLLAMA_NUM_PARALLEL`). */
const usualParallel = 1

/** A call that finds room may have to wait for those of others, where more than this share of them did. */
const crowded = 0.05

interface Facts {
  readonly state: State.State
  readonly question: Question
  readonly here: State.OnHost
  readonly model: State.Model
  readonly gigabytes: number | undefined
}

const factsOf = (state: State.State, question: Question): Facts => {
  const here = State.onHost(State.host(state, question.host), question.model)
  const model = State.model(state, question.model)
  return { state, question, here, model, gigabytes: positive(question.gigabytes) ?? here.gigabytes ?? model.gigabytes }
}

const loading = ({ gigabytes, here, question: { at, host, model }, state }: Facts): Interval.Interval | undefined => {
  const prior = Priors.loading(state, host, model, gigabytes, at)
  const forecast = Estimate.forecast(here.loading, prior, at)
  return forecast === undefined
    ? undefined
    : Interval.of({ ...forecast, samples: Math.max(forecast.samples, prior?.samples ?? 0) })
}

const rate = (
  { gigabytes, here, question: { at, host, model }, state }: Facts,
  phase: "prompt" | "generating"
): Estimate.Forecast | undefined =>
  Estimate.forecast(here[phase], Priors.rate(state, host, model, phase, gigabytes, at), at)

const divided = (
  amount: Estimate.Forecast | undefined,
  rate: Estimate.Forecast | undefined
): Interval.Interval | undefined =>
  amount === undefined || rate === undefined ? undefined : Interval.of(Interval.over(amount, rate))

const promptTokens = ({ model, question }: Facts): Estimate.Forecast | undefined => {
  const tokens = positive(question.promptTokens)
  if (tokens !== undefined) return Interval.exactly(tokens)
  const length = positive(question.promptCharacters)
  const characters = Estimate.forecast(model.characters, Priors.characters, question.at)
  if (length === undefined || characters === undefined) return undefined
  // the samples of the rate matter more
  return { ...Interval.over(Interval.exactly(length), characters), samples: Number.POSITIVE_INFINITY }
}

const answerTokens = ({ model, question }: Facts): Estimate.Forecast | undefined => {
  const tokens = positive(question.answerTokens)
  return tokens === undefined
    ? Estimate.forecast(model.answer, undefined, question.at, Priors.answerSpread)
    : Interval.exactly(tokens)
}

/** With no more tokens than the call asks for. */
const capped = (interval: Interval.Interval | undefined, most: Interval.Interval | undefined) =>
  interval === undefined || most === undefined
    ? interval
    : {
        ...interval,
        expected: Math.min(interval.expected, most.expected),
        low: Math.min(interval.low, most.low),
        high: Math.min(interval.high, most.high)
      }

const generating = (facts: Facts): Interval.Interval | undefined => {
  const speed = rate(facts, "generating")
  const limit = positive(facts.question.answerLimit)
  const most = limit === undefined ? undefined : divided(Interval.exactly(limit), speed)
  return capped(divided(answerTokens(facts), speed), most)
}

const queued = ({ here, question: { ahead, at } }: Facts): Interval.Interval | undefined => {
  const work = Estimate.forecast(here.service, undefined, at)
  if (ahead === undefined || !(ahead >= 0) || work === undefined) return undefined
  const service = Interval.of(work)
  const parallel = here.parallel?.most ?? usualParallel
  if (ahead < parallel) {
    const { mean, weight } = Estimate.faded(here.crowd, at)
    const isCrowded = weight >= 1 && mean > crowded
    return { expected: 0, low: 0, high: isCrowded ? service.high : 0, samples: weight }
  }
  // so many have to end first, and the first of them is, on average, half done
  const turns = Math.min(Number.MAX_SAFE_INTEGER, ahead - parallel + 1)
  return {
    expected: ((turns - 0.5) * service.expected) / parallel,
    low: ((turns - 1) * service.low) / parallel,
    high: (turns * service.high) / parallel,
    samples: service.samples
  }
}

const together = (parts: ReadonlyArray<Interval.Interval | undefined>): Interval.Interval | undefined => {
  const known = parts.filter((part) => part !== undefined)
  return known.length === parts.length ? Interval.sum(known) : undefined
}

/** Of one phase, in milliseconds, with the tokens that the question tells. */
export const phase = (state: State.State, question: Question, name: Learnable): Interval.Interval | undefined => {
  const facts = factsOf(state, question)
  switch (name) {
    case "loading":
      return loading(facts)
    case "prompt":
      return divided(promptTokens(facts), rate(facts, "prompt"))
    case "generating":
      return generating(facts)
  }
}

const told = (interval: Interval.Interval | undefined) =>
  interval === undefined ? undefined : Interval.prediction(interval)

export const predict = (state: State.State, question: Question): Predictions => {
  const facts = factsOf(state, question)
  const load = loading(facts)
  const wait = queued(facts)
  const prompt = divided(promptTokens(facts), rate(facts, "prompt"))
  const answer = generating(facts)
  const firstToken = together([wait ?? Interval.zero, question.isCold ? load : Interval.zero, prompt])
  return {
    loading: told(load),
    queued: told(wait),
    prompt: told(prompt),
    generating: told(answer),
    firstToken: told(firstToken),
    total: told(together([firstToken, answer]))
  }
}

/** The usual value. */
const typical = (estimate: Estimate.Estimate, at: number): number | undefined => {
  const { mean, weight } = Estimate.faded(estimate, at)
  return weight < Estimate.negligible ? undefined : Math.exp(mean)
}

export const figures = (state: State.State, question: Question): Figures => {
  const { gigabytes, here, model } = factsOf(state, question)
  const { at, host } = question
  return {
    gigabytes,
    loadRate: typical(State.host(state, host).loading, at),
    promptRate: typical(here.prompt, at),
    generationRate: typical(here.generating, at),
    answerTokens: typical(model.answer, at),
    charactersPerToken: typical(model.characters, at),
    parallel: here.parallel?.most,
    hasQueue: here.parallel?.hasQueue === true,
    inFlight: typical(here.inFlight, at)
  }
}
