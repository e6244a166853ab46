/** Whether the server has too much to do, and whether a clock of the client is too short for it. */
import * as Duration from "effect/Duration"
import { type Case, type Rule, say } from "./case.js"
import type { Call, Limit } from "./facts.js"
import * as Remedies from "./remedies.js"
import type { Fix } from "./report.js"
import { isOllama } from "./server.js"
import { sentence, span } from "./words.js"

/** A wait that is seen as one. */
const longWait = Duration.seconds(1)
/** A server says its version in milliseconds. */
const slowVersion = Duration.seconds(1)
/** So many times as long as a connection: then it is not the network. */
const slowFactor = 10

const fewer = Remedies.advice(
  "here",
  'Send fewer calls at once: policy.concurrency, or Policy.interactive, which refuses what would wait too long; work that can wait has priority "batch".'
)

export const relieve = (place: Remedies.Place) => [
  fewer,
  Remedies.serverVariable(
    place,
    "OLLAMA_NUM_PARALLEL",
    "4",
    "Let each model answer several calls at a time, where memory allows it."
  ),
  Remedies.advice("here", "Add a host, and name it in policy.fallback.")
]

const waited = (call: Call): Duration.Duration =>
  Duration.sum(call.queued ?? Duration.zero, call.resident ? (call.loading ?? Duration.zero) : Duration.zero)

/** What large packets are lost of says nothing of the server. */
const isLossy = ({ facts }: Case): boolean => facts.large?.outcome === "lost"

const called: Rule = (judged) => {
  const { facts, place } = judged
  const { call } = facts
  if (isLossy(judged)) return []
  if (call === undefined) {
    return [say("overloaded", "unknown", "No model was called, so it is not known whether calls wait in its queue.")]
  }
  const one = `A call of one token of ${call.model}`
  switch (call.outcome) {
    case "success": {
      const wait = waited(call)
      return Duration.greaterThanOrEqualTo(wait, longWait)
        ? [
            say(
              "overloaded",
              "yes",
              `${one} waited ${span(wait)} of its ${span(call.took)} in the server: other calls were ahead.`,
              ...relieve(place)
            )
          ]
        : [say("overloaded", "no", `${one} took ${span(call.took)}, and waited ${span(wait)} of it.`)]
    }
    case "Overloaded":
      return [
        say(
          "overloaded",
          "yes",
          `${one} was shed${call.status === undefined ? "" : ` (${call.status})`} after ${span(call.took)}.`,
          ...relieve(place)
        )
      ]
    case "Timeout":
      if (call.resident && call.status !== undefined) {
        return [
          say(
            "unreachable",
            "yes",
            `${one} began and had no token within ${span(call.took)}, while the server answers otherwise: the model's process hangs.`,
            Remedies.restartModel(place, call.model)
          )
        ]
      }
      return call.resident
        ? [
            say(
              "overloaded",
              "yes",
              `${one}, which is in memory, had no answer within ${span(call.took)}, while the server answers otherwise: others are ahead, or the model's process hangs.`,
              ...relieve(place),
              Remedies.restartModel(place, call.model)
            )
          ]
        : []
    default:
      return []
  }
}

const busy: Rule = (judged) =>
  judged.facts.models?.psBlocked === true && !isLossy(judged)
    ? [
        say(
          "overloaded",
          "unknown",
          "It does not say which models are in memory (/api/ps): it loads or evicts one just now, and calls that need another one wait for that."
        )
      ]
    : []

const slow: Rule = ({ facts, place }) => {
  const { server, tcp } = facts
  if (server === undefined || !isOllama(server) || Duration.lessThan(server.took, slowVersion)) return []
  const connected = tcp.find(({ outcome }) => outcome === "connected")
  if (connected === undefined) {
    return [
      say("overloaded", "unknown", `It took ${span(server.took)} to say its version: the host or the network is slow.`)
    ]
  }
  return Duration.toMillis(server.took) > slowFactor * Duration.toMillis(connected.took)
    ? [
        say(
          "overloaded",
          "yes",
          `It took ${span(server.took)} to say its version, where a connection takes ${span(connected.took)}: the host has too much to do.`,
          ...relieve(place)
        )
      ]
    : []
}

/** Half as much again, in round figures. */
export const enough = (took: Duration.Duration): number => {
  const seconds = Duration.toSeconds(took) * 1.5
  return seconds < 10 ? Math.ceil(seconds) : Math.ceil(seconds / 10) * 10
}

/** A limit that cut off what had not ended yet says how long it takes at the least: then a generous one. */
const raised = ({ clock, fits, measured }: Limit): ReadonlyArray<Fix> => {
  if (measured === undefined || fits !== "no") return []
  const generous: Readonly<Record<Limit["clock"], number>> = {
    connect: 5,
    load: 300,
    firstToken: 60,
    gap: 60,
    total: 300
  }
  return [Remedies.raiseLimit(clock, Math.max(enough(measured), clock === "connect" ? 0 : generous[clock]))]
}

const isShort = ({ fits }: Limit): boolean => fits === "no"

const limits: Rule = ({ facts }) => {
  const short = facts.limits.filter(isShort)
  if (short.length > 0) {
    return short.map((limit) => say("timeoutTooLow", "yes", `${sentence(limit.text)}.`, ...raised(limit)))
  }
  const generating = facts.limits.filter(({ clock }) => clock === "load" || clock === "firstToken")
  const measured = facts.limits.filter((limit) => limit.measured !== undefined && limit.fits !== "unknown")
  if (generating.every(({ fits }) => fits !== "unknown") && measured.length > 0) {
    return measured.map(({ text }) => say("timeoutTooLow", "no", `${sentence(text)}.`))
  }
  const open = generating.filter(({ fits }) => fits === "unknown").map(({ clock }) => clock)
  return [
    ...measured
      .filter(({ clock }) => clock === "firstToken")
      .map(({ text }) => say("timeoutTooLow", "no", `${sentence(text)}.`)),
    say(
      "timeoutTooLow",
      "unknown",
      open.length > 1
        ? "Neither a load nor a first token was measured, so their limits are not tested."
        : `No ${open[0] === "load" ? "load" : "first token"} was measured, so its limit is not tested.`
    )
  ]
}

export const rules: ReadonlyArray<Rule> = [busy, called, slow, limits]
