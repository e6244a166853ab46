/** One server, and what this client knows and holds of it. */
import type * as Host from "../internal/host.js"
import type { Policy } from "../policy/Policy.js"
import type * as Guards from "./guards.js"
import type * as Offline from "./offline.js"
import type * as Probe from "./probe.js"
import type * as Residency from "./residency.js"

export interface Server {
  readonly host: Host.Host
  readonly residency: Residency.Monitor
  readonly guards: Guards.Guards
  readonly gate: Offline.Gate
  readonly probe: Probe.Probe
  /** The policy there, where it is not that of the client. */
  readonly policy: () => Policy | undefined
}
