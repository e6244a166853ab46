/**
 * One contestant beside its base in a process of its own: `child.js <calls|tokens> <name> <base> <count>` prints the microseconds
 * of CPU for each of `count`, of both. They take turns in blocks so short that a collection, or what else the machine does, is in
 * one of very many and meets both alike.
 */
import { cpuMicros } from "../cpu.js"
import { calls, tokens } from "./contestants.js"

const [what, name = "", base = "", count] = process.argv.slice(2)

const find = (name: string): ((count: number) => Promise<void>) => {
  const run = Object.entries(what === "tokens" ? tokens : calls).find(([key]) => key === name)?.[1]
  if (run === undefined) throw new Error(`there is no ${name}`)
  return run
}

/** Of calls, or of tokens in one stream: so many that what begins and ends it is little of it. */
const size = what === "tokens" ? 40_000 : 20
const pairs = Math.ceil(Number(count) / size)
const runs = [find(name), find(base)] as const

/** What a block takes. */
const block = async (which: 0 | 1): Promise<number> => {
  const before = cpuMicros()
  await runs[which](size)
  return cpuMicros() - before
}

/** Who is first in a pair, by the sequence of Thue and Morse: no period that anything else could have too. */
const first = (pair: number): 0 | 1 => ([...pair.toString(2)].filter((bit) => bit === "1").length % 2 === 0 ? 0 : 1)

const turns = async (): Promise<readonly [number, number]> => {
  const spent: [number, number] = [0, 0]
  for (let pair = 0; pair < pairs; pair++) {
    const which = first(pair)
    const other = which === 0 ? 1 : 0
    spent[which] += await block(which)
    spent[other] += await block(other)
  }
  return spent
}

// what is compiled meanwhile is not what is asked for
await turns()
const spent = await turns()
process.stdout.write(JSON.stringify(spent.map((micros) => micros / (size * pairs))))
process.exit(0)
