/**
 * A real terminal: the command in a pane of tmux, keys sent to it, and its screen read. Waiting is by events: tmux tells
 * when a pane has been written to, and the screen is read again then.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { execFile, execFileSync, spawn } from "node:child_process"
import * as Path from "node:path"
import { environment, file } from "./command.js"
import { folder } from "./server.js"

/** Whether there is a tmux; tests of screens are skipped without one. */
export const hasTmux: boolean = (() => {
  try {
    execFileSync("tmux", ["-V"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()

export interface Terminal {
  /** What can be seen now, without the spaces at the ends. */
  readonly screen: Effect.Effect<string>
  /** Waits until the screen is as wanted, and gives it. */
  readonly shows: (wanted: RegExp) => Effect.Effect<string>
  /** Keys as tmux names them: `Enter`, `C-c`; anything else is typed. */
  readonly press: (...keys: ReadonlyArray<string>) => Effect.Effect<void>
  /** Pasted as one piece, marked as such where the program asked for that. */
  readonly paste: (text: string) => Effect.Effect<void>
  readonly resize: (columns: number, rows: number) => Effect.Effect<void>
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

const capture = (socket: string) =>
  Effect.async<string>((resume) => {
    execFile("tmux", ["-S", socket, "capture-pane", "-p"], (error, stdout) => {
      resume(error === null ? Effect.succeed(stdout.trimEnd()) : Effect.die(error))
    })
  })

/** Starts the command in a terminal of its own; when it ends, the screen shows `exit` and its code. */
export const open = (
  args: ReadonlyArray<string>,
  {
    columns = 80,
    env = {},
    rows = 24
  }: { readonly env?: Readonly<Record<string, string>>; readonly columns?: number; readonly rows?: number }
): Effect.Effect<Terminal, never, Scope.Scope> =>
  Effect.gen(function* () {
    const program = yield* file
    const socket = Path.join(yield* folder(), "tmux")
    const tmux = (...words: ReadonlyArray<string>) =>
      Effect.sync(() => execFileSync("tmux", ["-S", socket, ...words], { stdio: ["ignore", "pipe", "pipe"] }))
    const variables = Object.entries(environment({ TERM: "screen-256color", ...env }))
    const command = ["env", "-i", ...variables.map(([name, value]) => `${name}=${value}`), process.execPath, program]
    // the shell stays, so that the screen can be read after the end; Ctrl-C reaches it as well
    const line = `trap : INT; ${[...command, ...args].map(quoted).join(" ")}; echo "exit $?"; exec cat`

    yield* Effect.acquireRelease(
      tmux("-f", "/dev/null", "new-session", "-d", "-x", String(columns), "-y", String(rows), "sh", "-c", line),
      () => Effect.ignore(Effect.try(() => execFileSync("tmux", ["-S", socket, "kill-server"], { stdio: "ignore" })))
    )

    // a client that is told of everything, and sees nothing
    const waiting = new Set<() => void>()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn("tmux", ["-S", socket, "-C", "attach", "-f", "ignore-size"], {
          stdio: ["pipe", "pipe", "ignore"]
        })
        child.stdout.on("data", () => {
          for (const look of waiting) look()
        })
        return child
      }),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const told = Effect.async<void>((resume) => {
      const look = () => {
        waiting.delete(look)
        resume(Effect.void)
      }
      waiting.add(look)
      return Effect.sync(() => waiting.delete(look))
    })

    const look = (wanted: RegExp): Effect.Effect<string> =>
      Effect.gen(function* () {
        // listening begins before the screen is read, so that no change falls between
        const change = yield* Effect.fork(told)
        yield* Effect.yieldNow()
        const screen = yield* capture(socket)
        if (wanted.test(screen)) return yield* Effect.as(Fiber.interrupt(change), screen)
        yield* Fiber.join(change)
        return yield* look(wanted)
      })

    /** A bound for what never comes, so that the failure can say what was there instead. */
    const shows = (wanted: RegExp) =>
      look(wanted).pipe(
        Effect.timeoutTo({ duration: "90 seconds", onTimeout: () => undefined, onSuccess: (screen) => screen }),
        Effect.flatMap((screen) =>
          screen === undefined
            ? Effect.flatMap(capture(socket), (found) =>
                Effect.dieMessage(`no ${String(wanted)} on the screen:\n${found}`)
              )
            : Effect.succeed(screen)
        )
      )

    return {
      screen: capture(socket),
      shows,
      press: (...keys) => Effect.asVoid(tmux("send-keys", ...keys)),
      paste: (text) => Effect.zipRight(tmux("set-buffer", text), Effect.asVoid(tmux("paste-buffer", "-p"))),
      resize: (columns, rows) => Effect.asVoid(tmux("resize-window", "-x", String(columns), "-y", String(rows)))
    }
  })
