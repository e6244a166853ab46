/** What is compared with, and cannot exist. */
import type { Reference } from "../contestant.js"
import * as balance from "./balance.js"
import * as pool from "./pool.js"

export const clairvoyant: Reference = {
  _tag: "Reference",
  name: "clairvoyant greedy",
  says: "knows what every machine is doing and for how long, and takes the one that is done first; looks no request ahead",
  play: (scenario, requests) =>
    balance.play(
      {
        attempts: 3,
        score: ({ host, isUp }, { answer, model, prompt }, { models }) =>
          isUp ? host.waitFor(models[model]!) + host.workOf({ prompt, answer }) : 1e9
      },
      scenario,
      requests
    )
}

export const pooled: Reference = {
  _tag: "Reference",
  name: "one line, no loads",
  says: "one line for the slots of all machines, where no model needs loading and outages are foreseen",
  play: (scenario, requests) => pool.play(scenario, requests)
}

export const pooledShedding: Reference = {
  _tag: "Reference",
  name: "one line, no loads, shedding",
  says: "the same, giving up what has waited for 9 seconds",
  play: (scenario, requests) => pool.play(scenario, requests, 9)
}

/** Fewest requests in flight, on the model: to be compared with the same over the simulated servers. */
export const leastConnections: Reference = {
  _tag: "Reference",
  name: "least connections, on the model",
  says: "fewest requests in flight",
  play: (scenario, requests) =>
    balance.play(
      {
        attempts: 4,
        score: ({ inFlight, index }, _, { machines }, turn) => {
          const count = machines.length
          return inFlight + 0.001 * ((((index - turn) % count) + count) % count)
        }
      },
      scenario,
      requests
    )
}

export const references = [clairvoyant, pooled, pooledShedding]
