/** Debian's redis-server on a port of its own, to be killed and started again. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"

/** Whether the machine has it. */
export const isInstalled = spawnSync("redis-server", ["--version"]).status === 0

const freePort = Effect.async<number>((resume) => {
  const probe = createServer()
  probe.listen(0, "127.0.0.1", () => {
    const { port } = probe.address() as AddressInfo
    probe.close(() => resume(Effect.succeed(port)))
  })
})

const start = (port: number) =>
  Effect.async<ChildProcess>((resume) => {
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    const child = spawn("redis-server", options, { stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
      if (output.includes("Ready to accept connections")) resume(Effect.succeed(child))
    })
    child.once("exit", (code) => resume(Effect.dieMessage(`redis-server ended with ${code}: ${output}`)))
  })

const kill = (child: ChildProcess) =>
  Effect.async<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** Until the Scope closes. */
export const make = Effect.gen(function* () {
  const port = yield* freePort
  let child = yield* start(port)
  yield* Effect.addFinalizer(() => Effect.suspend(() => kill(child)))
  return {
    port,
    kill: Effect.suspend(() => kill(child)),
    restart: Effect.map(start(port), (started) => {
      child = started
    })
  }
})
