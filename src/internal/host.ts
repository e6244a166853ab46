/** One server as a client knows it: where it is, what is sent along, and what has been learned of the way to it. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { Address } from "./address.js"
import * as Page from "./page.js"
import type { Telling } from "./connected.js"
import type * as Soon from "./soon.js"

export interface Host {
  readonly address: Address
  /** Gives responses whose connection closes with the Scope. */
  readonly client: HttpClient.HttpClient.With<HttpClientError, Scope.Scope>
  headers: Readonly<Record<string, string>>
  /** Values that must not appear in any failure. */
  secrets: ReadonlyArray<string>
  readonly isCloud: boolean
  /** Whether requests carry an Origin header, or may: browsers add it. */
  readonly sendsOrigin: boolean
  /** What the transport's connect timer is set to, in milliseconds. */
  readonly connectLimit: number | undefined
  readonly soon: Soon.Run | undefined
  /** Where the transport tells when a request has got a connection. */
  readonly telling: Telling | undefined
  /** Whether an HTTP answer ever came from there: then a reset is not HTTP to a TLS port. */
  hasAnswered: boolean
  /** Whether it was found out that this port does not speak TLS. */
  isKnownPlain: boolean
  /** When something was last heard from there, or could not be; milliseconds on Clock. */
  contact: { readonly at: number; readonly answered: boolean } | undefined
  /** Counts what happens to the breakers, permits and memory of it, so that a fleet need not look at what has not changed. */
  changes: number
}

const plain = (value: string | Redacted.Redacted): string => (typeof value === "string" ? value : Redacted.value(value))

/** Headers that hold credentials even when they are given as plain texts. */
const isSecretive = (name: string): boolean =>
  /auth|cookie|credential|key|pass|secret|session|signature|token/i.test(name)

/** What stands in a Basic Authorization header: user and password together, and the password. */
const credentials = (basic: string): ReadonlyArray<string> => {
  const bytes = Uint8Array.from(atob(basic.slice("Basic ".length)), (character) => character.charCodeAt(0))
  const text = new TextDecoder().decode(bytes)
  const password = text.slice(text.indexOf(":") + 1)
  return [text, password, encodeURIComponent(password)]
}

/** Headers that say where a message ends, or what becomes of its connection: the transport alone knows (RFC 9112, 6). */
const framing = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** The first header that no HTTP request can carry (RFC 9110, 5.1 and 5.5), by the option it comes from. */
export const unsendable = (options: {
  readonly apiKey?: Redacted.Redacted | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
}): string | undefined => {
  const isName = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !framing.has(name.toLowerCase())
  const isValue = (value: string | Redacted.Redacted): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(plain(value))
  if (options.apiKey !== undefined && !isValue(options.apiKey)) return "apiKey"
  const bad = Object.entries(options.headers ?? {}).find(([name, value]) => !isName(name) || !isValue(value))
  return bad === undefined ? undefined : `headers.${bad[0]}`
}

/** What is sent along with every request, and what of it is secret. */
export interface Credentials {
  readonly address: Address
  readonly apiKey?: Redacted.Redacted | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
}

/** @param own of the transport */
const sent = (options: Credentials, own: ReadonlyArray<string> = []): Pick<Host, "headers" | "secrets"> => {
  const headers: Record<string, string> = {}
  const secrets = new Set<string>()
  const secret = (text: string): string => {
    for (const part of [text, ...text.split(/\s+/).filter((part) => part.length >= 6)]) {
      // as it looks in an address and in a text of JSON, too
      for (const form of [part, encodeURIComponent(part), JSON.stringify(part).slice(1, -1)]) secrets.add(form)
    }
    return text
  }
  for (const text of own) secret(text)
  if (options.address.basic !== undefined) {
    headers.authorization = secret(Redacted.value(options.address.basic))
    for (const part of credentials(headers.authorization)) secrets.add(part)
  }
  if (options.apiKey !== undefined) headers.authorization = `Bearer ${secret(Redacted.value(options.apiKey))}`
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    const text = plain(value)
    headers[name.toLowerCase()] = typeof value !== "string" || isSecretive(name) ? secret(text) : text
  }
  return {
    headers,
    // a secret that is a part of another one must not be taken out of it first; a shorter one than this protects
    // nothing, and taking it out would tear every text apart
    secrets: [...secrets].filter((text) => text.length >= 4).sort((a, b) => b.length - a.length)
  }
}

/** Other credentials from now on; the old ones stay secrets, of calls that run. */
export const renew = (host: Host, credentials: Credentials): void => {
  const { headers, secrets } = sent(credentials)
  host.headers = headers
  host.secrets = [...new Set([...secrets, ...host.secrets])].sort((a, b) => b.length - a.length)
}

export const make = (
  options: Credentials & {
    readonly client: Host["client"]
    readonly isCloud: boolean
    readonly connectLimit: number | undefined
    readonly soon: Soon.Run | undefined
    readonly telling?: Telling | undefined
    /** What the transport itself sends to prove who it is. */
    readonly transportSecrets?: ReadonlyArray<string>
  }
): Host => {
  const { headers, secrets } = sent(options, options.transportSecrets)
  return {
    address: options.address,
    client: options.client,
    headers,
    secrets,
    isCloud: options.isCloud,
    sendsOrigin: headers.origin !== undefined || Page.isBrowser(),
    connectLimit: options.connectLimit,
    soon: options.soon,
    telling: options.telling,
    hasAnswered: false,
    isKnownPlain: false,
    contact: undefined,
    changes: 0
  }
}

export const request = (
  host: Host,
  method: HttpClientRequest.HttpClientRequest["method"],
  path: string,
  accept: string
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.make(method)(host.address.url + path, { headers: { accept, ...host.headers } })
