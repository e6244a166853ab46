/** One contestant in a process of its own: `child.ts <calls|tokens> <name> <count>` prints microseconds of CPU for each. */
import { calls, tokens } from "./contestants.js"

const [what, name = "", count] = process.argv.slice(2)
const run = Object.entries<(count: number) => Promise<void>>(what === "tokens" ? tokens : calls).find(
  ([key]) => key === name
)?.[1]
if (run === undefined) throw new Error(`there is no ${name}`)
const size = Number(count)

await run(Math.ceil(size / 2))
globalThis.gc?.()
const before = process.cpuUsage()
await run(size)
const { system, user } = process.cpuUsage(before)
process.stdout.write(String((system + user) / size))
process.exit(0)
