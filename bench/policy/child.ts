/**
 * One contestant beside its base in a process of its own: `child.js <calls|tokens> <name> <base> <count>` prints the microseconds
 * of CPU for each of `count`, of both. They take turns in short blocks, so that what else the machine does meets both alike.
 */
import { calls, tokens } from "./contestants.js"

const [what, name = "", base = "", count] = process.argv.slice(2)
const blocks = 20

const find = (name: string): ((count: number) => Promise<void>) => {
  const run = Object.entries(what === "tokens" ? tokens : calls).find(([key]) => key === name)?.[1]
  if (run === undefined) throw new Error(`there is no ${name}`)
  return run
}

const size = Math.ceil(Number(count) / blocks)
const runs = [find(name), find(base)]
const spent = [0, 0]

const block = async (which: 0 | 1): Promise<void> => {
  const before = process.cpuUsage()
  await runs[which]!(size)
  const { system, user } = process.cpuUsage(before)
  spent[which]! += system + user
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < blocks; i++) {
    await block(i % 2 === 0 ? 0 : 1)
    await block(i % 2 === 0 ? 1 : 0)
  }
}

await turns()
spent.fill(0)
globalThis.gc?.()
await turns()
process.stdout.write(JSON.stringify(spent.map((all) => all / (size * blocks))))
process.exit(0)
