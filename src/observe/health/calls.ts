/** What the calls of a client show of its hosts, out of what it tells of them. */
import type * as OllamaError from "../../OllamaError.js"
import type { CallEvent } from "../../record/CallEvent.js"
import type { CallRecord } from "../../record/CallRecord.js"
import type { Sight } from "./reading.js"

export interface Seen {
  readonly host: string
  readonly sight: Sight
}

/** Answers of Ollama itself, whatever they say; gateways and proxies have the others. */
const ofServer: ReadonlySet<string> = new Set([
  "ModelNotFound",
  "InvalidRequest",
  "ServerError",
  "LoadFailed",
  "StreamInterrupted",
  "MalformedOutput"
])

/** What one failed attempt shows; most show nothing. */
const ofFailure = ({ phase, status, tag }: OllamaError.Attempt): Sight | undefined => {
  if (status !== undefined) return ofServer.has(tag) ? { _tag: "Heard" } : undefined
  if (phase !== "connect") return undefined
  if (tag === "Unreachable") return { _tag: "Refused", why: "A call got no connection." }
  return tag === "Timeout" ? { _tag: "Lost", why: "A call got no connection in time." } : undefined
}

const ofRecord = (record: CallRecord): ReadonlyArray<Seen> => {
  const { attempts, failure, host, servedBy } = record
  const failures = failure === undefined ? attempts : [...attempts, failure]
  const seen = failures.flatMap((attempt): ReadonlyArray<Seen> => {
    const sight = ofFailure(attempt)
    return sight === undefined ? [] : [{ host: attempt.host ?? host, sight }]
  })
  return servedBy === undefined ? seen : [...seen, { host: servedBy.host, sight: { _tag: "Heard" } }]
}

const none: ReadonlyArray<Seen> = []

/** A call of a fleet belongs to no host before it is sent. */
const isHost = (host: string): boolean => URL.canParse(host)

/**
 * In the order in which they happened.
 *
 * @param isOnly whether there is one host: a first token does not say where it comes from
 */
export const of = (event: CallEvent, isOnly: boolean): ReadonlyArray<Seen> => {
  switch (event._tag) {
    case "Started":
      return isHost(event.call.host) ? [{ host: event.call.host, sight: { _tag: "Began" } }] : none
    case "FirstToken":
      return isOnly ? [{ host: event.call.host, sight: { _tag: "Heard" } }] : []
    case "Ended":
      return isHost(event.call.host)
        ? [...ofRecord(event.record), { host: event.call.host, sight: { _tag: "Ended" } }]
        : ofRecord(event.record)
    default:
      return []
  }
}
