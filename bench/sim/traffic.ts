/** Who asks for what and when: the same for every contestant. */
import { dice, exponential, logNormal, weighted } from "./dice.js"
import { capacity, promptMean, type Scenario } from "./scenario.js"

export interface Request {
  readonly id: number
  /** Milliseconds. */
  readonly at: number
  /** Index. */
  readonly model: number
  /** Tokens. */
  readonly prompt: number
  /** Tokens. */
  readonly answer: number
  /** Which of the clients gets it. */
  readonly client: number
  /** Index of the fault of the scenario that strikes it. */
  readonly struckBy: number | undefined
}

const strike = (scenario: Scenario, next: () => number): number | undefined => {
  let left = next()
  const found = scenario.struck?.findIndex(({ share }) => (left -= share) < 0) ?? -1
  return found < 0 ? undefined : found
}

/** All requests in the order of their arrival. */
export const traffic = (scenario: Scenario, count: number, seed: number): ReadonlyArray<Request> => {
  const arrivals = dice(seed * 7919 + 17)
  const faults = dice(seed * 15485863 + 3)
  const rate = scenario.load * capacity(scenario)
  const weights = scenario.models.map(({ weight }) => weight)
  const requests: Array<Request> = []
  let second = 0
  for (let id = 0; id < count; id++) {
    const model = weighted(arrivals, weights)
    const { longPrompts } = scenario
    const prompt = logNormal(arrivals, promptMean, 0.8)
    const isLong = longPrompts !== undefined && arrivals() < longPrompts.share
    requests.push({
      id,
      at: Math.round(second * 1000),
      model,
      prompt: Math.max(20, Math.round(isLong ? longPrompts.tokens : prompt)),
      answer: Math.max(5, Math.round(logNormal(arrivals, scenario.models[model]!.answer, 0.6))),
      client: Math.floor(arrivals() * (scenario.clients ?? 1)),
      struckBy: strike(scenario, faults)
    })
    const [from, to, factor] = scenario.burst ?? [0, 0, 1]
    second += exponential(arrivals, rate * (second > from && second < to ? factor : 1))
  }
  return requests
}
