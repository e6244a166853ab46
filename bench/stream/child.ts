/**
 * One measurement in a process of its own: `child.js FILE EXPORT HOST MODE STREAMS MODEL PASSES`, result as JSON through IPC.
 * What is counted begins after the imports and the making of the client, when nothing of them goes on in the background.
 */
import { get } from "node:http"
import { pathToFileURL } from "node:url"
import { cpuMicros } from "../cpu.js"
import type { Contestant } from "./contestant.js"

export interface Pass {
  readonly lines: number
  /** user and system time, microseconds */
  readonly cpu: number
  /** microseconds */
  readonly wall: number
}

export interface Memory {
  readonly rss: number
  readonly heap: number
  readonly open: number
}

export interface Result {
  readonly passes: ReadonlyArray<Pass>
  /** bytes by which the open streams raised the process; only when asked for */
  readonly memory?: Memory
}

const [file, exported, host, mode, streams, model, passes] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string
]

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** V8 still compiles in the background what the imports kept busy: its own threads are counted too. */
const quiet = async () => {
  let calm = 0
  for (let looks = 0; calm < 5; looks++) {
    if (looks === 500) throw new Error("the process does not come to rest, so nothing can be measured in it")
    const before = cpuMicros()
    await sleep(20)
    calm = cpuMicros() - before < 1000 ? calm + 1 : 0
  }
}

const settled = async () => {
  for (let i = 0; i < 4; i++) {
    globalThis.gc!()
    await sleep(50)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

const openStreams = () =>
  new Promise<number>((resolve, reject) =>
    get(`${host}/stats`, (res) => {
      let body = ""
      res.on("data", (chunk) => (body += chunk))
      res.on("end", () => resolve((JSON.parse(body) as { open: number }).open))
    }).on("error", reject)
  )

const contestant = ((await import(pathToFileURL(file).href)) as Record<string, Contestant>)[exported]!
const session = await contestant.open(host)
globalThis.gc!()
await quiet()

const measured: Array<Pass> = []
const pass = async () => {
  const started = process.hrtime.bigint()
  const before = cpuMicros()
  const lines = await session.run(Number(streams), model)
  const cpu = cpuMicros() - before
  measured.push({ lines, cpu, wall: Number((process.hrtime.bigint() - started) / 1000n) })
}

let memory: Memory | undefined
if (mode === "memory") {
  // code paths and pools are warm before the baseline is taken
  await session.run(16, "bench-paced-20-5")
  const before = await settled()
  const running = pass()
  // every stream has had some tokens by now and all are still open
  await sleep(Number(passes))
  const during = await settled()
  memory = { rss: during.rss - before.rss, heap: during.heap - before.heap, open: await openStreams() }
  await running
} else {
  for (let i = 0; i < Number(passes); i++) await pass()
}
await session.close()
process.send!({ passes: measured, ...(memory === undefined ? {} : { memory }) } satisfies Result, () => process.exit(0))
