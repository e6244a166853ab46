/** A stretch in a process of its own: `child.ts <seed> <from> <end> <step> <client>`, which tells its parent how far it is. */
import * as Effect from "effect/Effect"
import { run, type Tally } from "./run.js"

// most inputs fail, as they should, and nobody looks at where
Error.stackTraceLimit = 4

const [seed = 0, from = 0, end = 0, step = 1, client = 1] = process.argv.slice(2).map(Number)
const tell = (tally: Tally): void => void process.send?.({ ...tally, rss: process.memoryUsage.rss() })

let told = 0
await Effect.runPromise(
  run({ seed, from, end, step, client }, (tally) => {
    if (performance.now() - told < 1000 && tally.inputs * step < end - from) return
    told = performance.now()
    tell(tally)
  })
)
process.disconnect()
