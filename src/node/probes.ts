/** What the doctor cannot find out over an HTTP client: names, sockets, certificates and proxies, by Node's own modules. */
import * as Config from "effect/Config"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Dns from "node:dns"
import * as Net from "node:net"
import type * as Tls from "node:tls"
import { defined } from "../internal/defined.js"
import type * as Doctor from "../observe/Doctor.js"
import * as AskProxy from "./askProxy.js"
import * as Machine from "./machine.js"
import type * as OllamaNode from "./OllamaNode.js"
import * as Proxy from "./proxy.js"
import * as Sockets from "./sockets.js"
import * as Transport from "./transport.js"
import * as Tunnel from "./tunnel.js"

const codeOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "code") && typeof error.code === "string" ? error.code : undefined

// ---- names and connections ----------------------------------------------------------------------------------------

type Lookup = { readonly addresses: ReadonlyArray<Doctor.Resolved>; readonly code?: string }

/** As connections do it: by the system, with its hosts file and search domains. */
const resolve = (hostname: string): Effect.Effect<Lookup> =>
  Effect.async((resume) => {
    Dns.lookup(hostname, { all: true }, (error, found) =>
      resume(
        Effect.succeed(
          error === null
            ? { addresses: found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })) }
            : { addresses: [], code: error.code ?? "ENOTFOUND" }
        )
      )
    )
  })

const outcomeOf = (code: string | undefined): Doctor.Tcp["outcome"] => {
  switch (code) {
    case "ECONNREFUSED":
      return "refused"
    case "ETIMEDOUT":
      return "dropped"
    case "EACCES":
    case "EPERM":
      return "forbidden"
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENETDOWN":
    // a route that throws packets away
    case "EINVAL":
      return "unroutable"
    case "EADDRNOTAVAIL":
    case "EMFILE":
    case "ENFILE":
      return "exhausted"
    default:
      return "failed"
  }
}

const once = (address: string, port: number): Effect.Effect<Doctor.Connected> =>
  Effect.scoped(Sockets.open({ host: address, port })).pipe(
    Effect.match({
      onSuccess: (): Doctor.Connected => ({ outcome: "connected" }),
      onFailure: (error): Doctor.Connected => {
        const code = codeOf(error)
        return defined({ outcome: outcomeOf(code), code })
      }
    })
  )

/** So many refusals have to come with a message of the network each, before they are taken for one of its own. */
const proofs = 3

/** A firewall that rejects sends an ICMP message, where a machine on which nothing listens sends a reset. */
const connect = (address: string, port: number): Effect.Effect<Doctor.Connected> =>
  Effect.gen(function* () {
    const before = yield* Machine.unreachableMessages
    const first = yield* once(address, port)
    if (first.outcome !== "refused" || before === undefined) return first
    let last = before
    for (let nth = 0; nth < proofs; nth++) {
      if (nth > 0) yield* once(address, port)
      const now = yield* Machine.unreachableMessages
      if (now === undefined || now <= last) return first
      last = now
    }
    return { ...first, byNetwork: true }
  })

// ---- certificates -------------------------------------------------------------------------------------------------

const faultOf = (code: string): NonNullable<Doctor.Tls["fault"]> => {
  if (code.startsWith("DEPTH_ZERO_SELF_SIGNED")) return "selfSigned"
  if (/^(SELF_SIGNED|UNABLE_TO_|INVALID_CA|CERT_UNTRUSTED|PATH_LENGTH)/.test(code)) return "unknownAuthority"
  if (code === "CERT_HAS_EXPIRED") return "expired"
  if (code === "CERT_NOT_YET_VALID") return "notYetValid"
  if (/ALTNAME|HOSTNAME_MISMATCH/.test(code)) return "wrongName"
  return /WRONG_VERSION_NUMBER|PACKET_LENGTH|HTTP_REQUEST|EPROTO/.test(code) ? "notTls" : "other"
}

const nameOf = (entity: Tls.Certificate | undefined): string | undefined => {
  if (entity === undefined) return undefined
  // a field that occurs several times is an array, which its type does not say
  const parts: ReadonlyArray<unknown> = [entity.CN, entity.O]
  return parts.flat().find((part): part is string => typeof part === "string" && part !== "")
}

const timeOf = (text: string | undefined): DateTime.Utc | undefined => {
  const time = text === undefined ? undefined : new Date(text)
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : DateTime.unsafeMake(time)
}

/** `DNS:localhost, IP Address:127.0.0.1` */
const namesOf = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split(", ").flatMap((part) => /^(?:DNS|IP Address):(.+)$/.exec(part)?.[1] ?? [])

const seen = (socket: Tls.TLSSocket): Omit<Doctor.Tls, "took"> => {
  const certificate = socket.getPeerCertificate()
  // its type says Error, and it is a code
  const problem: unknown = socket.authorizationError
  const code = typeof problem === "string" ? problem : codeOf(problem)
  return {
    names: namesOf(certificate.subjectaltname),
    trusted: socket.authorized,
    ...defined({
      protocol: socket.getProtocol() ?? undefined,
      subject: nameOf(certificate.subject),
      issuer: nameOf(certificate.issuer),
      validFrom: timeOf(certificate.valid_from),
      validTo: timeOf(certificate.valid_to),
      fault: socket.authorized ? undefined : faultOf(code ?? ""),
      code: socket.authorized ? undefined : code
    })
  }
}

/** The certificate, whatever it is worth; nothing where there was no connection to ask for it. */
const certificate = (
  options: OllamaNode.TransportOptions,
  hostname: string,
  port: number
): Effect.Effect<Option.Option<Omit<Doctor.Tls, "took">>> =>
  Effect.gen(function* () {
    const context = yield* Transport.tls(options)
    const route = yield* routeTo(options, `https://${Net.isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`)
    const socket = yield* route._tag === "direct"
      ? Sockets.open({ host: hostname, port })
      : Effect.tap(Sockets.toProxy(route.server), (socket) => Tunnel.through(socket, route.server, { hostname, port }))
    const shaken = yield* Effect.either(
      Sockets.secure({
        ...context,
        socket,
        host: hostname,
        rejectUnauthorized: false,
        ...(Net.isIP(hostname) === 0 ? { servername: hostname } : {})
      })
    )
    return Either.match(shaken, {
      onRight: seen,
      onLeft: (error): Omit<Doctor.Tls, "took"> => {
        const code = codeOf(error)
        return defined({ names: [], trusted: false, fault: faultOf(code ?? ""), code })
      }
    })
  }).pipe(Effect.scoped, Effect.option)

const direct: Proxy.Route = { _tag: "direct" }

const routeTo = (options: OllamaNode.TransportOptions, url: string): Effect.Effect<Proxy.Route> =>
  Effect.sync(() =>
    Either.match(Proxy.routes(options.proxy ?? {}), {
      onLeft: () => direct,
      onRight: (routes) => routes(new URL(url))
    })
  )

// ---- proxies --------------------------------------------------------------------------------------------------------

interface Variable {
  readonly name: string
  readonly value: Redacted.Redacted
}

/** A variable in the spelling that it has, as Go looks for them. */
const variable = (name: string): Effect.Effect<ReadonlyArray<Variable>> =>
  Effect.forEach([name, name.toLowerCase()], (spelling) =>
    Config.redacted(Config.nonEmptyString(spelling)).pipe(
      Effect.map((value): Variable => ({ name: spelling, value })),
      // it is not set
      Effect.option
    )
  ).pipe(Effect.map((found) => found.flatMap(Option.toArray).slice(0, 1)))

const text = (value: string | Redacted.Redacted): string => (Redacted.isRedacted(value) ? Redacted.value(value) : value)

/** Those of the client by the name of the variable that they come from, then those that are set and not used. */
const proxies = (
  { proxy = {} }: OllamaNode.TransportOptions,
  url: string
): Effect.Effect<ReadonlyArray<Doctor.ProxySetting>> =>
  Effect.gen(function* () {
    const { protocol } = new URL(url)
    const route = yield* routeTo({ proxy }, url)
    const variables = yield* Effect.all({ http: variable("HTTP_PROXY"), https: variable("HTTPS_PROXY") })
    return (["http", "https"] as const).flatMap((scheme): ReadonlyArray<Doctor.ProxySetting> => {
      const given = proxy[scheme]
      const [set] = variables[scheme]
      if (given === undefined || text(given) === "") {
        return set === undefined ? [] : [{ from: set.name, address: set.value, used: false }]
      }
      const isFromVariable = set !== undefined && Redacted.value(set.value) === text(given)
      return [
        {
          from: isFromVariable ? set.name : `proxy.${scheme}`,
          address: Redacted.make(text(given)),
          used: protocol === `${scheme}:` && route._tag !== "direct"
        }
      ]
    })
  })

/** What this machine can find out, on the way that a client with these options takes. */
export const make = (options: OllamaNode.TransportOptions): Doctor.Probes => ({
  machine: Effect.asSome(Machine.machine),
  resolve: (hostname) => Effect.asSome(resolve(hostname)),
  place: (address) => Effect.asSome(Machine.place(address)),
  connect: (address, port) => Effect.asSome(connect(address, port)),
  tls: (hostname, port) => certificate(options, hostname, port),
  proxies: (url) => Effect.asSome(proxies(options, url)),
  askProxy: (setting, url) =>
    Effect.flatMap(routeTo({ proxy: { http: setting.address, https: setting.address } }, url), (route) =>
      route._tag === "direct" ? Effect.succeedNone : Effect.asSome(AskProxy.ask(route, new URL(url)))
    )
})
