/** What became of the address, and why. */
import * as Either from "effect/Either"
import * as Internal from "../../internal/address.js"
import { defined } from "../../internal/defined.js"
import { defaultHost } from "../../OllamaConfig.js"
import type { Address } from "./facts.js"

export interface Read {
  readonly facts: Address
  /** Absent where no server can have it. */
  readonly address: Internal.Address | undefined
  /** Something that is seldom meant: port 80, a path of another API. */
  readonly warning: string | undefined
}

/** Without what may be a credential: in front of an @, and in a query. */
export const withoutSecrets = (address: string): string =>
  address
    .replace(/[?#].*$/s, "")
    .replace(/^(\s*["']*\s*(?:[a-z][a-z0-9+.-]*:\/\/)?).*@/is, "$1")
    .trim()

const notesOf = (text: string, address: Internal.Address): ReadonlyArray<string> => {
  const notes: Array<string> = []
  const hasScheme = text.includes("://")
  const authority = text.replace(/^.*?:\/\//, "").replace(/\/.*$/, "")
  const bare = authority.replace(/^.*@/, "")
  const written = /:([^:\]]*)$/.exec(bare.startsWith("[") || !/:.*:/.test(bare) ? bare : "")?.[1]
  if (Internal.isCloud(address)) {
    notes.push("This is Ollama's cloud: https, and a key is needed.")
  } else if (!hasScheme) {
    notes.push(`Without a scheme it is http${written === undefined ? ", on Ollama's port 11434" : ""}.`)
  } else if (written === undefined) {
    const { port, scheme } = address
    notes.push(
      scheme === "http"
        ? `With http:// and no port it is port ${port}, not Ollama's 11434.`
        : `With https:// and no port it is port ${port}.`
    )
  }
  if (written !== undefined && written !== String(address.port)) {
    notes.push(`What stands behind the colon is no port: ${address.port} is taken.`)
  }
  if (/^(0\.0\.0\.0|\[::\]|::)?(:\d*)?$/.test(bare)) {
    notes.push(`A server listens on 0.0.0.0 or [::]; a program connects to ${address.hostname}.`)
  }
  if (address.basic !== undefined) notes.push("The name and password in it are sent as Basic authorization.")
  if (address.path !== "") notes.push(`Calls go to ${address.path}/api.`)
  return notes
}

const warningOf = (text: string, address: Internal.Address): string | undefined => {
  if (/\/(v1|api)$/.test(address.path)) {
    return `${address.path} is part of an API: this library adds /api itself, so leave it out.`
  }
  return text.includes("://") && address.scheme === "http" && address.port === 80
    ? "It means port 80; Ollama listens on 11434 unless something stands in front of it."
    : undefined
}

export const read = (host: string | undefined): Read => {
  const given = host === undefined ? undefined : withoutSecrets(host)
  const text = (host ?? defaultHost).trim().replace(/^["']+|["']+$/g, "")
  return Either.match(Internal.parse(host ?? defaultHost), {
    onLeft: (problem) => ({
      facts: defined({ given, notes: [], problem: `No server can have this address: ${problem}.` }),
      address: undefined,
      warning: undefined
    }),
    onRight: (address) => ({
      facts: defined({
        given,
        url: address.url,
        hostname: address.hostname,
        port: address.port,
        notes:
          host === undefined ? ["None was given, so it is the one that Ollama listens on."] : notesOf(text, address)
      }),
      address,
      warning: warningOf(text, address)
    })
  })
}
