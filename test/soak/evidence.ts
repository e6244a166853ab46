/** What can be concluded from how a request ended for the server. */
import * as Duration from "effect/Duration"
import type { OllamaError } from "effect-ollama"
import type { Told } from "./callers.js"
import type { Exchange } from "./audit.js"

type Tag = OllamaError.OllamaError["_tag"]

/** A load that a client does for all who wait for it: the endpoint of a call, without what a call asks. */
export const isLoad = ({ sent }: Exchange): boolean =>
  sent.id === undefined && sent.model !== undefined && sent.path.startsWith("/api/")

/** Whether it ran while the call did. */
export const isWithin = ({ seen, sent }: Exchange, { from, to }: Told): boolean =>
  sent.at <= to && (seen?.ended?.at ?? Number.POSITIVE_INFINITY) >= from

/** The patience with a load ran out while it was still going on. */
export const isUnfinished = ({ seen }: Exchange, error: OllamaError.OllamaError, { from }: Told): boolean =>
  error._tag === "Timeout" &&
  error.phase === "load" &&
  (seen?.ended?.at ?? Number.POSITIVE_INFINITY) >= from + Duration.toMillis(error.limit)

/** The server never said a word, so that somebody had to give it up. */
export const isSilenced = ({ seen }: Exchange): boolean =>
  ["BlackHole", "ConnectTimeout", "StallAfter"].includes(seen?.ended?.fault?._tag ?? "")

/** A failure that the client makes of what it knows, whatever is sent. */
export const isByClient = (error: OllamaError.OllamaError): boolean =>
  error._tag === "CircuitOpen" ||
  (error._tag === "Overloaded" && error.by === "client") ||
  (error._tag === "Timeout" && (error.phase === "total" || error.phase === "queue"))

/** The host cannot be reached. */
export const isOffline = (error: OllamaError.OllamaError): boolean =>
  error._tag === "Unreachable" || (error._tag === "Timeout" && error.phase === "connect")

const statuses: Readonly<Record<number, ReadonlyArray<Tag>>> = {
  429: ["Overloaded"],
  500: ["ServerError", "LoadFailed"],
  502: ["Unreachable"],
  503: ["Overloaded"]
}

const faults: Readonly<Record<string, ReadonlyArray<Tag>>> = {
  BlackHole: ["Timeout"],
  ConnectTimeout: ["Timeout"],
  StallAfter: ["Timeout"],
  ResetAfter: ["StreamInterrupted", "Unreachable"],
  CutAfter: ["StreamInterrupted", "Unreachable"],
  EndAfter: ["StreamInterrupted"],
  ErrorLineAfter: ["ServerError"],
  BadLineAfter: ["ProtocolError"],
  Crash: ["ServerError"]
}

/** The failures that such an end can have at the other side. */
export const tagsOf = ({ seen }: Exchange): ReadonlyArray<Tag> => {
  // nobody was there
  if (seen === undefined) return ["Unreachable"]
  const { ended } = seen
  if (ended === undefined) return []
  const fault = ended.fault?._tag
  switch (ended.how) {
    case "completed":
      return statuses[ended.status ?? 0] ?? []
    case "crashed":
      return ["ServerError", "LoadFailed"]
    case "stopped":
      return ["Unreachable", "StreamInterrupted"]
    case "left":
      return ["Timeout", ...(faults[fault ?? ""] ?? [])]
    case "faulted":
      // an answer may have been no answer before it was broken
      return ended.status === undefined
        ? (faults[fault ?? ""] ?? ["Unreachable"])
        : [...(faults[fault ?? ""] ?? []), ...(statuses[ended.status] ?? [])]
  }
}
