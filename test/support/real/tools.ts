/**
 * What the tests on the real thing need of the machine: root, network namespaces, filters, proxies. What is missing is
 * said; in CI it is installed first, where that can be done quickly and quietly.
 */
import { execFileSync } from "node:child_process"
import * as Owned from "./owned.js"

export type Tool = "netns" | "nft" | "netem" | "tbf" | "nginx" | "tinyproxy" | "squid" | "openssl" | Gateway

/** Used where they are, and never installed. */
type Gateway = "haproxy" | "apache2" | "caddy"

/** How long the packages may take to come, in milliseconds; vitest takes a worker for dead after a minute. */
const patience = 40_000

const works = (file: string, ...args: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(file, args, { stdio: "ignore", timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

const isRoot = process.platform === "linux" && process.getuid?.() === 0

/** Debian's package of each program. */
const packages: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  nginx: "nginx",
  tinyproxy: "tinyproxy",
  squid: "squid",
  openssl: "openssl"
}

const has = (program: string): boolean => works("sh", "-c", `PATH="$PATH:/usr/sbin:/sbin" command -v ${program}`)

/** Installs what is missing, where there is apt-get and the right to use it. */
export const install = (): void => {
  if (!isRoot) return
  const wanted = Object.keys(packages).filter((program) => !has(program))
  if (wanted.length === 0 || !has("apt-get")) return
  const names = wanted.map((program) => packages[program]).join(" ")
  const script = `apt-get update -q && apt-get install -y -q --no-install-recommends ${names}`
  try {
    execFileSync("sh", ["-c", script], {
      stdio: "ignore",
      timeout: patience,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }
    })
  } catch {
    // what is missing then is skipped, and said
  }
}

const probe = (): Readonly<Record<Tool, string | undefined>> => {
  if (process.env.CI !== undefined && process.env.CI !== "false") install()
  const name = Owned.name("probe")
  const inside = (...args: ReadonlyArray<string>): boolean => works("ip", "netns", "exec", name, ...args)
  const program = (file: string): string | undefined => (has(file) ? undefined : `${file} is not installed`)
  const netns = !isRoot
    ? "network namespaces need Linux and root"
    : !has("ip")
      ? "ip (iproute2) is not installed"
      : works("ip", "netns", "add", name)
        ? undefined
        : "network namespaces are not allowed here"
  try {
    const qdisc = (kind: string, ...rest: ReadonlyArray<string>): string | undefined =>
      netns !== undefined || inside("tc", "qdisc", "add", "dev", "lo", "root", kind, ...rest)
        ? undefined
        : `this kernel has no ${kind}`
    return {
      netns,
      nft:
        program("nft") ??
        (netns !== undefined || inside("nft", "add", "table", "inet", "probe") ? undefined : "nft may not filter here"),
      netem: qdisc("netem", "delay", "1ms"),
      tbf: qdisc("tbf", "rate", "1mbit", "burst", "10kb", "latency", "1s"),
      nginx: program("nginx"),
      tinyproxy: program("tinyproxy"),
      squid: program("squid"),
      openssl: program("openssl"),
      haproxy: program("haproxy"),
      apache2: program("apache2"),
      caddy: program("caddy")
    }
  } finally {
    if (netns === undefined) works("ip", "netns", "del", name)
  }
}

let found: Readonly<Record<Tool, string | undefined>> | undefined

/** Why these tools cannot all be used, if they cannot. */
export const missing = (needs: ReadonlyArray<Tool>): string | undefined => {
  const all = (found ??= probe())
  const reasons = needs.map((tool) => all[tool]).filter((reason) => reason !== undefined)
  return reasons.length === 0 ? undefined : [...new Set(reasons)].join("; ")
}
