/** The scenarios of the simulation, each with a sentence. */
import { Fault } from "effect-ollama/testing"
import { machine, type Model, type Outage, type Scenario } from "./scenario.js"

const small: Model = { name: "small", size: 6, weight: 5, answer: 150 }
const middle: Model = { name: "middle", size: 9, weight: 3, answer: 200 }
const large: Model = { name: "large", size: 16, weight: 2, answer: 250 }

const three = [small, middle, large]

const six = [
  ...three,
  { ...small, name: "small-b", weight: 3 },
  { ...middle, name: "middle-b", weight: 2 },
  { ...large, name: "large-b" }
]

const four = Array.from({ length: 4 }, () => machine())

const base = { machines: four, models: three }

/** Down for `seconds`, up for as long, again and again. */
const flapping = (host: number, seconds: number): ReadonlyArray<Outage> =>
  Array.from({ length: Math.ceil(4000 / (2 * seconds)) }, (_, i) => ({
    host,
    how: "refuse",
    from: (2 * i + 1) * seconds,
    to: (2 * i + 2) * seconds
  }))

const forever = Number.POSITIVE_INFINITY

export const scenarios: ReadonlyArray<Scenario> = [
  {
    ...base,
    id: "fit",
    says: "the control: all models fit on every machine, at 60 % load",
    machines: four.map(() => machine({ memory: 48 })),
    load: 0.6
  },
  { ...base, id: "steady-30", says: "30 % load", load: 0.3 },
  { ...base, id: "steady-60", says: "60 % load; the three models do not fit together on one machine", load: 0.6 },
  { ...base, id: "steady-85", says: "85 % load", load: 0.85 },
  {
    ...base,
    id: "slow",
    says: "one machine takes four times as long from the start",
    load: 0.6,
    slow: [{ host: 3, from: 0, to: forever, factor: 4 }]
  },
  {
    ...base,
    id: "slow-later",
    says: "one machine takes four times as long from minute 5 on",
    load: 0.5,
    slow: [{ host: 3, from: 300, to: forever, factor: 4 }]
  },
  {
    ...base,
    id: "dead",
    says: "one machine refuses connections from minute 1 to minute 3; what it did is lost, and its memory",
    load: 0.55,
    failures: ["StreamInterrupted", "Unreachable reset"],
    verdicts: ["ServerFailed", "HostDown"],
    outages: [{ host: 3, how: "refuse", from: 60, to: 180 }]
  },
  {
    ...base,
    id: "dead-from-start",
    says: "one machine refuses connections all the time",
    load: 0.55,
    outages: [{ host: 3, how: "refuse", from: 0, to: forever }]
  },
  {
    ...base,
    id: "partition",
    says: "nothing comes through to one machine and back for 5 minutes",
    load: 0.55,
    outages: [{ host: 3, how: "hang", from: 120, to: 420 }],
    failures: ["Timeout gap", "Timeout firstToken"],
    verdicts: ["HostDown", "StalledRunner"]
  },
  {
    ...base,
    id: "overload",
    says: "50 % load, and four times as much for 2 minutes",
    load: 0.5,
    burst: [60, 180, 4],
    isOverload: true
  },
  {
    ...base,
    id: "storm",
    says: "all machines empty and six models of 62 GB together, asked for at once",
    models: six,
    load: 0.5
  },
  {
    ...base,
    id: "flap-20",
    says: "one machine is down for 20 seconds and up for 20 seconds",
    load: 0.5,
    failures: ["StreamInterrupted", "Unreachable reset"],
    verdicts: ["ServerFailed", "HostDown"],
    outages: flapping(3, 20)
  },
  {
    ...base,
    id: "flap-2",
    says: "one machine is down for 2 seconds and up for 2 seconds",
    load: 0.5,
    failures: ["StreamInterrupted", "Unreachable reset"],
    verdicts: ["ServerFailed", "HostDown"],
    outages: flapping(3, 2)
  },
  {
    ...base,
    id: "rolling",
    says: "one machine after the other is restarted, 15 seconds each, 100 seconds apart",
    load: 0.5,
    failures: ["StreamInterrupted", "Unreachable reset"],
    verdicts: ["ServerFailed", "HostDown"],
    outages: four.map((_, host) => ({ host, how: "refuse", from: 100 * (host + 1), to: 100 * (host + 1) + 15 }))
  },
  {
    ...base,
    id: "mixed",
    says: "three machines, each twice as fast as the one before",
    machines: [
      machine({ promptRate: 400, tokenRate: 20 }),
      machine(),
      machine({ promptRate: 1600, tokenRate: 80, memory: 48 })
    ],
    load: 0.6
  },
  { ...base, id: "blind-2", says: "60 % load from two clients that do not see each other", load: 0.6, clients: 2 },
  { ...base, id: "blind-4", says: "60 % load from four clients that do not see each other", load: 0.6, clients: 4 },
  { ...base, id: "blind-16", says: "60 % load from 16 clients that do not see each other", load: 0.6, clients: 16 },
  {
    ...base,
    id: "long-prompts",
    says: "one prompt in ten has 30,000 tokens",
    load: 0.15,
    longPrompts: { share: 0.1, tokens: 30_000 }
  },
  {
    ...base,
    id: "others",
    says: "somebody else asks every machine for a model of 9 GB, once a minute",
    load: 0.5,
    others: { model: { name: "rival", size: 9, weight: 0, answer: 100 }, every: 60 }
  },
  {
    ...base,
    id: "broken-streams",
    says: "of the answers 1 % are cut, 1 % end with an error line and 1 % without their last line",
    load: 0.5,
    struck: [
      { share: 0.01, fault: Fault.cutAfter(2) },
      { share: 0.01, fault: Fault.errorLineAfter(2, "something went wrong") },
      { share: 0.01, fault: Fault.endAfter(2) }
    ],
    failures: ["StreamInterrupted", "ServerError"],
    verdicts: ["ServerFailed"]
  },
  {
    ...base,
    id: "fast-503",
    says: "one machine answers every chat with 503 at once, from minute 2 to minute 5",
    load: 0.5,
    broken: [{ host: 3, from: 120, to: 300, fault: Fault.serverBusy({ path: "/api/chat" }) }],
    failures: ["Overloaded server"]
  },
  {
    ...base,
    id: "lying-probe",
    says: "one machine says its version and answers no chat, from minute 2 to minute 5",
    load: 0.5,
    broken: [{ host: 3, from: 120, to: 300, fault: Fault.blackHole({ path: "/api/chat", probes: false }) }],
    failures: ["Timeout firstToken", "Timeout load", "Timeout gap"],
    verdicts: ["StalledRunner", "HostDown"]
  },
  {
    ...base,
    id: "blocked-ps",
    says: "the list of models in memory is not answered while a model is being loaded",
    models: six,
    load: 0.5,
    psBlocksDuringLoad: true
  },
  {
    ...base,
    id: "clock-jump",
    says: "the clock of the client's computer goes forward by an hour",
    load: 0.5,
    clockJump: { at: 200, by: 3600 }
  },
  {
    ...base,
    id: "offline",
    says: "the client's computer has no network for 60 seconds",
    load: 0.5,
    outages: four.map((_, host) => ({ host, how: "unroutable", from: 200, to: 260 })),
    failures: ["Unreachable unroutable", "Unreachable offline", "CircuitOpen", "Timeout gap", "Timeout firstToken"],
    verdicts: ["ClientOffline", "HostDown"]
  },
  { ...base, id: "reload", says: "the policy is replaced every 20 seconds", load: 0.6, reload: 20 }
]
