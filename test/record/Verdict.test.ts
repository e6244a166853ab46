/** The table of the resilience notes, 5.4, row by row; then what else ends a call, and limits of ours. */
import { assert, describe, it } from "@effect/vitest"
import * as Verdict from "../../src/record/Verdict.js"
import { about, calm, ended, failed, running, seconds, slower, timedOut, took } from "./evidence.js"

type Tag = Verdict.Verdict["_tag"]
type Case = readonly [what: string, verdict: Tag, evidence: Verdict.Evidence]

const all = (cases: ReadonlyArray<Case>): void => {
  it.each(cases)("%s: %s", (_, tag, evidence) => {
    assert.strictEqual(Verdict.of(evidence)._tag, tag)
  })
}

const unreachable = (reason: string, host: Verdict.HostEvidence = {}) => failed({ _tag: "Unreachable", reason }, host)

const slowHere = { prompt: slower(3), generating: slower(3) }

describe("rows of the table", () => {
  all([
    ["connect fails, other hosts answer", "HostDown", unreachable("unroutable", { others: "answer" })],
    ["connect fails everywhere", "ClientOffline", unreachable("unroutable", { others: "fail" })],
    [
      "version answers, ps lacks the model, nothing from the stream",
      "Loading",
      running("load", 12, { probe: "fast", listing: "absent" }, { predicted: { loading: about(41) } })
    ],
    ["version answers, ps hangs, nothing from the stream", "Loading", running("firstToken", 12, { listing: "late" })],
    [
      "ps shows the model going and coming",
      "EvictionThrash",
      ended({ loading: took(40, 40), generating: took(5, 5) }, { evictions: 3, rivals: ["qwen3:8b"] })
    ],
    [
      "resident but size_vram < size",
      "PartlyOnCpu",
      ended({ generating: took(60, 10) }, { size: 10e9, sizeVram: 6e9, listing: "listed" })
    ],
    [
      "context length changes between calls",
      "ReloadByOptions",
      ended({ loading: took(40, 40), generating: took(5, 5) }, { changedOptions: ["num_ctx"] })
    ],
    [
      "total - load - prompt - eval large",
      "Queued",
      ended({ queued: took(30), prompt: took(1, 1), generating: took(10, 10) }, { ahead: 3, parallel: 1 })
    ],
    [
      "load_duration far above size / learned GB/s",
      "BehindOtherLoad",
      ended({ loading: took(90, 20), generating: took(5, 5) })
    ],
    [
      "load_duration above zero for a resident model",
      "BehindOtherLoad",
      ended({ loading: took(15), generating: took(5, 5) }, { wasResident: true })
    ],
    [
      "prompt rate normal, first token late, prompt long",
      "LongPrompt",
      { ...ended({ prompt: took(40, 38), generating: took(5, 5) }), promptTokens: 30_000 }
    ],
    [
      "evaluation rate falls with own calls in flight constant",
      "Shared",
      ended(
        { generating: took(25, 10) },
        { inFlight: 1, usualInFlight: 1, detectors: { prompt: calm, generating: slower(2.5) } }
      )
    ],
    [
      "all phases slower on one host, others normal",
      "SlowHost",
      ended(
        { prompt: took(6, 2), generating: took(30, 10) },
        { detectors: slowHere, otherDetectors: [{ prompt: calm, generating: calm }] }
      )
    ],
    [
      "same ratio on all hosts",
      "PredictionOff",
      ended(
        { prompt: took(6, 2), generating: took(30, 10) },
        { detectors: slowHere, otherDetectors: [{ generating: slower(3.2) }, { generating: slower(2.7) }] }
      )
    ],
    [
      "gaps with the connection alive, version fast",
      "StalledRunner",
      {
        elapsed: seconds(60),
        running: { phase: "gap", inPhase: seconds(50), silent: seconds(20) },
        host: { probe: "fast" }
      }
    ],
    ["version slow too", "HostOverloaded", ended({ prompt: took(9, 1), generating: took(50, 10) }, { probe: "slow" })]
  ])
})

describe("other ends", () => {
  all([
    ["nothing is known but that it went well", "AsExpected", { elapsed: seconds(3), outcome: "success" }],
    ["nothing is known at all", "AsExpected", { elapsed: seconds(3) }],
    ["each phase as predicted", "AsExpected", ended({ prompt: took(1, 1), generating: took(10, 8) })],
    ["the caller left", "LeftByCaller", { elapsed: seconds(3), outcome: "left", endedIn: "load" }],
    ...(["origin", "hostHeader", "proxy", "firewall", "captivePortal", "cloudDisabled", "forbidden"] as const).map(
      (by): Case => [`blocked by ${by}`, "ProxyInTheWay", failed({ _tag: "Blocked", by })]
    ),
    ...(["server", "gateway", "client", "quota"] as const).map((by): Case => [
      `shed by ${by}`,
      "Overloaded",
      failed({ _tag: "Overloaded", by })
    ]),
    ...(["refused", "dns", "unroutable", "reset", "tls", "protocol", "gateway", "upstream"] as const).map(
      (reason): Case => [`unreachable: ${reason}`, "HostDown", unreachable(reason)]
    ),
    ["unreachable: offline", "ClientOffline", unreachable("offline")],
    [
      "unreachable: no file is left for a connection",
      "ClientOffline",
      failed({ _tag: "Unreachable", reason: "unroutable", cause: { code: "EMFILE" } }, { others: "answer" })
    ],
    ["no connection within the limit", "HostDown", timedOut("connect", 2)],
    ...(["Unauthorized", "ModelNotFound", "InvalidRequest", "MalformedOutput"] as const).map((_tag): Case => [
      _tag,
      "BadRequest",
      failed({ _tag })
    ]),
    ...(["LoadFailed", "ServerError", "StreamInterrupted", "ProtocolError"] as const).map((_tag): Case => [
      _tag,
      "ServerFailed",
      failed({ _tag })
    ]),
    ["an open breaker, after no connection", "HostDown", opened("Unreachable")],
    ["an open breaker, after a crash", "ServerFailed", opened("ServerError")],
    ["an open breaker, after sheds", "Overloaded", opened("Overloaded")],
    ["waits here for a permit", "Waited", running("queue", 30, {}, { waitedFor: "permit" })],
    ["waited for attempts that failed", "Waited", ended({ lost: took(30), generating: took(10, 10) })],
    ["waits for a connection", "AsExpected", running("connect", 1)],
    ["generates", "AsExpected", running("gap", 20, {}, { predicted: { generating: about(30) } })],
    ["late, and nothing says why", "Unknown", ended({ generating: took(50, 10) })],
    [
      "slow by the policy's measure, and never seen before",
      "Unknown",
      { ...ended({ generating: took(90) }), isSlow: true }
    ],
    ["slow by the policy's measure only", "AsExpected", { ...ended({ generating: took(90, 80) }), isSlow: true }],
    ["a clock of a host of which nothing is known", "Unknown", timedOut("firstToken", 30)],
    ["a failure of a later version", "Unknown", failed({ _tag: "Novelty" })]
  ])
})

function opened(tag: string): Verdict.Evidence {
  return failed({ _tag: "CircuitOpen", lastFailure: { tag } })
}

describe("a limit of ours", () => {
  all([
    [
      "the load clock, though a load takes longer",
      "TooShort",
      timedOut("load", 10, { listing: "absent" }, { predicted: { loading: about(41) } })
    ],
    ["the load clock, while ps lacks the model", "TooShort", timedOut("load", 10, { listing: "absent" })],
    ["the load clock, while version answers", "TooShort", timedOut("load", 10, { probe: "fast", listing: "late" })],
    [
      "the first-token clock, though the prompt takes longer",
      "TooShort",
      timedOut("firstToken", 30, { listing: "listed" }, { predicted: { prompt: about(25) } })
    ],
    [
      "the first-token clock, while the model was still loading",
      "TooShort",
      timedOut("firstToken", 30, { listing: "absent" }, { predicted: { loading: about(41), prompt: about(1) } })
    ],
    ["the total clock", "TooShort", timedOut("total", 10, {}, { predicted: { total: about(30) } })],
    ["the total clock, and nothing is known", "TooShort", timedOut("total", 10)],
    [
      "the gap clock, while a tool call is buffered",
      "TooShort",
      timedOut("gap", 30, { probe: "fast" }, { hasTools: true })
    ],
    ["the clock of an answer, of a host that is alive", "TooShort", timedOut("response", 30, { probe: "fast" })]
  ])

  it("names what such a call may take", () => {
    const verdict = Verdict.of(
      timedOut("firstToken", 30, { listing: "absent" }, { predicted: { loading: about(41), prompt: about(1) } })
    )
    assert.deepStrictEqual(verdict, {
      _tag: "TooShort",
      phase: "firstToken",
      limit: seconds(30),
      needed: seconds(84)
    })
  })

  all([
    [
      "not where it left room enough, and the server hangs",
      "StalledRunner",
      timedOut("firstToken", 60, { probe: "fast", listing: "listed" }, { predicted: { prompt: about(2) } })
    ],
    [
      "not by a rough guess, with ten times the room",
      "Unknown",
      timedOut("firstToken", 30, { listing: "listed" }, { predicted: { prompt: { ...about(3), samples: 0 } } })
    ],
    ["not where the host does not answer at all", "HostDown", timedOut("firstToken", 30, { probe: "failing" })],
    ["not where it is slow to say its version", "HostOverloaded", timedOut("response", 30, { probe: "slow" })],
    ["not where the stream fell silent", "StalledRunner", timedOut("gap", 30, { probe: "fast" })],
    [
      "not where it was the server's queue",
      "Queued",
      timedOut("firstToken", 30, { listing: "listed", ahead: 4, parallel: 1 }, { predicted: { prompt: about(1) } })
    ],
    [
      "not where it was the client's queue",
      "Waited",
      timedOut(
        "total",
        30,
        {},
        { phases: { waiting: took(28), prompt: took(1, 1) }, predicted: { total: about(40) }, waitedFor: "permit" }
      )
    ],
    [
      "not where another model was loaded first",
      "BehindOtherLoad",
      timedOut("load", 100, { listing: "absent", isLoadingOther: true }, { predicted: { loading: about(20) } })
    ]
  ])
})

it("tells a proxy that cannot be reached from one that has no server behind it", () => {
  const reasonOf = (phase: "connect" | "load") => {
    const verdict = Verdict.of(failed({ _tag: "Unreachable", reason: "gateway", phase }))
    return verdict._tag === "HostDown" ? verdict.reason : verdict._tag
  }
  assert.strictEqual(reasonOf("connect"), "proxy")
  assert.strictEqual(reasonOf("load"), "gateway")
})
