/** The way to the server below HTTP: name, connections, certificate, proxies. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Address } from "../../internal/address.js"
import { defined } from "../../internal/defined.js"
import * as Asking from "./asking.js"
import type { Dns, Proxy, Resolved, Tcp, Tls } from "./facts.js"
import type { Connected, Finding, Probes, ProxySetting } from "./probes.js"
import { proxyAddress } from "./secrets.js"

/**
 * How long each probe may take. That a neighbour is off, the system (or the router next to it) knows after 3 s: silence
 * beyond that is something that swallows packets.
 */
const limits = {
  dns: Duration.seconds(3),
  tcp: Duration.seconds(5),
  tls: Duration.seconds(5),
  proxy: Duration.seconds(5)
}

/** Addresses that are tried; a name may have dozens. */
const addressesLimit = 8

const late = (limit: Duration.Duration) => ({ took: limit })

/** What a probe found within its limit, and in what time; `missed` where it found nothing in it. */
const probed = <A>(
  finding: Finding<A>,
  limit: Duration.Duration,
  missed: A
): Effect.Effect<Option.Option<A & { readonly took: Duration.Duration }>> =>
  Effect.map(
    Asking.atMost(Asking.timed(Asking.unbroken(finding)), limit),
    Option.match({
      onNone: () => Option.some({ ...missed, ...late(limit) }),
      onSome: ([took, found]) => Option.map(found, (value) => ({ ...value, took }))
    })
  )

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, "")

const resolve = (probes: Probes, hostname: string): Effect.Effect<Option.Option<Dns>> =>
  Effect.map(
    probed(probes.resolve(hostname), limits.dns, { addresses: [], code: "ETIMEDOUT" }),
    Option.map((found) => ({ hostname, ...found }))
  )

const connect = (probes: Probes, { address, family }: Resolved, port: number): Effect.Effect<Option.Option<Tcp>> =>
  Effect.all([
    Effect.map(
      Asking.atMost(Asking.unbroken(probes.place(address)), limits.dns),
      Option.flatMap((place) => place)
    ),
    probed<Connected>(probes.connect(address, port), limits.tcp, { outcome: "dropped" })
  ]).pipe(
    Effect.map(([place, found]) =>
      Option.map(found, (value) => ({
        address,
        family,
        port,
        place: Option.getOrElse(place, () => "unknown" as const),
        ...value
      }))
    )
  )

const certificate = (probes: Probes, address: Address): Effect.Effect<Option.Option<Tls>> =>
  probed(probes.tls(bare(address.hostname), address.port), limits.tls, {
    names: [],
    trusted: false,
    fault: "other" as const,
    code: "ETIMEDOUT"
  })

const proxy = (probes: Probes, setting: ProxySetting, url: string): Effect.Effect<Proxy> => {
  const shown = { from: setting.from, address: proxyAddress(setting), used: setting.used }
  if (!setting.used) return Effect.succeed(shown)
  return Effect.map(
    probed(probes.askProxy(setting, url), limits.proxy, { outcome: "failed" as const, code: "ETIMEDOUT" }),
    (answer) => defined({ ...shown, answer: Option.getOrUndefined(answer) })
  )
}

/** The proxies that are set, those in use asked for the way. */
export const proxies = (
  probes: Probes,
  settings: ReadonlyArray<ProxySetting>,
  address: Address
): Effect.Effect<ReadonlyArray<Proxy>> =>
  Effect.forEach(settings, (setting) => proxy(probes, setting, address.url), { concurrency: "unbounded" })

export interface Way {
  readonly dns: Dns | undefined
  readonly tcp: ReadonlyArray<Tcp>
  readonly tls: Tls | undefined
}

/** The way without a proxy: each step as soon as the one before it is known, told as it is found. */
export const way = (
  probes: Probes,
  address: Address,
  isTunneled: boolean,
  onFound: (way: Partial<Way>) => void
): Effect.Effect<void> =>
  Effect.gen(function* () {
    /** Whether a certificate can be asked for, as far as is known. */
    const isOpen = Effect.gen(function* () {
      const dns = yield* resolve(probes, bare(address.hostname))
      if (Option.isNone(dns)) return true
      onFound({ dns: dns.value })
      const tried = yield* Effect.forEach(
        dns.value.addresses.slice(0, addressesLimit),
        (resolved) => connect(probes, resolved, address.port),
        { concurrency: "unbounded" }
      )
      const tcp = tried.flatMap(Option.toArray)
      onFound({ tcp })
      if (dns.value.addresses.length === 0) return false
      return tcp.length === 0 || tcp.some(({ outcome }) => outcome === "connected")
    })
    if (!isTunneled && !(yield* isOpen)) return
    if (address.scheme === "http") return
    const tls = yield* certificate(probes, address)
    if (Option.isSome(tls)) onFound({ tls: tls.value })
  })
