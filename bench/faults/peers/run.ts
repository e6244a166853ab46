/** Another client under the faults of the catalogue: installed in a folder of its own, each call in a process of its own. */
import { fork } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { cache } from "../../../scripts/lib/paths.mjs"
import { runNpm } from "../../../scripts/lib/run.mjs"
import type { Entry } from "../../../test/faults/catalogue.js"
import { type Cell, served } from "../../../test/faults/cell.js"
import * as Judge from "../../../test/faults/judge.js"
import { Fault } from "effect-ollama/testing"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { Effect } from "effect"
import type { Scope } from "effect"
import type { Job, Outcome, Result, Thrown } from "./child.js"
import type { Peer } from "./contestants.js"
import * as OpenAiServer from "./openaiServer.js"

const folderOf = (peer: Peer): string => join(cache, "peers", peer.key)

const installed = (folder: string, [name, version]: Peer["packages"][number]): boolean => {
  try {
    const { version: found } = JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")) as {
      version: string
    }
    return found === version
  } catch {
    return false
  }
}

/** The reason why it cannot be installed, or nothing. */
export const install = async (peer: Peer): Promise<string | undefined> => {
  const folder = folderOf(peer)
  if (peer.packages.every((wanted) => installed(folder, wanted))) return undefined
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n')
  const wanted = peer.packages.map(([name, version]) => `${name}@${version}`)
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
  const { code, output } = await runNpm(["install", ...flags, ...wanted], { cwd: folder })
  return code === 0 ? undefined : output.trim().split("\n")[0]
}

/** Classes that say "a problem with the connection" and no more. */
const families = new Set(["APIConnectionError"])

const classOf = (entry: Entry, { codes, name, status }: Thrown): Judge.Class => {
  if (typeof entry.mark === "number" && status === entry.mark) return "a2"
  if (entry.mark === "timeout" && /Timeout/.test(name)) return "a2"
  if (entry.mark === "connection" && families.has(name)) return "a3"
  return codes.length > 0 ? "b1" : "b2"
}

const shown = ({ codes, message, name, status }: Thrown): string => {
  if (status !== undefined) return `${name} #${status}`
  return codes.length > 0 ? `${name} < ${codes[0]}` : `${name} "${message.replaceAll(/\s+/g, " ").slice(0, 24)}"`
}

const judge = (entry: Entry, outcome: Outcome): Judge.Verdict => {
  switch (outcome._tag) {
    case "Hang":
      return Judge.hang
    case "Text":
      return Judge.success(outcome.text)
    case "Thrown":
      return { class: classOf(entry, outcome.thrown), shown: shown(outcome.thrown), problems: [] }
  }
}

interface Place {
  readonly url: string
  readonly requests: Effect.Effect<number>
}

const place = (peer: Peer, entry: Entry, stream: boolean): Effect.Effect<Place, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { fault } = entry
    if (peer.api === "openai" && !Fault.isAddress(fault)) {
      const server = yield* OpenAiServer.make(fault, stream, served(entry))
      return { url: server.url, requests: Effect.sync(server.requests) }
    }
    const server = yield* OllamaSimulatorServer.make(served(entry))
    return { url: yield* server.stage(fault), requests: Effect.map(server.requests, ({ length }) => length) }
  })

const program = fileURLToPath(new URL("child.ts", import.meta.url))

const inChild = (job: Job): Effect.Effect<Result> =>
  Effect.async((resume) => {
    const child = fork(program, [JSON.stringify(job)], {
      execArgv: ["--import=tsx"],
      // some clients print what they get
      stdio: ["ignore", "ignore", "pipe", "ipc"]
    })
    let words = ""
    child.stderr?.on("data", (data) => (words += String(data)))
    child.once("message", (result) => resume(Effect.succeed(result as Result)))
    child.once("exit", (code) => resume(Effect.dieMessage(`${job.peer} ended with code ${code}: ${words}`)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

export const run = (peer: Peer, entry: Entry, stream: boolean): Effect.Effect<Cell> =>
  Effect.gen(function* () {
    const { requests, url } = yield* place(peer, entry, stream)
    const { millis, outcome } = yield* inChild({
      peer: peer.key,
      folder: folderOf(peer),
      url,
      stream,
      patience: Judge.patience,
      isSecondCall: entry.isSecondCall,
      ...(entry.transportLimit === undefined ? {} : { headersTimeout: entry.transportLimit })
    })
    return {
      id: entry.id,
      call: stream ? "chatStream" : "chat",
      ...judge(entry, outcome),
      millis,
      requests: yield* requests
    }
  }).pipe(Effect.scoped)
