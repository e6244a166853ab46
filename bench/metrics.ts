/**
 * `npm run bench:metrics [-- --json]`: what `Metrics.layer` costs a call, and a scrape.
 *
 * The events of a call (started, first token, ended, with eight phases, tokens and bytes) are given to the listener that the
 * client calls, in rounds of 20 000, and the median of nine rounds
 * counts. A token costs nothing: no event is made for
 * it. The scrape is that of a program with 200 models on hosts, which is as many series as it can have by then.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Collector from "../src/observe/metrics/collector.js"
import * as Exposition from "../src/observe/metrics/exposition.js"
import type { CallEvent, CallInfo } from "../src/record/CallEvent.js"
import type { CallRecord } from "../src/record/CallRecord.js"
import { cpuMicros } from "./cpu.js"
import { median } from "./statistics.js"

const rounds = 9
const callsPerRound = 20_000
const limitMicros = 10

const call: CallInfo = {
  id: 1,
  operation: "chat",
  endpoint: "/api/chat",
  host: "http://127.0.0.1:11434",
  model: "llama3.2",
  startedAt: 0
}

const phase = { actual: Duration.millis(125) }

const record: CallRecord = {
  id: 1,
  operation: "chat",
  endpoint: "/api/chat",
  host: call.host,
  model: "llama3.2",
  servedBy: { host: call.host, model: "llama3.2" },
  startedAt: DateTime.unsafeMake(0),
  outcome: "success",
  elapsed: Duration.seconds(1),
  firstToken: Duration.millis(250),
  phases: {
    waiting: phase,
    lost: phase,
    connecting: phase,
    queued: phase,
    loading: phase,
    prompt: phase,
    generating: phase,
    other: phase
  },
  bytes: { sent: 200, received: 20_000 },
  tokens: { prompt: 26, generated: 100 },
  chunks: 101,
  attempts: [],
  decisions: [],
  slow: false,
  verdict: { _tag: "AsExpected" }
}

/** Of processor time, so that other programs on the machine do not count. */
const microsPer = (times: number, work: (n: number) => void): number =>
  median(
    Array.from({ length: rounds }, () => {
      const begin = cpuMicros()
      for (let n = 0; n < times; n++) work(n)
      return (cpuMicros() - begin) / times
    })
  )

const events = (of: CallInfo): ReadonlyArray<CallEvent> => [
  { _tag: "Started", call: of },
  { _tag: "FirstToken", call: of, after: Duration.millis(250) },
  { _tag: "Ended", call: of, record }
]

const collector = Collector.make()
const perCall = microsPer(callsPerRound, (n) => {
  for (const event of events({ ...call, id: n })) collector.onEvent(event)
})

for (let n = 0; n < 100; n++) {
  for (const host of ["http://one:11434", "http://two:11434"]) {
    const of = { ...call, id: n, host, model: `model-${n}` }
    collector.onEvent({ _tag: "Ended", call: of, record: { ...record, servedBy: { host, model: of.model } } })
  }
}
const snapshot = Effect.runSync(Metric.snapshot)
const text = Exposition.text(snapshot)
const perScrape = microsPer(20, () => Exposition.text(Effect.runSync(Metric.snapshot))) / 1000

const figures = {
  perCallMicros: perCall,
  scrapeMillis: perScrape,
  series: snapshot.length,
  scrapeKiB: text.length / 1024
}
console.log(
  process.argv.includes("--json")
    ? JSON.stringify(figures)
    : [
        `a call    ${perCall.toFixed(2)} µs (wanted: at most ${limitMicros})`,
        "a token   nothing: no event is made for it",
        `a scrape  ${perScrape.toFixed(1)} ms for ${snapshot.length} series, ${figures.scrapeKiB.toFixed(0)} KiB of text`
      ].join("\n")
)
process.exitCode = perCall <= limitMicros ? 0 : 1
