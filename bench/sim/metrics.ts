/** The figures of one run. */
import type { Played } from "./contestant.js"
import { objective, outageOf, type Scenario } from "./scenario.js"
import { quantile } from "./statistics.js"
import type { Request } from "./traffic.js"

/** Shares are 0 to 1, times are in seconds; not-a-number where there is nothing to say. */
export interface Figures {
  readonly completed: number
  /** First token within the objective, and the answer completed. */
  readonly good: number
  /** Of completed requests. */
  readonly first50: number
  readonly first95: number
  readonly first99: number
  readonly whole95: number
  /** By request. */
  readonly attempts: number
  /** Attempts by request, in the worst of all minutes. */
  readonly attemptsPeak: number
  readonly loads: number
  readonly aborted: number
  readonly evictions: number
  /** Of slots and loads, for nobody's answer. */
  readonly wasted: number
  /** From the moment at which a host went bad to the last request sent to it before it was left alone. */
  readonly stopped: number
  /** Requests sent to a host that had been bad for longer than two seconds. */
  readonly sentToBad: number
  /** From the moment at which a bad host was well again to the first request sent to it, or to its being open to them. */
  readonly back: number
  /** Hosts that were left alone while nothing was wrong with them, by host and hour. */
  readonly falseEjections: number
  /** Jain's index of the use of slots: 1 when all machines did the same. */
  readonly jain: number
  /** Of the failures, those that say what was wrong. */
  readonly rightType: number
  readonly rightVerdict: number
}

export const names = [
  "completed",
  "good",
  "first50",
  "first95",
  "first99",
  "whole95",
  "attempts",
  "attemptsPeak",
  "loads",
  "aborted",
  "evictions",
  "wasted",
  "stopped",
  "sentToBad",
  "back",
  "falseEjections",
  "jain",
  "rightType",
  "rightVerdict"
] as const satisfies ReadonlyArray<keyof Figures>

const minute = 60_000

/** How many attempts there were for each request whose first one was made, in the worst minute with enough of them. */
const peak = ({ attempts }: Played): number => {
  const seen = new Set<number>()
  const isFirst = attempts.map(({ id }) => !seen.has(id) && seen.add(id).size > 0)
  let worst = 1
  let from = 0
  let firsts = 0
  for (const [index, { at }] of attempts.entries()) {
    if (isFirst[index]) firsts++
    while (attempts[from]!.at <= at - minute) {
      if (isFirst[from]) firsts--
      from++
    }
    if (firsts >= 20) worst = Math.max(worst, (index - from + 1) / firsts)
  }
  return worst
}

/** Times in which something is wrong with a host, in seconds. */
const badSpans = (scenario: Scenario) => [...(scenario.outages ?? []), ...(scenario.broken ?? [])]

/** How long the longest of all bad times was used on, and how long it took until the host was used again. */
const reaction = (scenario: Scenario, { attempts, ejections }: Played, end: number) => {
  let stopped = 0
  let sentToBad = 0
  let back = NaN
  const spans = badSpans(scenario).filter(({ from }) => from * 1000 < end)
  for (const { from, host, to } of spans) {
    const sent = attempts.filter((attempt) => attempt.host === host)
    const during = sent.filter(({ at }) => at >= from * 1000 && at < to * 1000)
    const late = during.filter(({ at }) => at > from * 1000 + 2000)
    sentToBad += late.length
    for (const { at } of during) stopped = Math.max(stopped, at / 1000 - from)
    if (Number.isFinite(to) && to * 1000 < end && spans.length <= 4) {
      const next = [
        ...sent.flatMap(({ at }) => (at >= to * 1000 ? [at] : [])),
        ...ejections.flatMap(({ at, host: index, isOut }) => (index === host && !isOut && at >= to * 1000 ? [at] : []))
      ]
      const took = Math.min(end, ...next) / 1000 - to
      back = Number.isNaN(back) ? took : Math.max(back, took)
    }
  }
  return spans.length === 0 ? { stopped: NaN, sentToBad: NaN, back: NaN } : { stopped, sentToBad, back }
}

const isWell = (scenario: Scenario, host: number, at: number): boolean => {
  const second = at / 1000
  // what is noticed a moment after the end of an outage is no mistake
  const recently = badSpans(scenario).some((span) => span.host === host && second >= span.from && second < span.to + 30)
  return !recently && outageOf(scenario, host, second) === undefined
}

const jain = (busy: ReadonlyArray<number>, slots: ReadonlyArray<number>): number => {
  const use = busy.map((millis, host) => millis / slots[host]!)
  const sum = use.reduce((a, b) => a + b, 0)
  const squares = use.reduce((a, b) => a + b * b, 0)
  return squares === 0 ? 1 : (sum * sum) / (use.length * squares)
}

/** Why a call may not be answered in the caller's time where nothing is broken: there is too much to do. */
const verdictsOfLoad = ["Overloaded", "Queued", "Waited", "BehindOtherLoad", "TooShort", "EvictionThrash"]

const share = (part: number, whole: number): number => (whole === 0 ? NaN : part / whole)

export const figures = (scenario: Scenario, requests: ReadonlyArray<Request>, played: Played): Figures => {
  const { attempts, ejections, outcomes, work } = played
  const done = outcomes.filter(({ ending }) => ending.isDone)
  const first = done.map(({ endAfter, firstAfter }) => (firstAfter ?? endAfter) / 1000).sort((a, b) => a - b)
  const whole = done.map(({ endAfter }) => endAfter / 1000).sort((a, b) => a - b)
  const end = outcomes.reduce((last, { endAfter, request }) => Math.max(last, request.at + endAfter), 0)
  const isFalse = ejections.filter(({ at, host, isOut }) => isOut && isWell(scenario, host, at)).length
  const failures = outcomes.flatMap(({ ending }) => (ending.isDone ? [] : [ending]))
  const right = new Set(["Timeout total", "Overloaded client", ...(scenario.failures ?? [])])
  const verdicts = new Set([...verdictsOfLoad, ...(scenario.verdicts ?? [])])
  const judged = failures.filter(({ verdict }) => verdict !== undefined)
  return {
    completed: done.length / requests.length,
    good: first.filter((seconds) => seconds * 1000 <= objective).length / requests.length,
    first50: quantile(first, 0.5),
    first95: quantile(first, 0.95),
    first99: quantile(first, 0.99),
    whole95: quantile(whole, 0.95),
    attempts: attempts.length / requests.length,
    attemptsPeak: peak(played),
    loads: work.loads,
    aborted: work.aborted,
    evictions: work.evictions,
    wasted: work.wasted / 1000,
    ...reaction(scenario, played, end),
    falseEjections: isFalse / ((scenario.machines.length * end) / 3_600_000),
    jain: jain(
      work.busy,
      scenario.machines.map(({ slots }) => slots)
    ),
    rightType: share(failures.filter(({ failure }) => right.has(failure)).length, failures.length),
    rightVerdict: share(judged.filter(({ verdict }) => verdicts.has(verdict!)).length, judged.length)
  }
}
