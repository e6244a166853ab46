/** Parts of a policy in words, with the figures of the value. */
import * as Duration from "effect/Duration"
import type * as CircuitBreaker from "./CircuitBreaker.js"
import type * as Concurrency from "./Concurrency.js"
import type * as Fallback from "./Fallback.js"
import type * as Hedging from "./Hedging.js"
import * as Retry from "./Retry.js"
import type * as RetryBudget from "./RetryBudget.js"
import type * as Slow from "./Slow.js"
import type * as Throttle from "./Throttle.js"

const hour = 3_600_000
const minute = 60_000

const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** `250 ms`, `1.5 s`, `10 minutes`. */
export const millis = (value: number): string =>
  value >= hour && value % hour === 0
    ? counted(value / hour, "hour")
    : value >= minute && value % minute === 0
      ? counted(value / minute, "minute")
      : value >= 1000
        ? `${value / 1000} s`
        : `${value} ms`

export const span = (duration: Duration.Duration): string => millis(Duration.toMillis(duration))

/** Without the dust of floats. */
const percent = (share: number): string => `${Number((share * 100).toPrecision(12))} %`

const list = (parts: ReadonlyArray<string>, word: string): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} ${word} ${parts.at(-1)}`

/** So many waits are listed. */
const listed = 5

const waits = (retry: Retry.Retry): string => {
  const exact: Retry.Retry = { ...retry, jitter: "none" }
  const all = Array.from({ length: retry.attempts - 1 }, (_, retries) =>
    span(Retry.next(exact, { ...Retry.initial, retries }, 0)[0])
  )
  if (all.length <= listed) return list(all, "and")
  return `${all.slice(0, listed).join(", ")} and so on, at most ${span(retry.maxDelay)}`
}

const jitters = {
  none: "no jitter",
  full: "full jitter: a random part of each",
  equal: "equal jitter: at least half of each",
  decorrelated: "decorrelated jitter: spread around them"
}

/** How often, after which waits. */
export const sentAgain = (retry: Retry.Retry): string =>
  retry.attempts === 1
    ? "It is not sent again."
    : `It is sent up to ${retry.attempts} times in all, with waits of ${waits(retry)} between (${jitters[retry.jitter]}).`

/** By how much a server's Retry-After may exceed the wait that was computed. */
export const slack = (retry: Retry.Retry): string => {
  const wait = (hint?: Duration.Duration) => Duration.toMillis(Retry.next(retry, Retry.initial, 0, hint)[0])
  return millis(wait(Duration.days(1)) - wait())
}

const tokens = ({ charge, cost, initial, perSuccess, refund, size, threshold }: RetryBudget.Pool): string => {
  const price = typeof cost === "number" ? cost : `${cost.transient} (${cost.throttling} after a call that was shed)`
  const stock = initial === "full" ? `${size} tokens` : `${size} tokens (${initial} at first)`
  const back = refund === "lastRetry" ? "; a retry that succeeds gets its own back" : ""
  const least = threshold === 0 ? "" : `; more than ${percent(threshold)} of them must be left`
  const payer = charge === "retries" ? "each retry" : "each failed attempt"
  return `${payer} takes ${price} of ${stock} and each success brings ${perSuccess}${back}${least}`
}

/** What all retries together may be. */
export const budget = ({ deposit, floor, pool, share }: RetryBudget.RetryBudget): string => {
  const rules = [`at most ${percent(share)} of the calls in flight (${floor} are always allowed)`]
  if (pool !== "off") rules.push(tokens(pool))
  if (deposit !== "off") {
    const { perSecond, share: part, window } = deposit
    rules.push(`at most ${percent(part)} of the calls of the last ${span(window)} and ${perSecond} a second beside`)
  }
  return `All calls share one budget of retries and hedges: ${rules.join("; ")}. Beyond it a failed call is not sent again.`
}

/** The fewest failures, without a success among them, that give so much certainty. */
const certain = (belief: number): number => Math.max(1, Math.ceil(-Math.log2(1 - belief) - 1))

/** When it opens; nothing where no rule is on. */
const opening = (value: CircuitBreaker.CircuitBreaker): string | undefined => {
  const { belief, consecutive, failureRate, failures, minCalls, slowAfter, slowRate, strict, window } = value
  const windowed: Array<string> = []
  const share = (rate: number) =>
    `${strict ? "more than " : ""}${percent(rate)} from at least ${counted(minCalls, "call")}`
  if (failures !== "off") windowed.push(`after ${counted(failures, "failure")}`)
  if (failureRate !== "off") windowed.push(`when ${share(failureRate)} fail`)
  if (slowRate !== "off" && slowAfter !== "off") {
    windowed.push(`when ${share(slowRate)} take ${span(slowAfter)} or longer`)
  }
  if (belief !== "off") {
    const few = certain(belief)
    windowed.push(`when it is ${percent(belief)} sure that most calls fail (such as ${few} failures of ${few})`)
  }
  const calls = window.calls === "all" ? "all outcomes" : `the last ${counted(window.calls, "outcome")}`
  const age =
    window.duration === "none" ? "" : `, at most ${span(window.duration)} old (in ${counted(window.slices, "slice")})`
  const rules = windowed.length === 0 ? [] : [`${list(windowed, "or")}, by ${calls}${age}`]
  if (consecutive !== "off") rules.unshift(`after ${counted(consecutive, "failure")} in a row`)
  return rules.length === 0 ? undefined : rules.join(", or ")
}

const pauses = ({ openFactor, openFor, openJitter, openMax }: CircuitBreaker.CircuitBreaker): string => {
  const spread = openJitter === 0 ? "" : `, give or take ${percent(openJitter)}`
  return `${span(openFor)} (${openFactor} times as long after each failed trial, at most ${span(openMax)}${spread})`
}

const trialsOf = (value: CircuitBreaker.CircuitBreaker): string => {
  const { ramp, rampCurve, rampFrom, trialLimit, trialSuccesses, trialVerdict, trials } = value
  const needed = `${trialSuccesses} must succeed (${trialVerdict} verdict)`
  const back =
    ramp === "off"
      ? ""
      : ` After that, calls come back over ${span(ramp)}, from ${percent(rampFrom)} (curve ${rampCurve}).`
  return `Then ${counted(trials, "trial call")} may pass, of which ${needed}; each is given up after ${span(trialLimit)}.${back}`
}

/** When a breaker opens, and what it does then. */
export const breaker = (of: string, value: CircuitBreaker.CircuitBreaker): ReadonlyArray<string> => {
  const name = `The circuit breaker of the ${of}`
  const when = opening(value)
  if (value.mode === "disabled") return [`${name} is disabled.`]
  if (value.mode === "forcedOpen") {
    return [`${name} is forced open: every call is refused with CircuitOpen (retry after ${span(value.openMax)}).`]
  }
  if (when === undefined) return [`${name} has no rule that is on: it never opens.`]
  const opens = `${name} opens ${when}.`
  if (value.mode === "observeOnly") return [`${opens} It only observes: no call is refused.`]
  return [`${opens} Calls then fail at once with CircuitOpen, for ${pauses(value)}.`, trialsOf(value)]
}

/** How many calls are at a server, and what becomes of the others. */
export const concurrency = ({ admission, limit, queue }: Concurrency.Concurrency): ReadonlyArray<string> => [
  limit === "learned"
    ? "A host gets as many calls of a model at once as it is seen to work on, and one more."
    : `A host gets at most ${counted(limit, "call")} of a model at once.`,
  queue === "unbounded"
    ? "All others wait in the client, ordered by priority and deadline."
    : `At most ${queue} others wait in the client, ordered by priority and deadline; one more is refused as Overloaded (client).`,
  admission === "off"
    ? "No call is refused because its wait would be long."
    : "A call whose turn would come after its deadline is refused at once as Overloaded (client); one without a " +
      `deadline, when the wait has been above ${span(admission.target)} for ${span(admission.interval)}.`
]

export const throttle = ({ k, window }: Throttle.Throttle): string =>
  `When the client has sent more than ${k} calls for each one that the server took within ${span(window)}, it holds ` +
  "a growing share of them back, as Overloaded (client)."

export const hedging = ({ after, max }: Hedging.Hedging): string => {
  const late = after === "auto" ? "longer than nearly all calls did" : `longer than ${span(after)}`
  const most = counted(max, "copy", "copies")
  return `When the first chunk takes ${late}, the call is sent again beside it (at most ${most}); the first to answer is used.`
}

const phasesOf = (thresholds: Slow.Thresholds): ReadonlyArray<string> =>
  (
    [
      ["queue", "waiting in the client"],
      ["load", "of loading"],
      ["firstToken", "without a first chunk"],
      ["gap", "without a further chunk"],
      ["total", "in all"]
    ] as const
  ).flatMap(([phase, what]) => {
    const threshold = thresholds[phase]
    return Number.isFinite(threshold) ? [`${millis(threshold)} ${what}`] : []
  })

/** When a call that runs is told of. */
export const slow = (
  { factor, least, log, samples }: Slow.Slow,
  thresholds: Slow.Thresholds
): ReadonlyArray<string> => {
  const absolute = phasesOf(thresholds)
  const rules = absolute.length === 0 ? [] : [`after ${list(absolute, "or")}`]
  if (factor !== "off") {
    const known = `from at least ${counted(samples, "such call")}`
    rules.push(`when a phase takes ${factor} times what is expected ${known}, and at least ${span(least)}`)
  }
  const told = `told of as slow while it runs, and ${log ? "" : "not "}logged${log ? " as a warning" : ""}`
  return [rules.length === 0 ? `No call is ever ${told}.` : `A call is ${told}, ${rules.join(", or ")}. It goes on.`]
}

const target = ({ host, model }: Fallback.Fallback): string =>
  host === undefined ? `model ${model}` : model === undefined ? `host ${host}` : `model ${model} on host ${host}`

/** Where a call goes that has failed. */
export const fallback = (entries: ReadonlyArray<Fallback.Fallback>): string => {
  const places = entries.map((entry) =>
    entry.on === undefined ? target(entry) : `${target(entry)} (after ${list(entry.on, "or")})`
  )
  return `If it still fails, it is tried with ${places.join(", then with ")}.`
}
