/** One run: a contestant in a scenario, with a seed. */
import * as field from "./field.js"
import { figures, type Figures } from "./metrics.js"
import { play } from "./play.js"
import { scenarios } from "./scenarios.js"
import { traffic } from "./traffic.js"

export interface Job {
  readonly scenario: string
  readonly contestant: string
  readonly seed: number
  readonly requests: number
}

/** Always the same for the same job. */
export const run = async ({ contestant: name, requests: count, scenario: id, seed }: Job): Promise<Figures> => {
  const scenario = scenarios.find((each) => each.id === id)
  const contestant = field.find(name)
  if (scenario === undefined || contestant === undefined) throw new Error(`there is no ${id} or no ${name}`)
  const requests = traffic(scenario, count, seed)
  const played =
    contestant._tag === "Reference"
      ? contestant.play(scenario, requests, seed)
      : await play(contestant, scenario, requests, seed)
  return figures(scenario, requests, played)
}
