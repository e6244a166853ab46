/** What needs more than an HTTP client: names, sockets, certificates, proxies, and the machine itself. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { Machine, Place, ProxyAnswer, Resolved, Tcp, Tls } from "./facts.js"

/**
 * What a probe found; nothing where it cannot be known here. It never fails, and how long it took is the doctor's to
 * measure.
 *
 * @since 0.1.0
 * @category models
 */
export type Finding<A> = Effect.Effect<Option.Option<A>>

/**
 * A proxy as it is set, with its credentials.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxySetting {
  /** The variable or the option. */
  readonly from: string
  readonly address: Redacted.Redacted
  /** Whether calls to the address that was asked about go through it. */
  readonly used: boolean
}

/**
 * What became of a connection: see `Tcp`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connected {
  readonly outcome: Tcp["outcome"]
  readonly code?: string
  readonly byNetwork?: boolean
}

/**
 * What needs more than an HTTP client: names, sockets, certificates, proxies, and the machine itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Probes {
  readonly machine: Finding<Machine>
  /** The addresses of a name, in the order in which they are tried; or the code of the failure. */
  readonly resolve: (
    hostname: string
  ) => Finding<{ readonly addresses: ReadonlyArray<Resolved>; readonly code?: string }>
  /** Where an IP address is. */
  readonly place: (address: string) => Finding<Place>
  /** Opens a connection and closes it. It is left when it takes too long. */
  readonly connect: (address: string, port: number) => Finding<Connected>
  /** Looks at the certificate, also at one that is not trusted. */
  readonly tls: (hostname: string, port: number) => Finding<Omit<Tls, "took">>
  /** The proxies that are set for this program. */
  readonly proxies: (url: string) => Finding<ReadonlyArray<ProxySetting>>
  /** Asks a proxy for the way to the address. */
  readonly askProxy: (setting: ProxySetting, url: string) => Finding<Omit<ProxyAnswer, "took">>
}

const notKnown = Effect.succeedNone

/**
 * Nothing of it is known: what the doctor has where nobody gives it probes.
 *
 * @since 0.1.0
 * @category constants
 */
export const noProbes: Probes = {
  machine: notKnown,
  resolve: () => notKnown,
  place: () => notKnown,
  connect: () => notKnown,
  tls: () => notKnown,
  proxies: () => notKnown,
  askProxy: () => notKnown
}

/**
 * The probes in force; `noProbes` where no layer gives any.
 *
 * @since 0.1.0
 * @category services
 */
export class CurrentProbes extends Context.Reference<CurrentProbes>()("effect-ollama/Doctor/Probes", {
  defaultValue: (): Probes => noProbes
}) {}
