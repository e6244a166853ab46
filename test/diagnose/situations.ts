/** All situations, in the order in which a call meets them on its way. */
import type { Situation } from "./situation.js"
import { gateways, others, secure } from "./situations/gateways.js"
import { lines, names, ways } from "./situations/network.js"
import { portals, proxies } from "./situations/proxies.js"
import { servers } from "./situations/servers.js"

export const all: ReadonlyArray<Situation> = [
  ...ways,
  ...names,
  ...lines,
  ...proxies,
  ...portals,
  ...gateways,
  ...others,
  ...secure,
  ...servers
]
