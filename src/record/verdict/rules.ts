/**
 * The table of verdicts (resilience notes, 5.4): the first rule that applies is the verdict. First how the call ended,
 * where that says it all; then whether a limit of ours was too short for what was to be expected; then why it is, or was,
 * slow, what is seen directly before what is inferred from figures; and at last that nothing is known.
 */
import * as Duration from "effect/Duration"
import type { Verdict } from "../Verdict.js"
import {
  expected,
  factors,
  type Facts,
  isBehind,
  millis,
  noticeable,
  others,
  positive,
  slowerIn,
  type Span
} from "./facts.js"
import { given } from "./given.js"
import * as Limits from "./limits.js"
import * as Names from "./names.js"
import * as Silence from "./silence.js"

interface Rule {
  /** What is observed. */
  readonly name: string
  readonly of: (facts: Facts) => Verdict | undefined
}

const int = (value: number | undefined): number | undefined =>
  value !== undefined && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.round(value) : undefined

const duration = (value: number): Duration.Duration => Duration.millis(value)

/** Tokens of a prompt that is long. */
const longPrompt = 1000

/** Several hosts have become slower by the same factor if theirs differ by no more than this. */
const alike = 1.5

/** A load that takes so many times as long as it should is not slow, it waits. */
const farAbove = 2

/** Calls at once, times those there usually are, from which they are many. */
const moreThanUsual = 1.5

/** Times that a model was pushed out of memory. */
const thrashing = 2

/** Nothing can tell that the way to the host works. */
const isEverywhere = ({ host }: Facts): boolean => host.others === "fail"

const down = (facts: Facts, reason: string): Verdict =>
  isEverywhere(facts) && isLost.has(reason) ? { _tag: "ClientOffline" } : { _tag: "HostDown", reason }

/** Nobody answered: neither the host, nor anything before it. */
const isLost = new Set(["dns", "unroutable", "offline", "timeout", "silent"])

/** This machine has no file, port or memory left for a connection, to whatever host. */
const exhausted = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL"])

const unreachable = (facts: Facts): Verdict | undefined => {
  if (facts.failure?._tag === "Unreachable") {
    if (exhausted.has(facts.failure.cause?.code ?? "")) return { _tag: "ClientOffline" }
    const reason = Names.reason(facts.failure.reason)
    // before a connection stands there is no proxy that could have said it
    if (reason === "gateway" && facts.failure.phase === "connect") return { _tag: "HostDown", reason: "proxy" }
    return reason === "offline" && facts.host.others !== "answer" ? { _tag: "ClientOffline" } : down(facts, reason)
  }
  return facts.timeout?.phase === "connect" && facts.host.probe !== "slow" ? down(facts, "timeout") : undefined
}

/** Whether it waits for something that does not come. */
const isSilent = ({ evidence: { running }, failure, timeout }: Facts): boolean => {
  if (running === undefined) return timeout !== undefined || failure?._tag === "StreamInterrupted"
  return running.phase === "gap"
    ? (millis(running.silent) ?? 0) >= noticeable
    : running.phase !== "prepare" && running.phase !== "queue"
}

const opened = ({ failure, ...facts }: Facts): Verdict | undefined => {
  if (failure?._tag !== "CircuitOpen") return undefined
  const tag = Names.tag(failure.lastFailure?.tag)
  if (tag === "Unreachable") return down({ failure, ...facts }, "breaker")
  if (tag === "Overloaded") return { _tag: "Overloaded", by: "server" }
  if (tag === "Timeout" && failure.lastFailure?.phase === "connect") return down({ failure, ...facts }, "breaker")
  return { _tag: "ServerFailed", tag }
}

const impossible = new Set(["Unauthorized", "ModelNotFound", "InvalidRequest", "MalformedOutput"])
const failed = new Set(["LoadFailed", "ServerError", "StreamInterrupted", "ProtocolError"])

const foreseen = (focus: Span | undefined) => {
  const millis = expected(focus)
  return given("expected", millis === undefined ? undefined : duration(millis))
}

const loading = ({ evidence: { gigabytes }, focus }: Facts): Verdict => ({
  _tag: "Loading",
  elapsed: duration(focus?.actual ?? 0),
  ...foreseen(focus),
  ...given("gigabytes", positive(gigabytes))
})

const isAlike = (a: number, b: number | undefined): boolean => b !== undefined && a <= b * alike && b <= a * alike

const sameEverywhere = ({ focus, host, slower }: Facts): number | undefined => {
  const here = slowerIn(slower, focus)
  const there = others(host)
  return here !== undefined && there.length > 0 && there.every((other) => isAlike(here, slowerIn(other, focus)))
    ? here
    : undefined
}

const mean = (factors: ReadonlyArray<number>): number =>
  Math.exp(factors.reduce((sum, factor) => sum + Math.log(factor), 0) / factors.length)

const waited = ({ evidence: { waitedFor }, focus }: Facts): Verdict => ({
  _tag: "Waited",
  waited: duration(focus?.actual ?? 0),
  why: focus?.name === "lost" ? "attempts" : (waitedFor ?? "permit")
})

/** What is generated by several calls at once. */
const shared = ({ focus, host: { inFlight, usualInFlight }, slower }: Facts): Verdict | undefined => {
  const calls = int(inFlight)
  const usual = positive(usualInFlight)
  const isOurs = calls !== undefined && usual !== undefined && calls >= usual * moreThanUsual && calls > 1
  const isExcess = focus !== undefined && focus.excess > 0
  if (slower.generating === undefined && !(isOurs && isExcess)) return undefined
  const ratio = (focus?.actual ?? 0) / (expected(focus) ?? Number.POSITIVE_INFINITY)
  return {
    _tag: "Shared",
    factor: slower.generating ?? ratio,
    ...(isOurs ? { ...given("inFlight", calls), ...given("usual", int(usual)) } : {})
  }
}

const onCpu = ({ size, sizeVram }: Facts["host"]): number | undefined => {
  const all = positive(size)
  return all === undefined || sizeVram === undefined || !(sizeVram >= 0 && sizeVram < all)
    ? undefined
    : 1 - sizeVram / all
}

const when = (condition: boolean, verdict: () => Verdict | undefined): Verdict | undefined =>
  condition ? verdict() : undefined

const elapsedIn = ({ focus }: Facts): Duration.Duration => duration(focus?.actual ?? 0)

/** Slow by the policy's measure only: it was to be expected. */
const isForeseen = ({ focus, slower }: Facts): boolean =>
  focus?.predicted !== undefined &&
  focus.predicted.samples > 0 &&
  focus.excess === 0 &&
  slowerIn(slower, focus) === undefined

export const rules: ReadonlyArray<Rule> = [
  // how it ended
  {
    name: "the caller left",
    of: (facts) =>
      when(facts.evidence.outcome === "left", () => ({
        _tag: "LeftByCaller",
        phase: facts.evidence.endedIn ?? "response",
        after: duration(facts.elapsed)
      }))
  },
  {
    name: "something on the way forbids it",
    of: ({ failure }) =>
      when(failure?._tag === "Blocked", () => ({ _tag: "ProxyInTheWay", by: Names.blocker(failure?.by) }))
  },
  {
    name: "it was shed",
    of: ({ failure }) =>
      when(failure?._tag === "Overloaded", () => ({ _tag: "Overloaded", by: Names.shedder(failure?.by) }))
  },
  { name: "the breaker was open: what opened it", of: opened },
  {
    name: "it cannot work as it is",
    of: ({ failure }) =>
      when(impossible.has(failure?._tag ?? ""), () => ({ _tag: "BadRequest", tag: Names.tag(failure?._tag) }))
  },
  { name: "no connection: here, or everywhere", of: unreachable },
  {
    name: "nothing comes, and the host does not answer anything else either",
    of: (facts) => when(facts.host.probe === "failing" && isSilent(facts), () => down(facts, "silent"))
  },
  {
    name: "the server could not do it",
    of: ({ failure }) =>
      when(failed.has(failure?._tag ?? ""), () => ({
        _tag: "ServerFailed",
        tag: Names.tag(failure?._tag),
        ...(failure?.outOfMemory === true ? { outOfMemory: true } : {})
      }))
  },
  // a limit of ours
  { name: "a clock ran out before what was to be expected had passed", of: Limits.asPredicted },
  {
    name: "a clock ran out while the server buffered a tool call",
    of: (facts) => Limits.whileBuffering(facts, Silence.stalled.buffering)
  },
  // what is seen to make it slow
  {
    name: "it waited in the client",
    of: (facts) =>
      when((facts.focus?.name === "waiting" || facts.focus?.name === "lost") && facts.focus.actual >= noticeable, () =>
        waited(facts)
      )
  },
  {
    name: "context length or another option of the process changed between calls",
    of: (facts) => {
      const options = Names.list(facts.host.changedOptions)
      return when(facts.focus?.name === "loading" && options.length > 0, () => ({
        _tag: "ReloadByOptions",
        elapsed: elapsedIn(facts),
        options
      }))
    }
  },
  {
    name: "`/api/ps` shows the model going and coming",
    of: (facts) => {
      const loads = int(facts.host.evictions) ?? 0
      const rivals = Names.list(facts.host.rivals)
      return when(facts.focus?.name === "loading" && loads >= thrashing && rivals.length > 0, () => ({
        _tag: "EvictionThrash",
        loads,
        rivals
      }))
    }
  },
  {
    name: "load_duration far above size / learned GB/s, or above zero for a resident model; or another load was seen",
    of: (facts) => {
      const { focus, host, slowerPhases } = facts
      if (focus?.name !== "loading" || focus.actual < noticeable) return undefined
      const high = millis(focus.predicted?.high)
      // another load that is seen explains what is late; one that is not is only inferred
      const isFar = high === undefined ? host.wasResident === true : focus.actual > farAbove * high
      const isSeen = host.isLoadingOther === true && (focus.excess > 0 || high === undefined)
      return when(isSeen || (isFar && slowerPhases < 2 && host.probe !== "slow"), () => ({
        _tag: "BehindOtherLoad",
        elapsed: elapsedIn(facts),
        ...foreseen(focus)
      }))
    }
  },
  {
    name: "version slow too",
    of: (facts) => when(facts.host.probe === "slow" && facts.isLate, () => ({ _tag: "HostOverloaded" }))
  },
  {
    name: "version answers, `/api/ps` lacks the model or hangs, nothing from the stream",
    of: (facts) =>
      when(
        facts.focus?.name === "loading" &&
          facts.timeout === undefined &&
          facts.focus.excess === 0 &&
          (facts.evidence.running !== undefined || facts.focus.actual >= noticeable),
        () => loading(facts)
      )
  },
  {
    name: "total - load - prompt - eval large, or calls of ours ahead",
    of: (facts) =>
      when(facts.focus?.name === "queued" && facts.focus.actual >= noticeable, () => ({
        _tag: "Queued",
        waited: elapsedIn(facts),
        ...given("ahead", isBehind(facts.host) ? int(facts.host.ahead) : undefined),
        ...given("parallel", int(positive(facts.host.parallel)))
      }))
  },
  {
    name: "gaps with the connection alive, version fast",
    of: (facts) => {
      const silent = facts.host.probe === "fast" ? Silence.ofRunner(facts) : undefined
      return when(silent !== undefined, () => ({ _tag: "StalledRunner", silent: duration(silent ?? 0) }))
    }
  },
  {
    name: "no token of a model in memory for far longer than its prompt could take, version fast: calls of others are ahead",
    of: (facts) => {
      const { host } = facts
      const waited = host.probe === "fast" && host.listing !== "late" ? Silence.waitedInVain(facts) : undefined
      return waited === undefined
        ? undefined
        : { _tag: "Queued", waited: duration(waited), ...given("parallel", int(positive(host.parallel))) }
    }
  },
  {
    name: "prompt rate normal, first token late, prompt long",
    of: (facts) => {
      const { evidence, focus, slower, timeout } = facts
      const tokens = int(positive(evidence.promptTokens))
      const isNormal = focus?.excess === 0 && slower.prompt === undefined && timeout === undefined
      return when(
        focus?.name === "prompt" && isNormal && (tokens ?? 0) >= longPrompt && focus.actual >= noticeable,
        () => ({
          _tag: "LongPrompt",
          elapsed: elapsedIn(facts),
          ...foreseen(focus),
          ...given("tokens", tokens)
        })
      )
    }
  },
  // what figures say makes it slow
  {
    name: "same ratio on all hosts",
    of: (facts) => {
      const factor = facts.isLate ? sameEverywhere(facts) : undefined
      return factor === undefined ? undefined : { _tag: "PredictionOff", factor }
    }
  },
  {
    name: "resident but size_vram < size",
    of: (facts) => {
      const { focus, host, isLate, slower } = facts
      const share = onCpu(host)
      const isComputing = focus?.name === "prompt" || focus?.name === "generating"
      const factor = slowerIn(slower, focus)
      // wholly there, and no slower for it than before: it may be a host without a graphics card
      const isUsual = share === 1 && factor === undefined
      // a host whose loads are slow too has another trouble
      return share === undefined || isUsual || !isComputing || !isLate || slower.loading !== undefined
        ? undefined
        : { _tag: "PartlyOnCpu", share, ...given("factor", factor) }
    }
  },
  {
    name: "all phases slower by a factor on one host, others normal",
    of: (facts) => {
      const all = factors(facts.slower)
      const isOnlyPhase = all.length === 1 && facts.slower.generating === undefined && facts.focus?.excess !== 0
      const concerns = slowerIn(facts.slower, facts.focus) !== undefined || (facts.focus?.excess ?? 0) > 0
      return when(facts.isLate && concerns && (all.length > 1 || isOnlyPhase), () => ({
        _tag: "SlowHost",
        factor: mean(all)
      }))
    }
  },
  {
    name: "evaluation rate falls with own calls in flight constant, or with more of them",
    of: (facts) => when(facts.focus?.name === "generating" && facts.isLate, () => shared(facts))
  },
  // the rest
  {
    name: "a load that takes long",
    of: (facts) =>
      when(facts.focus?.name === "loading" && facts.timeout === undefined && facts.focus.actual >= noticeable, () =>
        loading(facts)
      )
  },
  { name: "a clock ran out, and the host is alive", of: Limits.whileAlive },
  {
    name: "slow or failed, and nothing says why",
    of: (facts) =>
      when((facts.isLate && !isForeseen(facts)) || facts.failure !== undefined, () => ({
        _tag: "Unknown",
        phase: facts.timeout?.phase ?? facts.evidence.running?.phase ?? facts.focus?.name ?? "response",
        elapsed: duration(facts.focus?.actual ?? facts.elapsed)
      }))
  }
]

export const apply = (facts: Facts): Verdict => {
  for (const rule of rules) {
    const verdict = rule.of(facts)
    if (verdict !== undefined) return verdict
  }
  return { _tag: "AsExpected" }
}
