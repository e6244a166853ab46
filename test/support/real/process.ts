/** A program that runs at a place of a lab until the Scope closes; what it prints is read line by line. */
import { Effect, Option, Queue } from "effect"
import type { Scope } from "effect"
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Lab, Place } from "./lab.js"

export interface Options {
  readonly env?: Readonly<Record<string, string>> | undefined
}

export interface Running {
  /** The next line that it printed, on either stream; a defect when it has ended. */
  readonly line: Effect.Effect<string>
  /** Waits for a line. */
  readonly until: (pattern: RegExp) => Effect.Effect<string>
  readonly write: (line: string) => Effect.Effect<void>
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
}

/** Of the environment of the tests, only what finds programs. */
const inherited = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, HOME: "/root", LANG: "C.UTF-8" }

/** Kills it, and waits for its end. */
const stop = (child: ChildProcessWithoutNullStreams): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

export const start = (
  lab: Lab,
  place: Place,
  command: ReadonlyArray<string>,
  options: Options = {}
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<Option.Option<string>>()
    const seen: Array<string> = []
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const [file, ...args] = lab.at(place, ...command)
        const started = spawn(file, args, { env: { ...inherited, ...options.env }, cwd: lab.folder })
        for (const stream of [started.stdout, started.stderr]) {
          createInterface(stream).on("line", (line) => {
            seen.push(line)
            lines.unsafeOffer(Option.some(line))
          })
        }
        started.stdin.on("error", () => undefined)
        started.once("close", () => lines.unsafeOffer(Option.none()))
        return started
      }),
      stop
    )
    const line = Effect.flatMap(
      Queue.take(lines),
      Option.match({
        onNone: () => Effect.dieMessage(`${command.join(" ")} has ended: ${seen.slice(-20).join("\n")}`),
        onSome: Effect.succeed
      })
    )
    return {
      line,
      until: (pattern) => Effect.repeat(line, { until: (text) => pattern.test(text) }),
      write: (text) => Effect.sync(() => child.stdin.write(`${text}\n`)),
      signal: (name) => Effect.sync(() => child.kill(name))
    }
  })
