/**
 * Which proxy a request goes through, by the rules of Go, which Ollama's own client follows
 * (golang.org/x/net/http/httpproxy): https has a proxy of its own, loopback addresses never have one, and NO_PROXY holds
 * host names, domains, addresses and networks, each with or without a port.
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"

/** Proxies as values: an address with or without `http://`, in front of which may be `user:password@`. */
export interface Proxy {
  readonly http?: string | Redacted.Redacted | undefined
  readonly https?: string | Redacted.Redacted | undefined
  readonly no?: string | ReadonlyArray<string> | undefined
}

/** A proxy that can be connected to. */
export interface Server {
  readonly protocol: "http:" | "https:" | "socks5:"
  /** Without brackets around an IPv6 address. */
  readonly hostname: string
  readonly port: number
  /** Without credentials. */
  readonly origin: string
  readonly credentials: { readonly user: string; readonly password: string } | undefined
}

/**
 * `forward`: the proxy is asked for the whole address, and sees the request. `tunnel`: it is asked for a connection, and
 * sees bytes.
 */
export type Route =
  | { readonly _tag: "direct" }
  | { readonly _tag: "forward"; readonly server: Server }
  | { readonly _tag: "tunnel"; readonly server: Server }

/** The way to an address. */
export type Routes = (url: URL) => Route

/** What cannot be used, as the field and the reason. */
export interface Problem {
  readonly field: "proxy.http" | "proxy.https"
  readonly why: string
}

const ports = { "http:": 80, "https:": 443, "socks5:": 1080 } as const

export const unbracketed = (hostname: string): string => hostname.replace(/^\[|\]$/g, "")

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // not percent-encoded: taken as it is
    return text
  }
}

const parse = (field: Problem["field"], value: string | Redacted.Redacted): Either.Either<Server, Problem> => {
  const text = (Redacted.isRedacted(value) ? Redacted.value(value) : value).trim()
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const no = (why: string): Either.Either<never, Problem> => Either.left({ field, why })
  if (!URL.canParse(withScheme)) return no("it is no address")
  const url = new URL(withScheme)
  const protocol = url.protocol === "socks5h:" ? "socks5:" : url.protocol
  if (protocol !== "http:" && protocol !== "https:" && protocol !== "socks5:") {
    return no("the scheme must be http, https or socks5")
  }
  if (url.hostname === "") return no("it has no host")
  const port = url.port === "" ? ports[protocol] : Number(url.port)
  return Either.right({
    protocol,
    hostname: unbracketed(url.hostname),
    port,
    origin: `${protocol}//${url.hostname}:${port}`,
    credentials:
      url.username === "" && url.password === ""
        ? undefined
        : { user: decoded(url.username), password: decoded(url.password) }
  })
}

/** What of the proxies' credentials must not be said: the passwords, and what is sent of them. */
export const secrets = (proxy: Proxy | undefined): ReadonlyArray<string> =>
  [proxy?.http, proxy?.https].flatMap((value) => {
    const server = value === undefined || value === "" ? undefined : Either.getOrUndefined(parse("proxy.http", value))
    if (server?.credentials === undefined) return []
    const { password, user } = server.credentials
    return [Buffer.from(`${user}:${password}`).toString("base64"), ...(password === "" ? [] : [password])]
  })

type Matcher = (hostname: string, port: number) => boolean

const familyOf = (ip: string): "ipv4" | "ipv6" => (Net.isIPv4(ip) ? "ipv4" : "ipv6")

const inList = (list: Net.BlockList): ((hostname: string) => boolean) => {
  return (hostname) => Net.isIP(hostname) !== 0 && list.check(hostname, familyOf(hostname))
}

const isLoopback = ((): ((hostname: string) => boolean) => {
  const list = new Net.BlockList()
  list.addSubnet("127.0.0.0", 8, "ipv4")
  list.addAddress("::1", "ipv6")
  const isAddress = inList(list)
  return (hostname) => hostname === "localhost" || isAddress(hostname)
})()

const network = (entry: string): Matcher | undefined => {
  const [address, bits, more] = entry.split("/")
  if (address === undefined || bits === undefined || more !== undefined || !/^\d{1,3}$/.test(bits)) return undefined
  if (Net.isIP(address) === 0 || Number(bits) > (Net.isIPv4(address) ? 32 : 128)) return undefined
  const list = new Net.BlockList()
  list.addSubnet(address, Number(bits), familyOf(address))
  return inList(list)
}

const splitPort = (entry: string): { readonly host: string; readonly port: number | undefined } => {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry)
  if (bracketed !== null) {
    return { host: bracketed[1] ?? "", port: bracketed[2] === undefined ? undefined : Number(bracketed[2]) }
  }
  const named = /^([^:]*):(\d+)$/.exec(entry)
  return named === null ? { host: entry, port: undefined } : { host: named[1] ?? "", port: Number(named[2]) }
}

/** One entry of NO_PROXY; what cannot be read matches nothing, as in Go. */
const matcher = (entry: string): Matcher => {
  if (entry === "*") return () => true
  const ofNetwork = network(entry)
  if (ofNetwork !== undefined) return ofNetwork
  const { host, port } = splitPort(entry)
  const onPort = (matches: (hostname: string) => boolean): Matcher => {
    return (hostname, of) => matches(hostname) && (port === undefined || port === of)
  }
  if (host === "") return () => false
  if (Net.isIP(host) !== 0) {
    const list = new Net.BlockList()
    list.addAddress(host, familyOf(host))
    return onPort(inList(list))
  }
  const suffix = host.startsWith("*.") ? host.slice(1) : host.startsWith(".") ? host : `.${host}`
  const isExactToo = !host.startsWith("*.") && !host.startsWith(".")
  return onPort((hostname) => hostname.endsWith(suffix) || (isExactToo && hostname === host))
}

const matchers = (no: Proxy["no"]): ReadonlyArray<Matcher> =>
  (typeof no === "string" ? no.split(",") : (no ?? []))
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== "")
    .map(matcher)

const direct: Route = { _tag: "direct" }

const optional = (
  field: Problem["field"],
  value: string | Redacted.Redacted | undefined
): Either.Either<Server | undefined, Problem> =>
  value === undefined || value === "" ? Either.right(undefined) : parse(field, value)

/** The way of each request, or what is wrong with the proxies' addresses. */
export const routes = (proxy: Proxy): Either.Either<Routes, Problem> =>
  Either.map(
    Either.all({ http: optional("proxy.http", proxy.http), https: optional("proxy.https", proxy.https) }),
    ({ http, https }) => {
      const exceptions = matchers(proxy.no)
      const routeOf = (server: Server | undefined, isSecure: boolean): Route =>
        server === undefined
          ? direct
          : { _tag: isSecure || server.protocol === "socks5:" ? "tunnel" : "forward", server }
      const ways = { "http:": routeOf(http, false), "https:": routeOf(https, true) }
      return (url) => {
        const isSecure = url.protocol === "https:"
        const way = isSecure ? ways["https:"] : ways["http:"]
        if (way._tag === "direct") return direct
        const hostname = unbracketed(url.hostname).toLowerCase()
        const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port)
        return isLoopback(hostname) || exceptions.some((matches) => matches(hostname, port)) ? direct : way
      }
    }
  )
