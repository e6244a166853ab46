/** What `watch` shows of what it knows: pure, from states to lines. */
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { CallEvent, CallRecord, HealthMonitor } from "effect-ollama"
import * as Style from "../../src/cli/terminal/Style.js"
import * as History from "../../src/cli/watch/History.js"
import * as Lines from "../../src/cli/watch/lines.js"
import * as Snapshot from "../../src/cli/watch/Snapshot.js"
import { view } from "../../src/cli/watch/view.js"

const now = Date.UTC(2026, 0, 31, 12)
const host = "http://gpu-box:11434"

const call = (id: number, model?: string): CallEvent.CallInfo => ({
  id,
  operation: "chat",
  endpoint: "/api/chat",
  host,
  model,
  startedAt: now - 10_000
})

const record = (id: number, more: Partial<CallRecord.CallRecord> = {}): CallRecord.CallRecord => ({
  id,
  operation: "chat",
  endpoint: "/api/chat",
  host,
  model: "llama3.2",
  startedAt: DateTime.unsafeMake(now - 10_000),
  outcome: "success",
  elapsed: Duration.seconds(5),
  phases: {
    waiting: { actual: Duration.zero },
    lost: { actual: Duration.zero },
    generating: { actual: Duration.seconds(2) },
    other: { actual: Duration.zero }
  },
  bytes: { sent: 1, received: 1 },
  tokens: { prompt: 10, generated: 80 },
  chunks: 80,
  attempts: [],
  decisions: [],
  slow: false,
  verdict: { _tag: "AsExpected" },
  ...more
})

const events: ReadonlyArray<CallEvent.CallEvent> = [
  { _tag: "Started", call: call(1, "llama3.2") },
  { _tag: "FirstToken", call: call(1, "llama3.2"), after: Duration.millis(400) },
  { _tag: "Ended", call: call(1, "llama3.2"), record: record(1) },
  { _tag: "FirstToken", call: call(2, "llama3.2"), after: Duration.millis(800) },
  {
    _tag: "Slow",
    slow: {
      call: call(3, "llama3.2"),
      phase: "firstToken",
      elapsed: Duration.seconds(20),
      inPhase: Duration.seconds(20),
      threshold: Duration.seconds(10),
      kind: "absolute",
      predicted: undefined,
      verdict: { _tag: "Queued", waited: Duration.seconds(19), ahead: 3 }
    }
  },
  {
    _tag: "Ended",
    call: call(4, "qwen3"),
    record: record(4, {
      model: "qwen3",
      outcome: "Overloaded",
      verdict: { _tag: "Overloaded", by: "server" }
    })
  },
  // looks of the monitor are no calls
  { _tag: "Ended", call: call(5), record: record(5, { outcome: "Unreachable" }) }
]

const history = events.reduce((all, event) => History.add(all, event, now - 1000), History.empty)

const health: HealthMonitor.HostHealth = {
  host,
  status: "healthy",
  since: DateTime.unsafeMake(0),
  why: "",
  misses: 0,
  latency: Duration.millis(12),
  version: "0.33.0",
  running: 3,
  models: [
    {
      name: "llama3.2:latest",
      size: 3_000_000_000,
      sizeVram: 1_500_000_000,
      expiresAt: new Date(now + 240_000).toISOString()
    }
  ],
  moves: []
}

const snapshot = Snapshot.make({
  now,
  health: [
    health,
    { ...health, host: "https://日本.example", status: "unreachable", why: "It refuses.", running: 0, models: [] }
  ],
  clients: [
    {
      budget: 100,
      dropped: 0,
      running: [],
      hosts: [
        {
          host,
          breaker: "closed",
          models: [
            { model: "llama3.2", breaker: "halfOpen", inFlight: 2, queued: 5, limit: 2, isLoading: false },
            { model: "qwen3", breaker: "open", inFlight: 0, queued: 0, limit: 1, isLoading: true }
          ]
        }
      ]
    }
  ],
  history
})

const lines = (columns: number, rows = 30, remark = "A remark.") =>
  view(snapshot, remark, { columns, rows }).map((line) => Style.render(line, false).trimEnd())

describe("the screen of watch", () => {
  it("has hosts, models, and the slow and failed calls, the latest first", () => {
    const shown = lines(130)
    assert.match(shown[0] ?? "", /^effect-ollama watch {2}\d\d:\d\d:\d\d {2}q quits$/)
    assert.deepStrictEqual(shown.slice(1, 12), [
      "A remark.",
      "",
      "HOST                  STATE    VERSION  ANSWERS IN  CALLS  BREAKER",
      "gpu-box:11434         healthy  0.33.0        12 ms      0  closed",
      "https://日本.example  down     0.33.0        12 ms      0",
      "https://日本.example: It refuses.",
      "",
      "MODEL            HOST            MEMORY  ON       LEAVES      IN FLIGHT  QUEUE  TOKENS/S  FIRST TOKEN                BREAKER",
      "llama3.2:latest  gpu-box:11434   3.0 GB  50% GPU  4 min left        2/2      5      40.0       800 ms            ▅█  half open",
      "qwen3:latest     gpu-box:11434  loading                             0/1      0      40.0                             open",
      ""
    ])
    assert.strictEqual(shown[12], "Slow and failed calls")
    assert.match(shown[13] ?? "", /^\d\d:\d\d:\d\d qwen3 Overloaded after 5\.0 s: /)
    assert.match(shown[14] ?? "", /^\d\d:\d\d:\d\d llama3\.2 slow after 20\.0 s: /)
    assert.strictEqual(shown.length, 15)
  })

  it("fits any window", () => {
    for (const columns of [20, 33, 48, 64, 80, 200]) {
      for (const rows of [1, 4, 8, 12, 24, 50]) {
        const all = view(snapshot, "A remark of many words, as remarks are.", { columns, rows })
        assert.isAtMost(all.length, rows)
        for (const line of all) assert.isAtMost(Style.columns(line), columns)
      }
    }
    assert.deepStrictEqual(lines(20, 8).slice(2, 5), [
      "HOST         STATE",
      "gpu-box:11…  healthy",
      "https://日…  down"
    ])
  })

  it("says so where nothing is in memory", () => {
    const empty = Snapshot.make({ now, health: [{ ...health, models: [] }], clients: [], history: History.empty })
    const shown = view(empty, "", { columns: 80, rows: 24 }).map((line) => Style.render(line, false))
    assert.include(shown, "No model is in memory.")
  })
})

describe("the lines of watch", () => {
  it("are one for each host", () => {
    assert.deepStrictEqual(Lines.lines(snapshot), [
      "2026-01-31T12:00:00Z http://gpu-box:11434 healthy 0.33.0 12 ms; " +
        "llama3.2:latest 3.0 GB 50% GPU 4 min left 2 in flight 5 queued 40.0 tokens/s first token 800 ms breaker halfOpen; " +
        "qwen3:latest loading 40.0 tokens/s breaker open",
      "2026-01-31T12:00:00Z https://日本.example unreachable 0.33.0 12 ms (It refuses.)"
    ])
  })

  it("as JSON have the troubles since the last one", () => {
    assert.containSubset(Lines.json(snapshot, now - 5000), {
      at: "2026-01-31T12:00:00.000Z",
      hosts: [{ host, status: "healthy", models: [{ model: "llama3.2:latest", inFlight: 2, firstToken: 800 }] }],
      troubles: [
        { model: "llama3.2", verdict: "Queued" },
        { model: "qwen3", verdict: "Overloaded" }
      ]
    })
    assert.containSubset(Lines.json(snapshot, now), { troubles: [] })
  })
})

describe("what was seen of calls", () => {
  it("is one trouble for a call: slow while it runs, then how it ended", () => {
    const ended = History.add(
      history,
      { _tag: "Ended", call: call(3, "llama3.2"), record: record(3, { slow: true }) },
      now
    )
    assert.deepStrictEqual(
      ended.troubles.map(({ call, state }) => [call.id, state]),
      [
        [4, "Overloaded"],
        [3, "ended"]
      ]
    )
  })

  it("is bounded", () => {
    let all = History.empty
    for (let id = 0; id < 500; id++) {
      all = History.add(all, { _tag: "FirstToken", call: call(id, "llama3.2"), after: Duration.millis(id) }, now)
      all = History.add(all, { _tag: "Ended", call: call(id, "llama3.2"), record: record(id, { slow: true }) }, now)
    }
    assert.strictEqual(History.seriesOf(all, host, "llama3.2:latest").firstTokens.length, 120)
    assert.strictEqual(all.troubles.length, 50)
  })
})
