import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import { CallRecord, Doctor, OllamaError, Policy, type Verdict } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { within } from "../support/clock.js"
import * as replies from "../support/replies.js"
import * as Server from "../support/server.js"
import { commandsOf, examine, expectCause, expectCheck, fixesOf, probes, simulated } from "./doctorScene.js"

const loaded = { models: [{ name: "llama3.2", loaded: true }] }
const json = (report: Doctor.Report): unknown => Schema.encodeSync(Doctor.Report)(report)

/** Reports of all kinds. */
const reports = Effect.all([
  simulated({}, loaded),
  simulated({ call: "load" }, { models: [{ name: "llama3.2", loadTime: "3 seconds" }] }),
  simulated({ host: "gpu-box" }, { faults: [Fault.refused()] }),
  simulated({ host: "http://gpu-box/v1" }, { faults: [Fault.captivePortal()] }),
  simulated({ host: "ftp://x" }),
  simulated({ origin: "https://a.b" }, loaded, {
    machine: { container: "podman" },
    addresses: ["10.0.0.7"],
    place: "remote",
    tcp: { any: { outcome: "connected" } }
  })
])

const run = (options: Doctor.Options, client: HttpClient.HttpClient, found: Doctor.Probes) =>
  Effect.provide(
    Doctor.run(options),
    Layer.merge(Layer.succeed(HttpClient.HttpClient, client), Layer.succeed(Doctor.CurrentProbes, found))
  )

describe("the report", () => {
  it.effect("is JSON, and read back as it was", () =>
    Effect.gen(function* () {
      for (const report of yield* reports) {
        const text = JSON.stringify(json(report))
        assert.deepStrictEqual(Schema.decodeUnknownSync(Doctor.Report)(JSON.parse(text)), report)
      }
    })
  )

  it.effect("is the same when the same is found", () =>
    Effect.gen(function* () {
      const [first, second] = yield* Effect.all([reports, reports])
      const timeless = (all: typeof first) => all.map((report) => ({ ...report, startedAt: undefined }))
      assert.deepStrictEqual(timeless(first), timeless(second))
    })
  )

  it.effect("names every check once, in order, with one line each", () =>
    Effect.gen(function* () {
      for (const report of yield* reports) {
        assert.deepStrictEqual(
          report.checks.map(({ name }) => name),
          [...Doctor.CheckName.literals]
        )
        for (const { text } of report.checks) assert.match(text, /^[^\n]+\.$/)
        for (const cause of Object.values(report.causes)) {
          for (const sentence of cause.evidence) assert.match(sentence, /^[A-Z0-9[h][^\n]*\.$/)
          if (cause.holds === "yes") {
            assert.isAbove(cause.evidence.length, 0)
            assert.isAbove(cause.fixes.length, 0)
          }
          if (cause.holds === "no") assert.lengthOf(cause.fixes, 0)
        }
      }
    })
  )

  it.effect("as plain text: the verdict, the checks, the causes, what to do", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ host: "gpu-box" }, { faults: [Fault.refused()] })
      const text = Doctor.render(report)
      const lines = text.split("\n")
      assert.strictEqual(lines[0], report.verdict.text)
      assert.include(lines, "failed   http     No answer (Unreachable, refused, ECONNREFUSED).")
      assert.include(lines, "The server is down or cannot be reached: yes")
      assert.include(text, "On the server: Start Ollama")
      assert.include(text, "    sudo systemctl start ollama")
      assert.match(lines.at(-1) ?? "", /^Examined in \d+ ms\.$/)
      assert.isFalse(
        [...text].some((character) => character < " " && character !== "\n"),
        "a control character"
      )
    })
  )

  it.effect("as plain text: what is wrong besides", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ model: "qwen9" }, loaded)
      assert.include(
        Doctor.render(report),
        "Besides:\n    - On the server: Pull qwen9.\n      Shell:\n        ollama pull qwen9"
      )
    })
  )

  it.effect("as an exit code", () =>
    Effect.gen(function* () {
      const codes = (yield* reports).map(Doctor.exitCode)
      assert.deepStrictEqual(codes, [0, 0, 3, 6, 1, 6])
      const busy = { ...loaded, faults: [Fault.serverBusy({ path: "/api/generate" })] }
      assert.strictEqual(Doctor.exitCode(yield* simulated({}, busy)), 5)
    })
  )
})

describe("its time", () => {
  const never = HttpClient.make(() => Effect.never)
  const stubborn = HttpClient.make(() => Effect.uninterruptible(Effect.never))
  const silent: Doctor.Probes = {
    machine: Effect.never,
    resolve: () => Effect.never,
    place: () => Effect.never,
    connect: () => Effect.never,
    tls: () => Effect.never,
    proxies: () => Effect.never,
    askProxy: () => Effect.never
  }
  /** Ends exactly so long after it began. */
  const endsAt = (effect: Effect.Effect<Doctor.Report>, after: Duration.DurationInput) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(effect)
      yield* TestClock.adjust(Duration.toMillis(after) - 1)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)), "it has ended before")
      yield* TestClock.adjust(1)
      assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)), "it has not ended")
      const report = yield* Fiber.join(fiber)
      assert.strictEqual(Duration.toMillis(report.took), Duration.toMillis(after))
      return report
    })

  for (const [name, client] of [
    ["leaves", never],
    ["does not leave", stubborn]
  ] as const) {
    it.effect(`is bounded, where nothing answers and the transport ${name} when it is told to`, () =>
      Effect.gen(function* () {
        const report = yield* endsAt(run({ host: "https://x", limit: "2 seconds" }, client, silent), "2 seconds")
        assert.isFalse(report.isComplete)
        assert.include(Doctor.render(report), "not all probes ended in time")
      })
    )
  }

  it.effect("15 seconds at the most, and less where each probe has its own limit", () =>
    Effect.gen(function* () {
      // a second for the machine, 5 for HTTP and meanwhile 3 for the name, 2 for what is nearby
      const report = yield* endsAt(run({ host: "https://x" }, never, silent), "8 seconds")
      assert.isTrue(report.isComplete)
      expectCheck(report, "dns", "failed", /ETIMEDOUT/)
      expectCheck(report, "tls", "unknown")
    })
  )

  it.effect("with leave to load a model, the limit of a load besides", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ call: "load" }, { models: [{ name: "llama3.2", loadTime: "200 seconds" }] })
      assert.isTrue(report.isComplete)
      assert.strictEqual(Duration.toSeconds(report.took), 200)
    })
  )

  it.effect("of what takes its time, the rest is known", () =>
    Effect.gen(function* () {
      const report = yield* examine({ limit: "4 seconds" }, Layer.succeed(HttpClient.HttpClient, never), {
        addresses: ["127.0.0.1"],
        place: "self",
        tcp: { any: Effect.delay(Effect.succeed({ outcome: "refused" }), 5) }
      })
      assert.isFalse(report.isComplete)
      expectCause(report, "unreachable", /127\.0\.0\.1:11434 refused the connection after 5 ms/)
    })
  )

  it.effect("can be left", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run({}, never, silent))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
    })
  )
})

describe("calls that the client recorded", () => {
  const zero = { actual: Duration.zero }
  const record = (verdict: Verdict.Verdict, more: Partial<CallRecord.CallRecord> = {}): CallRecord.CallRecord =>
    Schema.decodeSync(Schema.typeSchema(CallRecord.CallRecord))({
      id: 1,
      operation: "chat",
      endpoint: "/api/chat",
      host: "http://127.0.0.1:11434",
      model: "llama3.2",
      startedAt: Schema.decodeSync(Schema.DateTimeUtcFromNumber)(0),
      outcome: "Timeout",
      elapsed: Duration.seconds(3),
      phases: { waiting: zero, lost: zero, other: zero },
      bytes: { sent: 4000, received: 0 },
      tokens: {},
      chunks: 0,
      attempts: [],
      decisions: [],
      slow: false,
      verdict,
      ...more
    })

  const seconds = Duration.seconds
  const cases: ReadonlyArray<readonly [Verdict.Verdict, Doctor.Report["verdict"]["cause"], RegExp]> = [
    [{ _tag: "Overloaded", by: "server" }, "overloaded", /1 of 1 earlier call met a server with too much to do/],
    [{ _tag: "Queued", waited: seconds(9) }, "overloaded", /waited in the server behind others/],
    [{ _tag: "BehindOtherLoad", elapsed: seconds(9) }, "overloaded", /while the server loaded another model/],
    [
      { _tag: "EvictionThrash", loads: 4, rivals: ["a", "b"] },
      "overloaded",
      /4 loads, because a, b push each other out/
    ],
    [{ _tag: "ProxyInTheWay", by: "proxy" }, "blocked", /met something on the way \(proxy\)/],
    [{ _tag: "StalledRunner", silent: seconds(9) }, "unreachable", /the process hangs/],
    [{ _tag: "LongPrompt", elapsed: seconds(9) }, "timeoutTooLow", /still read a long prompt/],
    [
      { _tag: "TooShort", phase: "load", limit: seconds(30), needed: seconds(41) },
      "timeoutTooLow",
      /Your load limit is 30 s; llama3\.2 needs 41 s/
    ],
    [
      { _tag: "TooShort", phase: "gap", limit: seconds(30) },
      "timeoutTooLow",
      /Your gap limit is 30 s; it cut off a call/
    ],
    [{ _tag: "AsExpected" }, "none", /Nothing is wrong/]
  ]
  for (const [verdict, cause, says] of cases) {
    it.effect(`${verdict._tag} ${"phase" in verdict ? verdict.phase : ""}`, () =>
      Effect.gen(function* () {
        const options = { policy: Policy.make({ timeouts: { load: "30 seconds" } }), records: [record(verdict)] }
        const report = yield* simulated(options, loaded)
        expectCause(report, cause, says)
        if (verdict._tag === "StalledRunner") assert.include(commandsOf(report, "unreachable"), "ollama stop llama3.2")
        if (verdict._tag === "EvictionThrash") assert.match(fixesOf(report, "overloaded"), /fewer or smaller models/)
      })
    )
  }

  it.effect("an answer that broke off without a pause was not cut by a proxy's read timeout", () =>
    Effect.gen(function* () {
      const failure = new OllamaError.StreamInterrupted({ phase: "gap", elapsed: seconds(5) })
      const named = Server.make({ "/api/version": replies.json({ version: "0.33.0" }, 200, { server: "nginx" }) })
      const broke = (firstToken: Duration.Duration) =>
        record(
          { _tag: "Unknown", phase: "gap", elapsed: seconds(5) },
          { outcome: "StreamInterrupted", elapsed: seconds(5), firstToken }
        )
      const paused = yield* examine({ failure, records: [broke(seconds(1))] }, named.layer)
      expectCause(paused, "blocked", /nginx stands in front of the server/)
      const atOnce = yield* examine({ failure, records: [broke(seconds(4.5))] }, named.layer)
      assert.notStrictEqual(atOnce.verdict.cause, "blocked")
    })
  )

  it.effect("a load that a call waited for and did not see the end of says too little to be a limit", () =>
    Effect.gen(function* () {
      const loading = { actual: seconds(2.9) }
      const phases = { waiting: zero, lost: zero, other: zero, loading }
      const waited = record({ _tag: "Unknown", phase: "load", elapsed: seconds(3) }, { endedIn: "load", phases })
      const policy = Policy.make({ timeouts: { load: "3 seconds" } })
      const report = yield* simulated({ policy, records: [waited] }, loaded)
      const limit = report.facts.limits.find(({ clock }) => clock === "load")
      assert.strictEqual(limit?.fits, "unknown")
      assert.include(limit?.text, "llama3.2 was not loaded after 2.9 s, when an earlier call ended")
      const failure = new OllamaError.Timeout({ phase: "load", limit: seconds(3), elapsed: seconds(3) })
      const explained = yield* simulated({ policy, records: [waited], failure }, loaded)
      expectCause(explained, "timeoutTooLow", /3 s to load the model, which was not loaded by then/)
    })
  )

  it.effect("a prompt that could not be read in time, at the pace of the tiny call", () =>
    Effect.gen(function* () {
      const timedOut = record({ _tag: "Unknown", phase: "firstToken", elapsed: seconds(30) }, { endedIn: "firstToken" })
      const report = yield* simulated(
        { records: [timedOut] },
        { models: [{ name: "llama3.2", loaded: true, promptRate: 10 }] }
      )
      expectCause(
        report,
        "timeoutTooLow",
        /a call of about 1000 tokens, of which 10 are read a second, needs about 100 s/
      )
    })
  )
})

describe("probes", () => {
  it.effect("that break are no failure of the report", () =>
    Effect.gen(function* () {
      const broken = { ...probes({}), machine: Effect.die("no such file"), resolve: () => Effect.die(new Error("no")) }
      const client = HttpClient.make(() => Effect.die("broken"))
      const report = yield* within(run({}, client, broken))
      assert.isFalse(report.isComplete)
      const unprobed = yield* simulated({}, loaded)
      const known = { ...broken, proxies: () => Effect.die("no") }
      const some = yield* within(
        Effect.provide(
          Doctor.run({}),
          Layer.merge(OllamaSimulator.layer(loaded), Layer.succeed(Doctor.CurrentProbes, known))
        )
      )
      assert.deepStrictEqual({ ...some, startedAt: undefined }, { ...unprobed, startedAt: undefined })
    })
  )
})
