/** What calls before suffered from: the one that is to be explained, and what the client recorded of others. */
import * as Duration from "effect/Duration"
import type * as OllamaError from "../../OllamaError.js"
import type { CallRecord } from "../../record/CallRecord.js"
import { type Rule, say, type Statement } from "./case.js"
import type { Facts } from "./facts.js"
import { enough, relieve } from "./judgeLoad.js"
import * as Remedies from "./remedies.js"
import { isOllama, reasonOf } from "./server.js"
import { counted, listed, span } from "./words.js"

const failure: Rule = ({ facts, failure, place, records }) => {
  if (failure === undefined) return []
  const reason = reasonOf(failure)
  const what = `The call that failed (${failure._tag}${reason === undefined ? "" : `, ${reason}`}, after ${span(failure.elapsed)})`
  switch (failure._tag) {
    case "Blocked":
      return [say("blocked", "yes", `${what} was forbidden on its way.`, Remedies.advice("network", failure.remedy))]
    case "Overloaded":
      return shed(failure, what)
    case "ServerError":
      return failure.crashed
        ? [
            say(
              "unreachable",
              "yes",
              `${what} ended because the model's process died, which the next call starts again.`,
              Remedies.advice(
                "server",
                "Look into the server's log why it died: memory, the driver of the GPU, or a broken model."
              ),
              Remedies.start(place)
            )
          ]
        : []
    case "Timeout":
      return ranOut(facts, failure, what)
    case "StreamInterrupted":
      return Duration.lessThan(longestPause(failure, records), shortestPause) ? [] : brokeOff(facts, what)
    case "Unreachable":
      return isOllama(facts.server)
        ? [say("unreachable", "unknown", `${what} had no connection; now there is one.`, Remedies.start(place))]
        : []
    default:
      return []
  }
}

const shed = (failure: OllamaError.Overloaded, what: string): ReadonlyArray<Statement> => {
  if (failure.by === "gateway" && failure.status === 504) {
    return [
      say(
        "blocked",
        "yes",
        `${what} was given up by a proxy in front of the server, before this client did.`,
        Remedies.patientProxy
      )
    ]
  }
  const by = {
    server: "was shed by the server",
    gateway: "was shed by a proxy in front of the server",
    quota: "was shed because the account has used up its share",
    client: "was refused by this client's own queue or throttle"
  }[failure.by]
  return [
    say(
      "overloaded",
      "yes",
      `${what} ${by}.`,
      Remedies.advice(failure.by === "client" ? "here" : "server", failure.remedy)
    )
  ]
}

/** No proxy is told to wait for less: what broke off sooner was no pause. */
const shortestPause = Duration.seconds(1)

/** The most that a pause in the middle of the answer can have been. */
const longestPause = (
  failure: OllamaError.StreamInterrupted,
  records: ReadonlyArray<CallRecord>
): Duration.Duration => {
  const record = records.findLast(({ outcome }) => outcome === failure._tag)
  return record?.firstToken === undefined
    ? failure.elapsed
    : Duration.millis(Math.max(0, Duration.toMillis(record.elapsed) - Duration.toMillis(record.firstToken)))
}

/** Where the server is well, it is what stands in front of it that cuts answers in a pause. */
const brokeOff = ({ server }: Facts, what: string): ReadonlyArray<Statement> =>
  server?.software !== undefined && isOllama(server)
    ? [
        say(
          "blocked",
          "yes",
          `${what} was cut in the middle of its answer, and ${server.software} stands in front of the server, which is well: its read timeout is shorter than a pause.`,
          Remedies.patientProxy
        )
      ]
    : []

const ranOut = (facts: Facts, error: OllamaError.Timeout, what: string): ReadonlyArray<Statement> => {
  const { limits, server } = facts
  if (error.phase === "total" && error.partial !== undefined) {
    return [
      say(
        "timeoutTooLow",
        "yes",
        `${what} was cut off in the middle of its answer: the limit on the whole call is ${span(error.limit)}.`,
        Remedies.advice("here", "Raise timeouts.total, or leave it out; or ask for shorter answers (num_predict).")
      )
    ]
  }
  const limit = limits.find(({ clock }) => clock === error.phase)
  // a lower bound does not say what is needed
  const needed = (limit?.fits === "unknown" ? undefined : limit?.measured) ?? error.predicted
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
  if (error.phase === "load" && needed === undefined && isOllama(server)) {
    return [
      say(
        "timeoutTooLow",
        "yes",
        `${what} had ${span(error.limit)} to load the model, which was not loaded by then.`,
        Remedies.raiseLimit("load", Math.max(300, enough(error.limit))),
        Remedies.advice(
          "here",
          "Or load the model before it is needed (OllamaClient.load), and keep it in memory (keep_alive)."
        )
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
  const behind = all("BehindOtherLoad")
  const stalled = all("StalledRunner")
  const prompts = records.filter(({ outcome, verdict }) => outcome === "Timeout" && verdict._tag === "LongPrompt")
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
  if (behind.length > 0) {
    statements.push(
      say(
        "overloaded",
        "yes",
        `${behind.length} ${of} waited while the server loaded another model: it loads one at a time.`,
        Remedies.advice(
          "here",
          "Load models before they are needed (OllamaClient.load), keep them in memory (keep_alive), or give each a host of its own."
        )
      )
    )
  }
  if (stalled.length > 0) {
    statements.push(
      say(
        "unreachable",
        "yes",
        `${stalled.length} ${of} had no more from the model's process, while the server answered otherwise: the process hangs.`,
        Remedies.restartModel(place, stalled[0]?.model ?? "<model>")
      )
    )
  }
  if (prompts.length > 0) {
    statements.push(
      say(
        "timeoutTooLow",
        "yes",
        `${prompts.length} ${of} ended while the server still read a long prompt.`,
        Remedies.advice(
          "here",
          'Raise timeouts.firstToken, or leave it to "auto", which grows with the request; or send shorter prompts.'
        )
      )
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

export const rules: ReadonlyArray<Rule> = [failure, history]
