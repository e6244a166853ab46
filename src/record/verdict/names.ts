/** Strings that may be put into a verdict: words of our own, and names. Nothing else gets in, so no secret does. */

const tags = [
  "Timeout",
  "Unreachable",
  "Overloaded",
  "Blocked",
  "CircuitOpen",
  "Unauthorized",
  "ModelNotFound",
  "InvalidRequest",
  "LoadFailed",
  "ServerError",
  "StreamInterrupted",
  "ProtocolError",
  "MalformedOutput"
]

const reasons = [
  "refused",
  "dns",
  "unroutable",
  "reset",
  "tls",
  "protocol",
  "gateway",
  "upstream",
  "offline",
  // ours: a proxy that cannot be reached, no connection in time, silence where there was an answer before, and a breaker
  // that has opened on these
  "proxy",
  "timeout",
  "silent",
  "breaker"
]

const shedders = ["server", "gateway", "client", "quota"]

const blockers = ["origin", "hostHeader", "proxy", "firewall", "captivePortal", "cloudDisabled", "forbidden"]

const oneOf =
  (words: ReadonlyArray<string>) =>
  (word: string | undefined): string =>
    word !== undefined && words.includes(word) ? word : "other"

export const tag = oneOf(tags)
export const reason = oneOf(reasons)
export const shedder = oneOf(shedders)
export const blocker = oneOf(blockers)

/** The most of a name, and of a list of them. */
const longest = 80
const listed = 8

/** A name of a model or an option, without what cannot be in one; of an address, without credentials. */
export const name = (text: string): string =>
  text
    .replace(/^[^]*@/, "")
    .replace(/[^\w.:/-]+/g, "")
    .slice(0, longest)

export const list = (texts: ReadonlyArray<string> | undefined): ReadonlyArray<string> => [
  ...new Set(
    (texts ?? [])
      .slice(0, listed)
      .map(name)
      .filter((text) => text !== "")
  )
]
