/** Forward proxies at the router of a lab: the client reaches the server's network through them. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { addresses, type Lab } from "./lab.js"
import * as Owned from "./owned.js"
import * as Process from "./process.js"

export const port = 3128

/** As the client is told of it. */
export const address = `http://${addresses.way}:${port}`

/** The one who may use a proxy that asks for credentials. */
export const user = { name: "ada", password: "l0velace-pass" } as const

/** Nothing gets through the router but what its proxy passes on. */
export const only = (lab: Lab): Effect.Effect<void> => lab.filter("way", "forward", "drop")

const written = (lab: Lab, name: string, text: string): string => {
  const file = join(lab.folder, name)
  writeFileSync(file, text)
  return file
}

/** @param settings its own, besides where it listens */
export const tinyproxy = (lab: Lab, settings = ""): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const file = written(
      lab,
      "tinyproxy.conf",
      `Port ${port}
Listen ${addresses.way}
Timeout 600
MaxClients 20
LogLevel Info
${settings}
`
    )
    const running = yield* Process.start(lab, "way", ["tinyproxy", "-d", "-c", file])
    yield* running.until(/Accepting connections|Starting main loop/i)
  })

const ncsa = "/usr/lib/squid/basic_ncsa_auth"

/** Of squid: whoever asks has to say who he is. */
export const withCredentials = (lab: Lab): string => {
  const hash = execFileSync("openssl", ["passwd", "-apr1", user.password], { encoding: "utf8" })
  const file = written(lab, "users", `${user.name}:${hash}`)
  return `auth_param basic program ${ncsa} ${file}
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all`
}

/** Where squid has memory that its processes share. */
const memory = "/dev/shm"

/** @param access its rules of access */
export const squid = (lab: Lab, access: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const file = written(
      lab,
      "squid.conf",
      `http_port ${addresses.way}:${port}
pid_filename none
cache_log /dev/null
access_log none
cache deny all
coredump_dir ${lab.folder}
pinger_enable off
shutdown_lifetime 1 seconds
netdb_filename none
visible_hostname proxy.test
connect_timeout 2 seconds
${access}
`
    )
    // it leaves its shared memory behind when it is killed
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        const own = readdirSync(memory).filter((name) => name.startsWith(`${lab.name}-`))
        for (const name of [...own, ...Owned.forsaken(memory)]) rmSync(join(memory, name), { force: true })
      })
    )
    const running = yield* Process.start(lab, "way", ["squid", "-N", "-d1", "-n", lab.name, "-f", file])
    yield* running.until(/Accepting HTTP Socket connections/)
  })
