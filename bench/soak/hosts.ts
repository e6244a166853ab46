/** The servers of the soak: each a process on a port of its own, to be killed, stopped, slowed down and started again. */
import { type ChildProcess, fork } from "node:child_process"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import type { Event } from "./protocol.js"

export interface Host {
  readonly url: string
  readonly start: () => Promise<void>
  /** As when its machine loses power. */
  readonly kill: () => Promise<void>
  /** Its process stands still: connections are accepted, and nothing comes. */
  readonly stop: () => void
  readonly go: () => void
  readonly slowDown: (factor: number) => void
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })

export const make = async (onEvent: (url: string, event: Event) => void): Promise<Host> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  return {
    url,
    start: () =>
      new Promise((resolve, reject) => {
        const started = fork(new URL("server.ts", import.meta.url), [String(port)], {
          stdio: ["ignore", "ignore", "inherit", "ipc"]
        })
        child = started
        started.on("message", (event: Event) => {
          if (event._tag === "Ready") resolve()
          onEvent(url, event)
        })
        started.once("error", reject)
      }),
    kill: () =>
      new Promise((resolve) => {
        child?.once("exit", () => resolve())
        child?.kill("SIGKILL")
      }),
    stop: () => void child?.kill("SIGSTOP"),
    go: () => void child?.kill("SIGCONT"),
    slowDown: (slowDown) => void child?.send({ slowDown })
  }
}
