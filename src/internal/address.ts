/**
 * The rules of OLLAMA_HOST, as Ollama's own client reads it (Ollama `envconfig/config.go`, `Host`), with the address a
 * program can connect to at the end (`ConnectableHost`: an unspecified address becomes the loopback one).
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { defined } from "./defined.js"

/** An address that can be connected to. `url` has no credentials and no slash at its end. */
export interface Address {
  readonly url: string
  readonly scheme: "http" | "https"
  readonly hostname: string
  readonly port: number
  readonly path: string
  /** From `user:password@` in the address: the value of a Basic Authorization header. */
  readonly basic?: Redacted.Redacted
}

/** Whether a host name of a URL is this machine's name or address of itself. */
export const isLoopback = (hostname: string): boolean =>
  /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)

const defaultPort = 11434

const unquote = (text: string): string =>
  text
    .trim()
    .replace(/^["']+|["']+$/g, "")
    .trim()

const connectable = (hostname: string): string =>
  hostname === "" || hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "[::]" ? "[::1]" : hostname

const port = (text: string | undefined, fallback: number): number =>
  text !== undefined && /^\d+$/.test(text) && Number(text) <= 65535 ? Number(text) : fallback

/** Splits `host:port`, `[v6]:port`, a bare v6 address, `:port`. */
const splitPort = (authority: string): { readonly hostname: string; readonly port: string | undefined } => {
  const bracketed = /^(\[[^\]]*\])(?::(.*))?$/.exec(authority)
  if (bracketed?.[1] !== undefined) return { hostname: bracketed[1], port: bracketed[2] }
  const colon = authority.indexOf(":")
  if (colon === -1) return { hostname: authority, port: undefined }
  if (colon !== authority.lastIndexOf(":")) return { hostname: `[${authority}]`, port: undefined }
  return { hostname: authority.slice(0, colon), port: authority.slice(colon + 1) }
}

/** Reads an address by the rules of OLLAMA_HOST; the Left says in a few words what is wrong. */
export const parse = (input: string): Either.Either<Address, string> => {
  const text = unquote(input)
  const split = text.indexOf("://")
  const schemeText = split === -1 ? "" : text.slice(0, split).toLowerCase()
  const rest = split === -1 ? text : text.slice(split + 3)
  if (split !== -1 && schemeText !== "http" && schemeText !== "https") {
    return Either.left(`the scheme must be http or https, not "${schemeText.slice(0, 20)}"`)
  }
  if (/[\s\\?#\u0000-\u001f\u007f]/.test(rest))
    return Either.left("it contains a character that an address cannot have")
  const isCloud = schemeText === "" && rest === "ollama.com"
  const scheme = isCloud || schemeText === "https" ? "https" : "http"
  const schemePort = isCloud ? 443 : schemeText === "" ? defaultPort : scheme === "https" ? 443 : 80
  const slash = rest.indexOf("/")
  const authorityText = slash === -1 ? rest : rest.slice(0, slash)
  const path =
    slash === -1
      ? ""
      : rest
          .slice(slash)
          .replace(/\/{2,}/g, "/")
          .replace(/\/$/, "")
  const at = authorityText.lastIndexOf("@")
  const authority = splitPort(authorityText.slice(at + 1))
  const hostname = connectable(authority.hostname.toLowerCase())
  const portNumber = port(authority.port, schemePort)
  const url = `${scheme}://${hostname}:${portNumber}${path}`
  if (!URL.canParse(url) || (hostname.startsWith("[") && !/^\[[0-9a-f:.%]+\]$/.test(hostname))) {
    return Either.left("it is no host name or IP address")
  }
  const basic = at === -1 ? undefined : basicCredentials(authorityText.slice(0, at))
  return Either.right(defined({ url, scheme, hostname, port: portNumber, path, basic }))
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // not percent-encoded: taken as it is
    return text
  }
}

const basicCredentials = (userinfo: string): Redacted.Redacted => {
  const bytes = new TextEncoder().encode(decoded(userinfo))
  return Redacted.make(`Basic ${btoa(String.fromCharCode(...bytes))}`)
}

/** Whether this is ollama.com itself, which has neither `/api/ps` nor loads. */
export const isCloud = (address: Address): boolean =>
  address.hostname === "ollama.com" || address.hostname.endsWith(".ollama.com")
