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

const block = async (which: 0 | 1): Promise<number> => {
  const before = process.cpuUsage()
  await runs[which]!(size)
  const { system, user } = process.cpuUsage(before)
  return system + user
}

/** As many blocks of both; @param first begins every other pair of them */
const turns = async (pairs: number, first: 0 | 1): Promise<void> => {
  const second = first === 0 ? 1 : 0
  for (let i = 0; i < pairs; i++) {
    for (const which of i % 2 === 0 ? ([first, second] as const) : ([second, first] as const)) {
      spent[which]! += await block(which)
    }
  }
}

await turns(blocks, 0)
spent.fill(0)
// collections come at the same places after the first one, and what they cost has to meet both: each is first once
for (const first of [0, 1] as const) {
  globalThis.gc?.()
  // what is thrown away by it is made again
  for (const which of [first, 1 - first, 1 - first, first] as ReadonlyArray<0 | 1>) await block(which)
  await turns(blocks / 2, first)
}
process.stdout.write(JSON.stringify(spent.map((all) => all / (size * blocks))))
process.exit(0)
