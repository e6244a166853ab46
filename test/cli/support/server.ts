/** The simulator that the command is run against, and files for it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

export interface Simulated {
  readonly server: OllamaSimulatorServer.Service
  /** Names the server to the command. */
  readonly env: Readonly<Record<string, string>>
}

export const simulated = (options: OllamaSimulatorServer.Options = {}): Effect.Effect<Simulated, never, Scope.Scope> =>
  Effect.map(OllamaSimulatorServer.make(options), (server) => ({ server, env: { OLLAMA_HOST: server.url } }))

/** A folder with these files, which goes with the Scope. */
export const folder = (files: Readonly<Record<string, string>> = {}): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const path = await Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-ollama-cli-"))
      for (const [name, content] of Object.entries(files)) await Fs.writeFile(Path.join(path, name), content)
      return path
    }),
    (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true }))
  )

/** A policy as a file; its path. */
export const policyFile = (policy: unknown): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(folder({ "policy.json": JSON.stringify(policy) }), (path) => Path.join(path, "policy.json"))
