/**
 * Three machines on two wires, made of network namespaces: a client, a server, and a router on the way between them
 * which can filter, answer in the server's place, or lead nowhere.
 *
 *     client 10.99.1.2 ── 10.99.1.1 way 10.99.2.1 ── 10.99.2.2 server
 *
 * All of it goes with the Scope; what a killed process has left is taken away by the next one.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { execFile, execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Owned from "./owned.js"

export const places = ["client", "way", "server"] as const

export type Place = (typeof places)[number]

export const addresses = {
  client: "10.99.1.2",
  /** The router, as the client sees it. */
  way: "10.99.1.1",
  /** The router, as the server sees it. */
  inside: "10.99.2.1",
  server: "10.99.2.2",
  /** In the server's network, but no machine has it. */
  nobody: "10.99.2.9",
  /** In a network that the router knows no way to. */
  nowhere: "10.98.0.1"
} as const

/** The names that the machines know without a name server. */
export const names: Readonly<Record<string, string>> = {
  "ollama.test": addresses.server,
  "proxy.test": addresses.way,
  localhost: "127.0.0.1"
}

export interface Lab {
  /** Of letters and digits, and no other lab has it at this time. */
  readonly name: string
  /** A folder for what its programs read and write. */
  readonly folder: string
  /** A command as it is run at this place. */
  readonly at: (place: Place, ...command: ReadonlyArray<string>) => readonly [file: string, ...args: Array<string>]
  /** Runs a command to its end, and gives what it printed; a bad exit is a defect. */
  readonly run: (place: Place, ...command: ReadonlyArray<string>) => Effect.Effect<string>
  /** Adds rules to the filter of packets that this place lets in, out or through. */
  readonly filter: (
    place: Place,
    hook: "input" | "output" | "forward",
    ...rules: ReadonlyArray<string>
  ) => Effect.Effect<void>
  /** Replaces a file of `/etc` as programs at this place see it that are started from now on. */
  readonly etc: (place: Place, file: string, text: string) => Effect.Effect<void>
}

const quietly = (...command: readonly [string, ...ReadonlyArray<string>]): string => {
  try {
    const [file, ...args] = command
    return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
  } catch {
    // it is gone already
    return ""
  }
}

const etcFolder = (space: string): string => join("/etc/netns", space)

/** Ends what runs in a namespace, and the namespace. */
const remove = (space: string): void => {
  for (const pid of quietly("ip", "netns", "pids", space).split(/\s+/)) {
    if (pid !== "") quietly("kill", "-KILL", pid)
  }
  quietly("ip", "netns", "del", space)
  rmSync(etcFolder(space), { recursive: true, force: true })
}

const removeForsaken = (): void => {
  for (const space of new Set([...Owned.forsaken("/run/netns"), ...Owned.forsaken("/etc/netns")])) remove(space)
}

/** What has to go when this process ends before the Scope does. */
const standing = new Set<string>()
let made = 0

const begin = (): void => {
  if (made++ > 0) return
  removeForsaken()
  process.once("exit", () => {
    for (const space of standing) remove(space)
  })
}

const command = (file: string, args: ReadonlyArray<string>, input?: string): Effect.Effect<string> =>
  Effect.async((resume) => {
    const child = execFile(file, [...args], { encoding: "utf8", timeout: 20_000 }, (error, stdout, stderr) =>
      resume(
        error === null
          ? Effect.succeed(stdout)
          : Effect.dieMessage(`${file} ${args.join(" ")}: ${error.message}${stderr}`)
      )
    )
    child.stdin?.end(input)
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** What `ip -batch` reads. */
const wires = (client: string, way: string, server: string): ReadonlyArray<readonly [space: string, batch: string]> => [
  [
    client,
    `link set lo up
link add name eth0 type veth peer name eth1 netns ${way}
addr add ${addresses.client}/24 dev eth0
link set eth0 up
route add default via ${addresses.way}`
  ],
  [
    server,
    `link set lo up
link add name eth0 type veth peer name eth2 netns ${way}
addr add ${addresses.server}/24 dev eth0
link set eth0 up
route add default via ${addresses.inside}`
  ],
  [
    way,
    `link set lo up
addr add ${addresses.way}/24 dev eth1
link set eth1 up
addr add ${addresses.inside}/24 dev eth2
link set eth2 up`
  ]
]

const hosts = Object.entries(names)
  .map(([name, address]) => `${address} ${name}\n`)
  .join("")

export const make: Effect.Effect<Lab, never, Scope.Scope> = Effect.gen(function* () {
  const { folder, name, spaces } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      begin()
      const space = Owned.name(String(made))
      const spaces = { client: `${space}-client`, way: `${space}-way`, server: `${space}-server` }
      for (const space of Object.values(spaces)) standing.add(space)
      const folder = Owned.folder()
      // squid reads it as another user
      chmodSync(folder, 0o755)
      return { name: Owned.plainName(String(made)), folder, spaces }
    }),
    ({ folder, spaces }) =>
      Effect.sync(() => {
        for (const space of Object.values(spaces)) {
          remove(space)
          standing.delete(space)
        }
        Owned.removeFolder(folder)
      })
  )
  const at: Lab["at"] = (place, ...inner) => ["ip", "netns", "exec", spaces[place], ...inner]
  const etc: Lab["etc"] = (place, file, text) =>
    Effect.sync(() => {
      mkdirSync(etcFolder(spaces[place]), { recursive: true })
      writeFileSync(join(etcFolder(spaces[place]), file), text)
    })
  const run: Lab["run"] = (place, ...inner) => {
    const [file, ...args] = at(place, ...inner)
    return command(file, args)
  }
  for (const space of Object.values(spaces)) yield* command("ip", ["netns", "add", space])
  for (const [space, batch] of wires(spaces.client, spaces.way, spaces.server)) {
    yield* command("ip", ["-n", space, "-batch", "-"], `${batch}\n`)
  }
  // a router says that there is no way once a second at most, and all else then looks like packets that are dropped
  yield* run("way", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
  for (const place of places) {
    yield* etc(place, "hosts", hosts)
    // nobody answers there unless a situation has a name server
    yield* etc(place, "resolv.conf", `nameserver ${addresses.way}\noptions timeout:1 attempts:1\n`)
  }
  return {
    name,
    folder,
    at,
    run,
    etc,
    filter: (place, hook, ...rules) =>
      run(
        place,
        "nft",
        [
          "add table inet lab",
          `add chain inet lab ${hook} { type filter hook ${hook} priority 0; }`,
          ...rules.map((rule) => `add rule inet lab ${hook} ${rule}`)
        ].join("; ")
      )
  }
})
