/**
 * One contestant beside its base in a process of its own: `child.js <calls|tokens> <name> <base> <count>` prints the microseconds
 * of CPU for each of `count`, of both. They take turns in short blocks, so that what else the machine does meets both alike.
 */
import { cpuMicros } from "../cpu.js"
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

/** What a block takes. */
const block = async (which: 0 | 1): Promise<number> => {
  const before = cpuMicros()
  await runs[which]!(size)
  return cpuMicros() - before
}

/** What two blocks of each take, so many times; @param first begins and ends */
const turns = async (times: number, first: 0 | 1): Promise<readonly [number, number]> => {
  const second = first === 0 ? 1 : 0
  const spent: [number, number] = [0, 0]
  for (let i = 0; i < times; i++) {
    for (const which of [first, second, second, first] as const) spent[which] += await block(which)
  }
  return spent
}

/** After a collection, and after what was thrown away by it has been made again. */
const collected = async (first: 0 | 1): Promise<readonly [number, number]> => {
  globalThis.gc?.()
  await turns(1, first)
  return turns(blocks / 4, first)
}

await turns(blocks / 2, 0)
// collections come at the same places after the first one, and what they cost has to meet both: each is first once
const halves = [await collected(0), await collected(1)]
const each = ([0, 1] as const).map((which) => halves.reduce((sum, half) => sum + half[which], 0) / (size * blocks))
process.stdout.write(JSON.stringify(each))
process.exit(0)
