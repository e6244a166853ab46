/** Whether the server has too much to do, and whether a clock of the client is too short for it. */
import * as Duration from "effect/Duration"
import type * as OllamaError from "../../OllamaError.js"
import { type Rule, say, type Statement } from "./case.js"
import type { Call, Limit } from "./facts.js"
import * as Remedies from "./remedies.js"
import { isOllama, reasonOf } from "./server.js"
import { counted, listed, sentence, span } from "./words.js"

/** A wait that is seen as one. */
const longWait = Duration.seconds(1)
/** A server says its version in milliseconds. */
const slowVersion = Duration.seconds(1)
/** So many times as long as a connection: then it is not the network. */
const slowFactor = 4

const fewer = Remedies.advice(
  "here",
  'Send fewer calls at once: policy.concurrency, or Policy.interactive, which refuses what would wait too long; work that can wait has priority "batch".'
)

const relieve = (place: Remedies.Place) => [
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

const called: Rule = ({ facts, place }) => {
  const { call } = facts
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
      return call.resident
        ? [
            say(
              "overloaded",
              "yes",
              `${one}, which is in memory, had no answer within ${span(call.took)}, while the server answers otherwise: others are ahead, or the model's process hangs.`,
              ...relieve(place),
              Remedies.advice(
                "server",
                "If nobody else calls it, its process hangs: `ollama stop` the model, or restart Ollama."
              )
            )
          ]
        : []
    default:
      return []
  }
}

const busy: Rule = ({ facts }) =>
  facts.models?.psBlocked === true
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
const enough = (took: Duration.Duration): number => {
  const seconds = Duration.toSeconds(took) * 1.5
  return seconds < 10 ? Math.ceil(seconds) : Math.ceil(seconds / 10) * 10
}

const isShort = ({ fits }: Limit): boolean => fits === "no"

const limits: Rule = ({ facts }) => {
  const short = facts.limits.filter(isShort)
  if (short.length > 0) {
    return short.map(({ clock, measured, text }) =>
      say(
        "timeoutTooLow",
        "yes",
        `${sentence(text)}.`,
        ...(measured === undefined ? [] : [Remedies.raiseLimit(clock, enough(measured))])
      )
    )
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

const failure: Rule = ({ facts, failure, place }) => {
  if (failure === undefined) return []
  const reason = reasonOf(failure)
  const what = `The call that failed (${failure._tag}${reason === undefined ? "" : `, ${reason}`}, after ${span(failure.elapsed)})`
  switch (failure._tag) {
    case "Blocked":
      return [say("blocked", "yes", `${what} was forbidden on its way.`, Remedies.advice("network", failure.remedy))]
    case "Overloaded":
      return [
        say(
          "overloaded",
          "yes",
          failure.by === "gateway"
            ? `${what} was given up by a proxy in front of the server.`
            : failure.by === "client"
              ? `${what} was refused by this client's own queue or throttle.`
              : `${what} was shed by the server.`,
          Remedies.advice(failure.by === "client" ? "here" : "server", failure.remedy)
        )
      ]
    case "Timeout":
      return ranOut(facts.limits, failure, what)
    case "Unreachable":
      return isOllama(facts.server)
        ? [say("unreachable", "unknown", `${what} had no connection; now there is one.`, Remedies.start(place))]
        : []
    default:
      return []
  }
}

const ranOut = (limits: ReadonlyArray<Limit>, error: OllamaError.Timeout, what: string): ReadonlyArray<Statement> => {
  const limit = limits.find(({ clock }) => clock === error.phase)
  const needed = limit?.measured ?? error.predicted
  if (needed !== undefined && Duration.greaterThanOrEqualTo(needed, error.limit)) {
    return [
      say(
        "timeoutTooLow",
        "yes",
        `${what} had ${span(error.limit)} for ${error.phase}, which takes ${span(needed)}.`,
        Remedies.raiseLimit(error.phase, enough(needed))
      )
    ]
  }
  return [
    say(
      "timeoutTooLow",
      "unknown",
      needed === undefined
        ? `${what} had ${span(error.limit)} for ${error.phase}; how long that takes was not measured.`
        : `${what} had ${span(error.limit)} for ${error.phase}, which now takes ${span(needed)}.`
    )
  ]
}

/** What calls before were found to have suffered from. */
const history: Rule = ({ place, records }) => {
  const all = (...tags: ReadonlyArray<string>) => records.filter(({ verdict }) => tags.includes(verdict._tag))
  const statements: Array<Statement> = []
  const shed = all("Overloaded", "HostOverloaded")
  const queued = all("Queued")
  const thrash = records.flatMap(({ verdict }) => (verdict._tag === "EvictionThrash" ? [verdict] : []))
  const proxies = records.flatMap(({ verdict }) => (verdict._tag === "ProxyInTheWay" ? [verdict.by] : []))
  const of = `of ${counted(records.length, "earlier call")}`
  if (shed.length > 0) {
    statements.push(
      say("overloaded", "yes", `${shed.length} ${of} met a server with too much to do.`, ...relieve(place))
    )
  }
  if (queued.length > 0) {
    statements.push(
      say("overloaded", "yes", `${queued.length} ${of} waited in the server behind others.`, ...relieve(place))
    )
  }
  const worst = thrash[0]
  if (worst !== undefined) {
    const rivals = worst.rivals.length === 0 ? "models" : listed(worst.rivals)
    statements.push(
      say(
        "overloaded",
        "yes",
        `Memory holds too few models: ${counted(worst.loads, "load")}, because ${rivals} push each other out.`,
        Remedies.advice(
          "here",
          "Use fewer or smaller models on this host, or a smaller num_ctx; or give each model a host of its own."
        ),
        Remedies.serverVariable(
          place,
          "OLLAMA_KEEP_ALIVE",
          "-1",
          "Keep in memory what fits, and let nothing leave by itself."
        )
      )
    )
  }
  if (proxies.length > 0) {
    statements.push(
      say("blocked", "yes", `${proxies.length} ${of} met something on the way (${listed([...new Set(proxies)])}).`)
    )
  }
  return statements
}

export const rules: ReadonlyArray<Rule> = [called, slow, busy, limits, failure, history]
