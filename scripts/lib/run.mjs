/** Child processes: run a command, keep what it prints, know how it ended. No dependencies: usable before `npm ci`. */
import { spawn } from "node:child_process"
import { root } from "./paths.mjs"

/**
 * Runs a command to its end. `inherit` shows its output as it comes; otherwise it is kept in `output`, and `stdout`
 * alone in `stdout`. With `timeoutMillis` the process is killed when that time is over, and `timedOut` is true; it is killed when `signal` aborts, too.
 */
export const run = (command, args, { env = {}, inherit = false, timeoutMillis, cwd = root, signal } = {}) =>
  new Promise((resolve) => {
    const started = performance.now()
    const chunks = []
    const stdout = []
    let timedOut = false
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: inherit ? "inherit" : ["ignore", "pipe", "pipe"]
    })
    const timer =
      timeoutMillis === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true
            child.kill("SIGKILL")
          }, timeoutMillis)
    signal?.addEventListener("abort", () => child.kill("SIGKILL"))
    child.stdout?.on("data", (chunk) => {
      chunks.push(chunk)
      stdout.push(chunk)
    })
    child.stderr?.on("data", (chunk) => chunks.push(chunk))
    const end = (code, reason) => {
      clearTimeout(timer)
      resolve({
        code,
        timedOut,
        output: Buffer.concat(chunks).toString() + reason,
        stdout: Buffer.concat(stdout).toString(),
        seconds: (performance.now() - started) / 1000
      })
    }
    child.on("error", (error) => end(1, `${command}: ${error.message}\n`))
    child.on("close", (code, signal) => end(code ?? 1, signal === null ? "" : `(ended by ${signal})\n`))
  })

/** Runs a script or an installed package's program with this very Node, without the cost of `npx`. */
export const runNode = (args, options) => run(process.execPath, args, options)

/** Runs npm: the one that runs this script, if there is one. */
export const runNpm = (args, options) => {
  const npm = process.env.npm_execpath
  return npm?.endsWith(".js") ? runNode([npm, ...args], options) : run("npm", args, options)
}

export const seconds = (value) => `${value.toFixed(1)} s`
