/** A verdict in a few words, for a line of the table. */
import * as Duration from "effect/Duration"
import type { Verdict } from "../../record/Verdict.js"
import * as Units from "../terminal/units.js"

const took = (duration: Duration.Duration): string => Units.span(Duration.toMillis(duration))

const of = (elapsed: Duration.Duration, expected: Duration.Duration | undefined): string =>
  expected === undefined ? took(elapsed) : `${took(elapsed)} of about ${took(expected)}`

const times = (factor: number): string => `${factor.toFixed(1)} times`

export const inWords = (verdict: Verdict): string => {
  switch (verdict._tag) {
    case "AsExpected":
      return "as expected"
    case "HostDown":
      return `the host is down (${verdict.reason})`
    case "ClientOffline":
      return "this machine is offline"
    case "ProxyInTheWay":
      return `something is in the way (${verdict.by})`
    case "Loading":
      return `the model is loaded: ${of(verdict.elapsed, verdict.expected)}`
    case "BehindOtherLoad":
      return `another model is loaded first: ${of(verdict.elapsed, verdict.expected)}`
    case "EvictionThrash":
      return `models push each other out of memory (${Units.count(verdict.loads, "load")})`
    case "ReloadByOptions":
      return `other options made the server load it again: ${took(verdict.elapsed)}`
    case "Queued":
      return `queued in the server${verdict.ahead === undefined ? "" : ` behind ${verdict.ahead}`}: ${took(verdict.waited)}`
    case "Waited":
      return `waited here for ${verdict.why}: ${took(verdict.waited)}`
    case "LongPrompt":
      return `a long prompt: ${took(verdict.elapsed)}`
    case "PartlyOnCpu":
      return `${Math.round(verdict.share * 100)}% of the model is not on the GPU`
    case "SlowHost":
      return `the host is ${times(verdict.factor)} slower than it was`
    case "Shared":
      return `the server is shared: ${times(verdict.factor)} slower`
    case "PredictionOff":
      return `what was expected was wrong by ${times(verdict.factor)}`
    case "StalledRunner":
      return `the model says nothing for ${took(verdict.silent)}`
    case "HostOverloaded":
      return "the host is overloaded"
    case "Overloaded":
      return `shed (${verdict.by})`
    case "ServerFailed":
      return `the server failed (${verdict.tag})`
    case "BadRequest":
      return `the request cannot work (${verdict.tag})`
    case "TooShort":
      return `the limit of ${verdict.phase} (${took(verdict.limit)}) is too short`
    case "LeftByCaller":
      return `left after ${took(verdict.after)}`
    case "Unknown":
      return `${verdict.phase} takes long: ${took(verdict.elapsed)}`
  }
}
