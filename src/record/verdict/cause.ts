/** Which of the four causes of slow and failed calls a verdict points at. */
import type { Cause, Verdict } from "../Verdict.js"

/** That a server, or the way to it, is the reason for having no connection. */
const ofReason: Readonly<Record<string, Cause>> = {
  refused: "serverDown",
  reset: "serverDown",
  gateway: "serverDown",
  protocol: "serverDown",
  silent: "serverDown",
  breaker: "serverDown",
  dns: "network",
  unroutable: "network",
  tls: "network",
  upstream: "network",
  offline: "network",
  proxy: "network",
  timeout: "network"
}

const ofFailure: Readonly<Record<string, Cause>> = {
  ServerError: "serverDown",
  StreamInterrupted: "network",
  ProtocolError: "network"
}

const look = (causes: Readonly<Record<string, Cause>>, key: string): Cause | undefined =>
  Object.hasOwn(causes, key) ? causes[key] : undefined

export const cause = (verdict: Verdict): Cause | undefined => {
  switch (verdict._tag) {
    case "HostDown":
      return look(ofReason, verdict.reason) ?? "serverDown"
    case "StalledRunner":
      return "serverDown"
    case "ServerFailed":
      return verdict.outOfMemory === true ? "overload" : look(ofFailure, verdict.tag)
    case "TooShort":
      return "timeoutTooLow"
    case "BehindOtherLoad":
    case "EvictionThrash":
    case "Queued":
    case "PartlyOnCpu":
    case "SlowHost":
    case "Shared":
    case "HostOverloaded":
    case "Overloaded":
      return "overload"
    case "Waited":
      return verdict.why === "permit" ? "overload" : verdict.why === "offline" ? "network" : undefined
    case "ClientOffline":
    case "ProxyInTheWay":
      return "network"
    case "AsExpected":
    case "Loading":
    case "ReloadByOptions":
    case "LongPrompt":
    case "PredictionOff":
    case "BadRequest":
    case "LeftByCaller":
    case "Unknown":
      return undefined
  }
}

/** What goes as it should, or as the caller wants it. */
const harmless: ReadonlySet<Verdict["_tag"]> = new Set(["AsExpected", "Loading", "LongPrompt", "LeftByCaller"])

export const isProblem = (verdict: Verdict): boolean => !harmless.has(verdict._tag)
