/** Which machine this is, and where addresses are, seen from it. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import type * as Doctor from "../observe/Doctor.js"

const systems: Readonly<Partial<Record<NodeJS.Platform, Doctor.Machine["os"]>>> = {
  linux: "linux",
  android: "linux",
  darwin: "macos",
  win32: "windows"
}

/** The signs that container engines leave. */
const container = (): Doctor.Machine["container"] => {
  if (process.env.KUBERNETES_SERVICE_HOST !== undefined) return "kubernetes"
  if (Fs.existsSync("/run/.containerenv")) return "podman"
  if (Fs.existsSync("/.dockerenv")) return "docker"
  return undefined
}

export const machine: Effect.Effect<Doctor.Machine> = Effect.sync(() => {
  const inside = process.platform === "linux" ? container() : undefined
  return {
    os: systems[process.platform] ?? "unknown",
    wsl: process.platform === "linux" && /microsoft/i.test(Os.release()),
    ...(inside === undefined ? {} : { container: inside })
  }
})

const familyOf = (address: string): "ipv4" | "ipv6" => (Net.isIPv4(address) ? "ipv4" : "ipv6")

const loopback = new Net.BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

const isInNetwork = (address: string, cidr: string | null): boolean => {
  const [network, bits] = (cidr ?? "").split("/")
  if (network === undefined || bits === undefined || familyOf(network) !== familyOf(address)) return false
  const list = new Net.BlockList()
  list.addSubnet(network, Number(bits), familyOf(network))
  return list.check(address, familyOf(address))
}

/** Whether an IP address is of this machine, or of a network that it is part of. */
export const place = (address: string): Effect.Effect<Doctor.Place> =>
  Effect.sync(() => {
    const bare = address.replace(/%.*$/, "")
    if (Net.isIP(bare) === 0) return "unknown"
    const own = Object.values(Os.networkInterfaces()).flatMap((found) => found ?? [])
    if (loopback.check(bare, familyOf(bare)) || own.some((one) => one.address === bare)) return "self"
    return own.some(({ cidr }) => isInNetwork(bare, cidr)) ? "onLink" : "remote"
  })

/** The counters of Linux, of the network that this process is in. */
const counters = "/proc/self/net/snmp"

/** How many messages have come so far that say that something cannot be reached; nothing where nobody counts them. */
export const unreachableMessages: Effect.Effect<number | undefined> = Effect.try(() => {
  const lines = Fs.readFileSync(counters, "utf8").split("\n")
  const [names = [], values = []] = lines.filter((line) => line.startsWith("Icmp:")).map((line) => line.split(/\s+/))
  const value = Number(values[names.indexOf("InDestUnreachs")])
  return Number.isNaN(value) ? undefined : value
}).pipe(
  // another system than Linux, or one that hides it
  Effect.orElseSucceed(() => undefined)
)
