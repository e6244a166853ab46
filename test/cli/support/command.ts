/** The bundled command as a process: what it prints, how it ends, and what happens when it is signalled. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { currentCli } from "../../../scripts/lib/cli.mjs"

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** Written to stdin, which is then closed; without it stdin is /dev/null. */
  readonly stdin?: string
}

export interface Running {
  /** Waits until one of the streams holds the text. */
  readonly says: (stream: "stdout" | "stderr", text: string) => Effect.Effect<void>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Nobody reads stdout any more. */
  readonly closeStdout: Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

/** The file to run. */
export const file: Effect.Effect<string> = Effect.promise(() => currentCli())

/** Nothing of the machine's own settings. */
export const environment = (env: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  LANG: "C.UTF-8",
  ...env
})

/** Starts the command; it is killed with the Scope. */
export const start = (
  args: ReadonlyArray<string>,
  { env, stdin }: Options = {}
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const program = yield* file
    const end = yield* Deferred.make<Ended>()
    const waiting = new Set<() => void>()
    const text = { stdout: "", stderr: "" }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [program, ...args], {
          env: environment(env),
          stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (piece: string) => {
        text[name] += piece
        for (const look of waiting) look()
      })
    }
    child.stdin?.on("error", () => {})
    child.stdin?.end(stdin)
    child.on("close", (code, signal) => {
      Deferred.unsafeDone(end, Effect.succeed({ code, signal, ...text }))
      for (const look of waiting) look()
    })
    return {
      says: (stream, wanted) =>
        Effect.async((resume) => {
          const look = () => {
            if (!text[stream].includes(wanted)) return
            waiting.delete(look)
            resume(Effect.void)
          }
          waiting.add(look)
          look()
        }),
      kill: (signal) => Effect.sync(() => child.kill(signal)),
      closeStdout: Effect.sync(() => child.stdout?.destroy()),
      ended: Deferred.await(end)
    }
  })

/** Runs the command to its end. */
export const run = (args: ReadonlyArray<string>, options?: Options): Effect.Effect<Ended> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))
