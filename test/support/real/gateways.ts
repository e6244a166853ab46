/** Other reverse proxies than nginx, each in front of a server on its own machine; they listen when this is done. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { addresses, type Lab } from "./lab.js"
import * as Process from "./process.js"

const written = (lab: Lab, name: string, text: string): string => {
  const folder = join(lab.folder, name)
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, text)
  return file
}

/** @param behind its port @param timeout in milliseconds, from one byte of the server to the next */
export const haproxy = (lab: Lab, behind: number, timeout: number): Effect.Effect<void> =>
  Effect.asVoid(
    lab.run(
      "server",
      "haproxy",
      "-D",
      "-f",
      written(
        lab,
        "haproxy",
        `defaults
  mode http
  retries 0
  timeout connect 1s
  timeout client 1h
  timeout server ${timeout}ms
frontend web
  bind ${addresses.server}:80
  default_backend ollama
backend ollama
  server one 127.0.0.1:${behind}
`
      )
    )
  )

const modules = "/usr/lib/apache2/modules"

export const apache = (lab: Lab, behind: number): Effect.Effect<void> =>
  Effect.asVoid(
    lab.run(
      "server",
      "apache2",
      "-f",
      written(
        lab,
        "apache",
        `ServerRoot ${lab.folder}
PidFile ${lab.folder}/apache.pid
ErrorLog ${lab.folder}/apache.log
Listen ${addresses.server}:80
ServerName ollama.test
User nobody
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
LoadModule proxy_module ${modules}/mod_proxy.so
LoadModule proxy_http_module ${modules}/mod_proxy_http.so
ProxyPass / http://127.0.0.1:${behind}/ retry=0
`
      )
    )
  )

export const caddy = (lab: Lab, behind: number): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const file = written(
      lab,
      "caddy",
      `{\n admin off\n}\nhttp://${addresses.server}:80 {\n reverse_proxy 127.0.0.1:${behind}\n}\n`
    )
    const env = { HOME: lab.folder, XDG_DATA_HOME: lab.folder, XDG_CONFIG_HOME: lab.folder }
    const running = yield* Process.start(lab, "server", ["caddy", "run", "--adapter", "caddyfile", "--config", file], {
      env
    })
    yield* running.until(/serving initial configuration/)
  })
