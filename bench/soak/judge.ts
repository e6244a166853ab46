/** What came of each call, and of the troubles: from both sides, and then as figures and judgements. */
import type { CallRecord } from "effect-ollama"
import { OllamaError } from "effect-ollama"
import { Duration, Either } from "effect"
import * as Protocol from "./protocol.js"

interface Call {
  outcome?: "right" | "wrong" | "defect" | OllamaError.OllamaError["_tag"]
  /** What is wrong with it, in a few words. */
  problem?: string
  isOver: boolean
  took: number
}

interface Death {
  readonly url: string
  readonly at: number
  returned?: number
}

export interface Wanted {
  readonly what: string
  readonly figure: string
  readonly holds: boolean
}

export interface Report {
  readonly calls: number
  readonly outcomes: Readonly<Record<string, number>>
  /** Milliseconds from the call to the first token. */
  readonly firstToken: Readonly<Record<"p50" | "p95" | "p99", number>>
  readonly elapsed: Readonly<Record<"p50" | "p95" | "p99", number>>
  /** Requests for an answer, of all attempts. */
  readonly sent: Readonly<Record<string, number>>
  readonly answeredBy: Readonly<Record<string, number>>
  readonly wanted: ReadonlyArray<Wanted>
  readonly problems: ReadonlyArray<string>
}

const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
}

const quantiles = (values: ReadonlyArray<number>) => ({
  p50: quantile(values, 0.5),
  p95: quantile(values, 0.95),
  p99: quantile(values, 0.99)
})

const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1)

/** How long a dead host may be used, and a host that is back may be left alone; milliseconds. */
const limits = { unused: 2000, usedAgain: 5000 }

export const make = () => {
  const calls = new Map<number, Call>()
  const sent: Array<{ readonly url: string; readonly at: number }> = []
  const completed = new Map<number, number>()
  const answeredBy = new Map<string, number>()
  const firstTokens: Array<number> = []
  const deaths: Array<Death> = []
  let records = 0

  const call = (id: number): Call => {
    const found = calls.get(id) ?? { isOver: false, took: 0 }
    calls.set(id, found)
    return found
  }

  /** What is delivered is right as far as it goes; undefined when it is. */
  const wrongPart = (id: number, text: string): string | undefined =>
    Protocol.answer(Protocol.question(id)).join("").startsWith(text) ? undefined : "a part that is not of its answer"

  return {
    began: (id: number): void => void call(id),
    sent: (url: string, at: number): void => void sent.push({ url, at }),
    told: (_url: string, event: Protocol.Event): void => {
      if (event._tag === "Ended" && event.how === "completed") count(completed, event.id)
    },
    killed: (url: string, at: number): void => void deaths.push({ url, at }),
    returned: (url: string, at: number): void => {
      const last = deaths.findLast((death) => death.url === url)
      if (last !== undefined) last.returned = at
    },
    recorded: ({ firstToken, outcome, servedBy }: CallRecord.CallRecord): void => {
      records++
      if (outcome !== "success") return
      if (servedBy !== undefined) count(answeredBy, servedBy.host)
      if (firstToken !== undefined) firstTokens.push(Duration.toMillis(firstToken))
    },
    ended: (
      id: number,
      result: Either.Either<string, OllamaError.OllamaError>,
      seen: { readonly text: string; readonly took: number }
    ): void => {
      const one = call(id)
      one.took = seen.took
      if (Either.isRight(result)) {
        const isRight = result.right === Protocol.answer(Protocol.question(id)).join("")
        one.outcome = isRight ? "right" : "wrong"
        if (!isRight) one.problem = "an answer that is not its own, or not whole"
        return
      }
      const error: unknown = result.left
      if (!OllamaError.isOllamaError(error)) {
        one.outcome = "wrong"
        one.problem = "a failure that is not ours"
        return
      }
      one.outcome = error._tag
      const problem = wrongPart(id, seen.text) ?? wrongPart(id, error.partial?.text ?? "")
      if (problem !== undefined) one.problem = problem
    },
    died: (id: number, defect: unknown): void => {
      const one = call(id)
      one.outcome = "defect"
      one.problem = String(defect)
    },
    over: (id: number): void => {
      call(id).isOver = true
    },
    isComplete: (): boolean => records === calls.size,
    report: (hosts: ReadonlyArray<string>): Report => {
      const all = [...calls]
      const outcomes = new Map<string, number>()
      for (const [, { outcome }] of all) count(outcomes, outcome ?? "none")
      const lost = all.filter(([, { isOver, outcome }]) => !isOver || outcome === undefined)
      const wrong = all.filter(([, { problem }]) => problem !== undefined)
      const twice = [...completed].filter(([, times]) => times > 1)
      const used = deaths.map(({ at, returned = Number.POSITIVE_INFINITY, url }) => {
        const last = sent.findLast((one) => one.url === url && one.at >= at && one.at < returned)
        return last === undefined ? 0 : last.at - at
      })
      const back = deaths.flatMap(({ returned, url }) => {
        if (returned === undefined) return []
        return [(sent.find((one) => one.url === url && one.at >= returned)?.at ?? Number.POSITIVE_INFINITY) - returned]
      })
      const most = (values: ReadonlyArray<number>) => (values.length === 0 ? 0 : Math.max(...values))
      const shares = new Map<string, number>()
      for (const { url } of sent) count(shares, url)
      return {
        calls: all.length,
        outcomes: Object.fromEntries(outcomes),
        firstToken: quantiles(firstTokens),
        elapsed: quantiles(all.flatMap(([, { outcome, took }]) => (outcome === "right" ? [took] : []))),
        sent: Object.fromEntries(hosts.map((url) => [url, shares.get(url) ?? 0])),
        answeredBy: Object.fromEntries(hosts.map((url) => [url, answeredBy.get(url) ?? 0])),
        wanted: [
          { what: "calls without an end", figure: String(lost.length), holds: lost.length === 0 },
          {
            what: "wrong answers, and failures that are not typed",
            figure: String(wrong.length),
            holds: wrong.length === 0
          },
          { what: "calls answered in full by two servers", figure: String(twice.length), holds: twice.length === 0 },
          { what: "records that are missing", figure: String(all.length - records), holds: records === all.length },
          {
            what: `a dead host is used for at most ${limits.unused / 1000} s`,
            figure: `${(most(used) / 1000).toFixed(1)} s`,
            holds: most(used) <= limits.unused
          },
          {
            what: `a host that is back is used within ${limits.usedAgain / 1000} s`,
            figure: `${(most(back) / 1000).toFixed(1)} s`,
            holds: most(back) <= limits.usedAgain
          }
        ],
        problems: wrong.slice(0, 20).map(([id, { problem }]) => `call ${id}: ${problem ?? ""}`)
      }
    }
  }
}

export const render = (report: Report, minutes: number): string =>
  [
    `${report.calls} calls in ${minutes} min: ${Object.entries(report.outcomes)
      .toSorted(([, a], [, b]) => b - a)
      .map(([outcome, calls]) => `${outcome} ${calls}`)
      .join(", ")}`,
    `first token p50 ${report.firstToken.p50}, p95 ${report.firstToken.p95}, p99 ${report.firstToken.p99} ms; ` +
      `whole answer p50 ${report.elapsed.p50}, p95 ${report.elapsed.p95} ms`,
    ...["killed", "stopped", "slow", "restarting"].map((name, i) => {
      const [url = "", sent = 0] = Object.entries(report.sent)[i] ?? []
      return `${name.padEnd(12)}${String(sent).padStart(6)} sent${String(report.answeredBy[url] ?? 0).padStart(6)} answered`
    }),
    ...report.wanted.map(({ figure, holds, what }) => `${holds ? "holds" : "FAILS"}  ${what}: ${figure}`),
    ...report.problems
  ].join("\n")
