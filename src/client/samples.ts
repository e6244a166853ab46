/** What a call shows of its host and model, and what can be asked of it: between its trail and what is learned. */
import * as Duration from "effect/Duration"
import type * as Predictor from "../record/Predictor.js"
import type { Journal } from "./journal.js"
import * as Residency from "./residency.js"
import * as Timing from "./timing.js"
import type { Trail } from "./trail.js"

/** Characters of a token, until it is known better: a rule of thumb for English. */
const charactersPerToken = 4

const isGenerated = ({ facts }: Journal): boolean => facts.kind === "generation" || facts.kind === "embedding"

/** What a call that was answered has shown; nothing where the server told no times, as of what the cloud answered. */
export const ofAnswer = (journal: Journal, now: number): Predictor.Sample | undefined => {
  const trail = journal.current()
  const timing = Timing.of(trail?.last)
  if (trail?.model === undefined || trail.isElsewhere || timing === undefined || !isGenerated(journal)) return undefined
  const tokens = Timing.tokens(trail.last)
  const isEmbedding = journal.facts.kind === "embedding"
  const inServer = Timing.queued(timing)
  return {
    host: trail.host,
    model: Residency.normalName(trail.model),
    at: now,
    // the time that vectors take is not told apart from the wait for it
    queued: isEmbedding ? undefined : Duration.millis(inServer),
    prompt: Duration.millis(isEmbedding ? inServer + timing.prompt : timing.prompt),
    generating: isEmbedding ? undefined : Duration.millis(timing.generation),
    promptCharacters: journal.facts.characters,
    promptTokens: tokens.prompt,
    answerTokens: tokens.generated,
    inFlight: trail.inFlight
  }
}

/** What is to be asked of a call: with its tokens as far as they are known. */
export const question = (
  journal: Journal,
  trail: Trail,
  gigabytes: number | undefined,
  now: number
): Predictor.Question => {
  const tokens = Timing.tokens(trail.last)
  return {
    host: trail.host,
    model: Residency.normalName(trail.model ?? ""),
    at: now,
    gigabytes,
    isCold: trail.wasResident === false || trail.loadedBy(now) > 0,
    promptCharacters: journal.facts.characters,
    promptTokens: tokens.prompt,
    answerTokens: tokens.generated,
    answerLimit: journal.facts.answerLimit,
    ahead: trail.inFlight === undefined ? undefined : trail.inFlight - 1
  }
}

/** How far a call is that still runs: the phases that it has behind it, and the one that it is in. */
export const ofRunning = (
  journal: Journal,
  trail: Trail,
  now: number,
  figures: Predictor.Figures
): Predictor.Sample | undefined => {
  const { firstAt, model, sentAt } = trail
  if (model === undefined || sentAt === undefined || journal.facts.kind !== "generation") return undefined
  const perToken = figures.charactersPerToken ?? charactersPerToken
  // on the clock of a load, the prompt has not begun
  const prompt = firstAt === undefined && trail.stage === "load" ? undefined : (firstAt ?? now) - sentAt
  return {
    host: trail.host,
    model: Residency.normalName(model),
    at: now,
    prompt: prompt === undefined ? undefined : Duration.millis(prompt),
    promptTokens: Math.ceil(journal.facts.characters / perToken),
    generating: firstAt === undefined ? undefined : Duration.millis(now - firstAt),
    answerTokens: firstAt === undefined ? undefined : trail.came().values
  }
}
