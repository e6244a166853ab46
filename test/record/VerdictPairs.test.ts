/** Evidence that fits two verdicts: which goes first. */
import { assert, describe, it } from "@effect/vitest"
import * as Verdict from "../../src/record/Verdict.js"
import { about, calm, ended, failed, running, seconds, slower, took } from "./evidence.js"

type Case = readonly [what: string, verdict: Verdict.Verdict["_tag"], evidence: Verdict.Evidence]

const all = (cases: ReadonlyArray<Case>): void => {
  it.each(cases)("%s: %s", (_, tag, evidence) => {
    assert.strictEqual(Verdict.of(evidence)._tag, tag)
  })
}

const unreachable = (reason: string, host: Verdict.HostEvidence) => failed({ _tag: "Unreachable", reason }, host)

const slowHere = { prompt: slower(3), generating: slower(3) }

describe("pairs that could be confused", () => {
  const load = { loading: took(40, 40), generating: took(5, 5) }
  const rivals = { evictions: 4, rivals: ["qwen3:8b"] }
  const onCpu = { size: 10e9, sizeVram: 5e9 }

  all([
    ["a refusal is an answer: the machine is not offline", "HostDown", unreachable("refused", { others: "fail" })],
    ["offline, but others answer", "HostDown", unreachable("offline", { others: "answer" })],
    ["broke off, and the host is gone", "HostDown", failed({ _tag: "StreamInterrupted" }, { probe: "failing" })],
    [
      "broke off, and everything is gone",
      "ClientOffline",
      failed({ _tag: "StreamInterrupted" }, { probe: "failing", others: "fail" })
    ],
    [
      "crashed, and the host answers nothing now",
      "ServerFailed",
      failed({ _tag: "ServerError" }, { probe: "failing" })
    ],
    ["a probe fails while tokens come", "AsExpected", running("gap", 5, { probe: "failing" })],
    ["a probe fails while the client waits for a permit", "Waited", running("queue", 5, { probe: "failing" })],
    ["the caller left a call that was loading", "LeftByCaller", { ...ended(load), outcome: "left" }],
    ["other options before rivals", "ReloadByOptions", ended(load, { ...rivals, changedOptions: ["num_ctx"] })],
    [
      "other options, but the load is not what took long",
      "AsExpected",
      ended({ loading: took(0.1), generating: took(50, 50) }, { changedOptions: ["num_ctx"] })
    ],
    [
      "rivals before another load",
      "EvictionThrash",
      ended({ loading: took(90, 20) }, { ...rivals, isLoadingOther: true })
    ],
    ["pushed out once is no thrash", "Loading", ended(load, { ...rivals, evictions: 1 })],
    ["gone and come back, but nobody else came", "Loading", ended(load, { evictions: 4, rivals: [] })],
    ["a load that is long, but not far above", "Loading", ended({ loading: took(70, 20) })],
    ["another load goes on, but this one is not late", "Loading", ended(load, { isLoadingOther: true })],
    [
      "all is slow here, loads too",
      "SlowHost",
      ended({ loading: took(90, 20) }, { detectors: { loading: slower(4), generating: slower(4) } })
    ],
    [
      "version is slow, but the load is as it should be",
      "Loading",
      running("load", 10, { probe: "slow" }, { predicted: { loading: about(20) } })
    ],
    [
      "version is slow, and the load late",
      "HostOverloaded",
      running("load", 90, { probe: "slow" }, { predicted: { loading: about(20) } })
    ],
    [
      "waiting for the first token, in memory, with calls ahead",
      "Queued",
      running("firstToken", 9, { listing: "listed", ahead: 2, parallel: 2 })
    ],
    [
      "waiting for the first token, not in memory, with calls ahead",
      "Loading",
      running("firstToken", 9, { listing: "absent", ahead: 2, parallel: 2 })
    ],
    [
      "waiting for the first token, with room at the server",
      "AsExpected",
      running("firstToken", 9, { listing: "listed", ahead: 1, parallel: 2 })
    ],
    [
      "the queue took more than the long prompt",
      "Queued",
      { ...ended({ queued: took(60), prompt: took(40, 38) }), promptTokens: 30_000 }
    ],
    [
      "a long prompt, but slower than it should be",
      "Unknown",
      { ...ended({ prompt: took(140, 38) }), promptTokens: 30_000 }
    ],
    [
      "a long prompt on a host that has become slow",
      "SlowHost",
      { ...ended({ prompt: took(60, 38) }, { detectors: slowHere }), promptTokens: 30_000 }
    ],
    ["a short prompt that dominates", "AsExpected", { ...ended({ prompt: took(3, 3) }), promptTokens: 40 }],
    ["on the processor as always, and not late", "AsExpected", ended({ generating: took(60, 55) }, onCpu)],
    [
      "on the processor as always, and slow for the policy",
      "PartlyOnCpu",
      { ...ended({ generating: took(60, 55) }, onCpu), isSlow: true }
    ],
    [
      "on the processor, and so slower in all it computes",
      "PartlyOnCpu",
      ended({ generating: took(60, 10) }, { ...onCpu, detectors: slowHere })
    ],
    [
      "on the processor, but loads are slow too",
      "SlowHost",
      ended({ generating: took(60, 10) }, { ...onCpu, detectors: { ...slowHere, loading: slower(3) } })
    ],
    [
      "wholly on the processor, and so slower than before",
      "PartlyOnCpu",
      ended({ generating: took(60, 10) }, { size: 10e9, sizeVram: 0, detectors: { generating: slower(3) } })
    ],
    [
      "wholly on the processor: it may have nothing else",
      "Unknown",
      ended({ generating: took(60, 10) }, { size: 10e9, sizeVram: 0 })
    ],
    ["wholly on the graphics card", "Unknown", ended({ generating: took(60, 10) }, { size: 10e9, sizeVram: 10e9 })],
    [
      "on the processor, and slower on every host alike",
      "PredictionOff",
      ended({ generating: took(60, 10) }, { ...onCpu, detectors: slowHere, otherDetectors: [slowHere] })
    ],
    [
      "others slower by another factor",
      "SlowHost",
      ended({ generating: took(60, 10) }, { detectors: slowHere, otherDetectors: [{ generating: slower(1.6) }] })
    ],
    [
      "only some others are slower",
      "SlowHost",
      ended({ generating: took(60, 10) }, { detectors: slowHere, otherDetectors: [{ generating: slower(3) }, {}] })
    ],
    [
      "slower in the prompt and generating is no matter of others",
      "SlowHost",
      ended({ generating: took(30, 10) }, { inFlight: 1, usualInFlight: 1, detectors: slowHere })
    ],
    [
      "a slow host, but this call was not late",
      "AsExpected",
      ended({ prompt: took(1, 2), generating: took(9, 10) }, { detectors: slowHere })
    ],
    [
      "one late call of a host without an alarm",
      "Unknown",
      ended({ generating: took(50, 10) }, { detectors: { generating: calm }, inFlight: 1, usualInFlight: 1 })
    ],
    [
      "late, with more calls of ours than usual",
      "Shared",
      ended({ generating: took(50, 10) }, { inFlight: 6, usualInFlight: 2 })
    ],
    [
      "silent for a moment",
      "AsExpected",
      {
        elapsed: seconds(9),
        running: { phase: "gap", inPhase: seconds(9), silent: seconds(3) },
        host: { probe: "fast" }
      }
    ],
    [
      "silent with tools",
      "AsExpected",
      {
        elapsed: seconds(99),
        hasTools: true,
        running: { phase: "gap", inPhase: seconds(90), silent: seconds(60) },
        host: { probe: "fast" }
      }
    ],
    [
      "silent, and version is slow",
      "HostOverloaded",
      {
        elapsed: seconds(99),
        isSlow: true,
        running: { phase: "gap", inPhase: seconds(90), silent: seconds(60) },
        host: { probe: "slow" }
      }
    ],
    [
      "silent, and the host answers nothing",
      "HostDown",
      {
        elapsed: seconds(99),
        running: { phase: "gap", inPhase: seconds(90), silent: seconds(60) },
        host: { probe: "failing" }
      }
    ],
    ["one call in twenty passes the high of its prediction", "AsExpected", ended({ generating: took(25, 10) })],
    ["a moment late", "AsExpected", ended({ queued: took(0.4), prompt: took(0.1, 0.01), generating: took(0.5, 0.5) })]
  ])

  it("more calls of ours are named, and only then", () => {
    const verdict = Verdict.of(
      ended({ generating: took(50, 10) }, { inFlight: 6, usualInFlight: 2, detectors: { generating: slower(5) } })
    )
    assert.deepStrictEqual(verdict, { _tag: "Shared", factor: 5, inFlight: 6, usual: 2 })
    const others = Verdict.of(
      ended({ generating: took(50, 10) }, { inFlight: 2, usualInFlight: 2, detectors: { generating: slower(5) } })
    )
    assert.deepStrictEqual(others, { _tag: "Shared", factor: 5 })
  })
})
