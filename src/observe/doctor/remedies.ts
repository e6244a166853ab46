/** What to do, in the words and commands of the machine it is done on. */
import type { Machine } from "./facts.js"
import type { Commands, Fix } from "./report.js"
import * as Versions from "./versions.js"

/** What the commands depend on. */
export interface Place {
  readonly machine: Machine
  /** Whether the server runs on this machine, as far as the address says. */
  readonly isHere: boolean
  readonly url: string
  readonly hostname: string
  readonly port: number
}

const port = 11434

type Os = "linux" | "docker" | "macos" | "windows"

const names: Readonly<Record<Os, string>> = {
  linux: "Linux (systemd)",
  docker: "Docker",
  macos: "macOS",
  windows: "Windows"
}

/** The systems the server may run on: this one, where it runs here; a container is possible on each. */
const systems = ({ isHere, machine }: Place): ReadonlyArray<Os> => {
  const { os } = machine
  if (!isHere || os === "browser" || os === "unknown") return ["linux", "docker", "macos", "windows"]
  if (machine.container !== undefined) return ["docker"]
  return os === "linux" && machine.wsl ? ["linux", "windows", "docker"] : [os, "docker"]
}

const onServer = (place: Place, text: string, lines: Readonly<Record<Os, ReadonlyArray<string>>>): Fix => ({
  where: place.isHere ? "here" : "server",
  text,
  commands: systems(place)
    .filter((os) => lines[os].length > 0)
    .map((os) => ({ on: names[os], lines: lines[os] }))
})

/** Sets a variable of the server and restarts it. */
export const serverVariable = (place: Place, name: string, value: string, text: string): Fix =>
  onServer(place, text, {
    linux: [
      "sudo systemctl edit ollama.service",
      `    [Service]`,
      `    Environment="${name}=${value}"`,
      "sudo systemctl daemon-reload && sudo systemctl restart ollama"
    ],
    docker: [
      `docker run -d --name ollama -e ${name}=${quoted(value)} -p ${port}:${port} -v ollama:/root/.ollama ollama/ollama`
    ],
    macos: [`launchctl setenv ${name} ${quoted(value)}`, "then quit Ollama in the menu bar and open it again"],
    windows: [`setx ${name} ${quoted(value)}`, "then quit Ollama in the taskbar and start it again from the Start menu"]
  })

const quoted = (value: string): string => (/^[\w.:/-]+$/.test(value) ? value : `"${value}"`)

export const start = (place: Place): Fix =>
  onServer(place, "Start Ollama, or find out why it ended.", {
    linux: ["sudo systemctl start ollama    (or: ollama serve)", "journalctl -e -u ollama"],
    docker: ["docker start ollama", "docker logs ollama"],
    macos: ["open -a Ollama    (or: ollama serve)", "cat ~/.ollama/logs/server.log"],
    windows: ["start Ollama from the Start menu (or: ollama serve)", "explorer %LOCALAPPDATA%\\Ollama"]
  })

/** A server listens on the loopback address until it is told otherwise, and nobody else reaches it there. */
export const listenEverywhere = (place: Place): Fix =>
  serverVariable(
    place,
    "OLLAMA_HOST",
    place.port === port ? "0.0.0.0" : `0.0.0.0:${place.port}`,
    "Let Ollama listen on all addresses of its machine: by itself it listens on 127.0.0.1 only, where no other machine (and no Docker -p) reaches it."
  )

export const allowOrigin = (place: Place, origin: string): Fix =>
  serverVariable(
    place,
    "OLLAMA_ORIGINS",
    origin,
    `Add ${origin} to the origins that the server lets in, and restart it.`
  )

const shell = ({ machine }: Place, name: string, value: string): ReadonlyArray<Commands> => {
  if (machine.container !== undefined) return [{ on: "Docker", lines: [`docker run -e ${name}=${quoted(value)} …`] }]
  if (machine.os === "windows") {
    return [{ on: names.windows, lines: [`setx ${name} ${quoted(value)}`, "then open a new terminal"] }]
  }
  if (machine.os === "browser") return []
  return [{ on: machine.os === "macos" ? names.macos : "Shell", lines: [`export ${name}=${quoted(value)}`] }]
}

export const clientVariable = (place: Place, name: string, value: string, text: string): Fix => ({
  where: "here",
  text,
  commands: shell(place, name, value)
})

export const useAddress = (place: Place, url: string, text = `Use ${url}: Ollama answers there.`): Fix =>
  clientVariable(place, "OLLAMA_HOST", url, text)

export const correctAddress = (place: Place): Fix =>
  clientVariable(
    place,
    "OLLAMA_HOST",
    "http://<host>:11434",
    "Correct the address (the option host, or OLLAMA_HOST): name or IP address of the server's machine, and its port."
  )

/** In a container, localhost is the container. */
export const leaveContainer = ({ machine, port }: Place): Fix => ({
  where: "here",
  text: "Inside a container localhost is the container itself: call the machine around it by its own name.",
  commands: [
    machine.container === "podman"
      ? { on: "Podman", lines: [`podman run -e OLLAMA_HOST=http://host.containers.internal:${port} …`] }
      : {
          on: "Docker",
          lines: [
            `docker run --add-host=host.docker.internal:host-gateway -e OLLAMA_HOST=http://host.docker.internal:${port} …`
          ]
        }
  ]
})

export const openFirewall = (place: Place): Fix => {
  const { port } = place
  return {
    ...onServer(place, `Let the firewall of the server's machine take connections to port ${port}.`, {
      linux: [
        `sudo ufw allow ${port}/tcp`,
        `or: sudo firewall-cmd --permanent --add-port=${port}/tcp && sudo firewall-cmd --reload`,
        "or look at the rules: sudo nft list ruleset"
      ],
      docker: [],
      macos: ["System Settings, Network, Firewall, Options: allow incoming connections for Ollama"],
      windows: [
        `New-NetFirewallRule -DisplayName Ollama -Direction Inbound -Protocol TCP -LocalPort ${port} -Action Allow`
      ]
    }),
    where: place.isHere ? "here" : "network"
  }
}

export const allowProgram = (place: Place): Fix => ({
  where: "here",
  text: `Let this machine's firewall, or the sandbox that the program runs in, connect to port ${place.port}.`,
  commands:
    place.machine.os === "windows"
      ? [
          {
            on: names.windows,
            lines: [
              `New-NetFirewallRule -DisplayName "Ollama out" -Direction Outbound -Protocol TCP -RemotePort ${place.port} -Action Allow`
            ]
          }
        ]
      : place.machine.os === "linux"
        ? [{ on: "Linux", lines: ["sudo nft list chain inet filter output", "sudo ufw status verbose"] }]
        : []
})

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, "")

export const aroundProxy = (place: Place): Fix =>
  clientVariable(
    place,
    "NO_PROXY",
    `${bare(place.hostname)},localhost,127.0.0.1`,
    `Go around the proxy: name ${bare(place.hostname)} in NO_PROXY.`
  )

export const proxyCredentials = (place: Place, variable: string): Fix =>
  clientVariable(
    place,
    /^[A-Z_]+$/.test(variable) ? variable : "HTTP_PROXY",
    "http://<user>:<password>@<proxy>:<port>",
    `Give the proxy its name and password, in ${variable}.`
  )

export const upgrade = (place: Place): Fix =>
  onServer(place, "Upgrade Ollama.", {
    linux: Versions.upgrades.linux,
    docker: ["docker pull ollama/ollama", "docker rm -f ollama", "then run it again as before"],
    macos: Versions.upgrades.macos,
    windows: Versions.upgrades.windows
  })

const constant = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

/** @param seconds what the limit has to be at least */
export const raiseLimit = (clock: string, seconds: number): Fix => ({
  where: "here",
  text: `Raise timeouts.${clock} to ${seconds} s, or leave it to "auto".`,
  commands: [
    { on: "program", lines: [`Policy.make({ timeouts: { ${clock}: "${seconds} seconds" } })`] },
    { on: "environment", lines: [`OLLAMA_POLICY_TIMEOUTS_${constant(clock)}="${seconds} seconds"`] }
  ]
})

export const advice = (where: Fix["where"], text: string): Fix => ({ where, text, commands: [] })

export const patientProxy = advice(
  "server",
  "Raise the read timeout of the proxy in front of Ollama above the longest load and answer (nginx: proxy_read_timeout 600s; proxy_buffering off)."
)

export const credentials = advice(
  "here",
  "Give the client its key (the option apiKey, or OLLAMA_API_KEY), or name and password in the address."
)

export const smallerPackets: Fix = {
  where: "network",
  text: "Lower the size of packets on the way (MTU), or let the firewall pass ICMP, which tells of it.",
  commands: [
    {
      on: "Linux",
      lines: ["ping -M do -s 1400 <host>    (which size still passes)", "sudo ip link set dev <interface> mtu 1280"]
    }
  ]
}

/** @param model the one whose process hangs */
export const restartModel = (place: Place, model: string): Fix => ({
  ...start(place),
  text: "Restart the model's process, or Ollama as a whole.",
  commands: [{ on: "Shell", lines: [`ollama stop ${model}`] }, ...start(place).commands]
})
