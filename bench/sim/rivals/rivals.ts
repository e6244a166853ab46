/** What others do, by their rules as they are documented or as their code has them: models of them, not their code. */
import { dice } from "../dice.js"
import { player } from "./player.js"
import type { Known, Rules } from "./rules.js"

const seconds = (n: number): number => n * 1000

const none = () => 0

/** Full jitter, from a quarter of a second, up to 8 seconds. */
const fullJitter = (attempts: number, random: () => number): number =>
  Math.min(8000, 250 * 2 ** (attempts - 1)) * random()

const inTurn = ({ index }: Known, turn: number, count: number): number => (((index - turn) % count) + count) % count

const least: Rules["score"] = (host, { hosts, turn }) => host.inFlight + 0.001 * inTurn(host, turn, hosts.length)

/** Olla: refused connections move on and mark the host down, a timeout ends the request and feeds a breaker of five. */
const olla = {
  score: least,
  attempts: 4,
  backoff: none,
  avoidsTried: true,
  connectLimit: seconds(30),
  timeoutsAreFinal: true,
  health: seconds(30),
  cooldown: (host: Known, isTimeout: boolean) => (isTimeout && host.timeouts < 5 ? undefined : seconds(30))
} satisfies Partial<Rules>

const decayed = (host: Known, now: number): number => host.ewma * Math.exp(-(now - host.ewmaAt) / seconds(10))

/** What is bad counts within this many milliseconds. */
const window = 60_000

export const rivals: ReadonlyArray<Rules> = [
  {
    name: "random, no retry",
    says: "open-webui: a host by lot, one attempt",
    score: (_, { random }) => random(),
    attempts: 1,
    backoff: none,
    avoidsTried: false,
    connectLimit: seconds(2)
  },
  {
    name: "round robin, 2 retries",
    says: "in turn, three attempts with jitter",
    score: (host, { hosts, turn }) => inTurn(host, turn, hosts.length),
    attempts: 3,
    backoff: fullJitter,
    avoidsTried: false,
    connectLimit: seconds(2)
  },
  {
    ...olla,
    name: "least connections, Olla without its header timeout",
    says: "fewest requests in flight; timeouts end a request, refused connections move on"
  },
  {
    ...olla,
    name: "least connections, Olla's defaults",
    says: "the same, and 30 seconds for the headers",
    firstByteLimit: seconds(30)
  },
  {
    name: "least connections, 30 s and failover",
    says: "what gateways do: 30 seconds for the first byte, then another host",
    score: least,
    attempts: 4,
    backoff: none,
    avoidsTried: true,
    connectLimit: seconds(2),
    firstByteLimit: seconds(30),
    cooldown: () => seconds(30)
  },
  {
    name: "P2C peak-EWMA with accrual",
    says: "Finagle: the better of two by time and load; five failures in a row leave a host alone for a growing time",
    score: (host, { now }) =>
      host.answered > 0 || host.inFlight === 0 ? decayed(host, now) * (host.inFlight + 1) : 1e9 + host.inFlight,
    ofTwo: true,
    attempts: 3,
    backoff: fullJitter,
    avoidsTried: false,
    connectLimit: seconds(2),
    cooldown: ({ cooldowns, failures }) =>
      failures >= 5 ? Math.min(seconds(300), seconds(5) * 2 ** cooldowns) : undefined
  },
  {
    name: "weighted random with cooldown",
    says: "LiteLLM: by lot and weight; 5 seconds of rest where more than half of a minute's calls failed",
    score: (host, { random }) => -Math.log(1 - random()) / (host.machine.slots * host.machine.tokenRate),
    attempts: 3,
    backoff: none,
    avoidsTried: false,
    connectLimit: seconds(2),
    cooldown: ({ ends }, _, now) => {
      while (ends.length > 0 && ends[0]!.at < now - window) ends.shift()
      const bad = ends.filter(({ isDone }) => !isDone).length
      return ends.length >= 5 && bad > ends.length / 2 ? seconds(5) : undefined
    }
  },
  {
    name: "model hash",
    says: "sticky: a model is always asked for at the same host, the next one when it fails",
    score: ({ index }, { request }) => dice(request.model * 131 + index * 7919)(),
    attempts: 3,
    backoff: fullJitter,
    avoidsTried: true,
    connectLimit: seconds(2),
    cooldown: () => seconds(30)
  },
  {
    name: "additive score",
    says: "as ollama-herd: points for a model in memory, against them for what is in flight; memory is looked at every 5 seconds",
    score: (host, { random, request, scenario }) => {
      const isHot = host.resident.has(scenario.models[request.model]!.name)
      const p75 = (host.ewma || 6000) / 1000
      const queue = Math.min(30, 6 * host.inFlight) + Math.min(25, (host.inFlight * p75) / 10)
      return -((isHot ? 50 : 10) + 15 - queue) + 0.01 * random()
    },
    attempts: 3,
    backoff: none,
    avoidsTried: true,
    connectLimit: seconds(2),
    heartbeat: seconds(5),
    cooldown: () => seconds(15)
  }
]

export const players = rivals.map(player)
