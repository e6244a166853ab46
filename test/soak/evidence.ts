/** What can be concluded from how a request ended for the server. */
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

/** The server never said a word, so that somebody had to give it up. */
export const isSilenced = ({ seen }: Exchange): boolean =>
  ["BlackHole", "ConnectTimeout", "StallAfter"].includes(seen?.ended?.fault?._tag ?? "")

/** A failure that the client makes of what it knows, whatever is sent. */
export const isByClient = (error: OllamaError.OllamaError): boolean =>
  error._tag === "CircuitOpen" ||
  (error._tag === "Overloaded" && error.by === "client") ||
  (error._tag === "Timeout" && (error.phase === "total" || error.phase === "queue"))

const statuses: Readonly<Record<number, ReadonlyArray<Tag>>> = {
  429: ["Overloaded"],
  500: ["ServerError", "LoadFailed"],
  502: ["Unreachable"],
  503: ["Overloaded"]
}

const faults: Readonly<Record<string, ReadonlyArray<Tag>>> = {
  BlackHole: ["Timeout"],
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
      return faults[fault ?? ""] ?? (ended.status === undefined ? ["Unreachable"] : (statuses[ended.status] ?? []))
  }
}
