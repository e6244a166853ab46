import { assert, describe, it } from "@effect/vitest"
import { type Doctor, OllamaClient, OllamaError, Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { within } from "../support/clock.js"
import { json, request, silent, version } from "../support/replies.js"
import * as Server from "../support/server.js"
import { commandsOf, examine, expectCause, expectCheck, fixesOf, simulated } from "./doctorScene.js"

const gigabyte = 1e9
const model = { name: "llama3.2", size: 4 * gigabyte, gpu: 1 }

const requestsOf = (simulator: OllamaSimulator.Service) =>
  Effect.map(simulator.requests, (seen) => seen.map(({ json, path }) => ({ path, json })))

/** A report of a server that other calls are at. */
const beside = (
  options: Doctor.Options,
  simulated: OllamaSimulator.Options,
  calls: (client: OllamaClient.Service) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const { client, simulator } = yield* OllamaSimulator.make(simulated)
    const layer = Layer.succeed(HttpClient.HttpClient, client)
    const others = yield* Effect.provide(OllamaClient.make({ policy: Policy.none }), layer)
    yield* Effect.forkScoped(calls(others))
    yield* TestClock.adjust("1 second")
    const report = yield* examine(options, layer)
    return { report, simulator }
  })

describe("the models", () => {
  it.effect("installed and in memory, and how much of them is on the GPU", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { call: "never" },
        {
          models: [
            { name: "a", size: gigabyte, loaded: true, gpu: 1 },
            { name: "b", size: 2 * gigabyte, loaded: true, gpu: 0.25 },
            { name: "c", size: 3 * gigabyte, loaded: true },
            { name: "d" }
          ]
        }
      )
      expectCheck(report, "models", "ok", /4 models installed, .*a:latest.* in memory/)
      expectCheck(report, "memory", "warning", /a:latest 1 GB, on the GPU/)
      expectCheck(report, "memory", "warning", /b:latest 2 GB, 25 % on the GPU/)
      expectCheck(report, "memory", "warning", /c:latest 3 GB, on the CPU/)
      expectCheck(report, "queue", "unknown")
    })
  )

  it.effect("one that is asked about and not installed", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ model: "qwen9" }, { models: [{ ...model, loaded: true }] })
      expectCause(report, "other", /qwen9 is not installed/)
      expectCheck(report, "models", "failed")
      assert.strictEqual(report.facts.call, undefined)
    })
  )

  it.effect("a blocked /api/ps is a busy server, and no failure", () =>
    Effect.gen(function* () {
      const server = Server.make({
        "/api/version": version,
        "/api/tags": json({ models: [] }),
        "/api/ps": silent,
        "/api/show": json({ error: "model 'x' not found" }, 404)
      })
      const report = yield* examine({}, server.layer)
      expectCheck(report, "memory", "warning", /loads or evicts a model just now/)
      expectCause(report, "none", /does not say which models are in memory/, { overloaded: "unknown" })
    })
  )
})

describe("the tiny call", () => {
  it.effect("of a model in memory: one token, the context that is there, and nothing that stays", () =>
    Effect.gen(function* () {
      const { client, simulator } = yield* OllamaSimulator.make({
        models: [{ ...model, loaded: true, contextLength: 8192, promptTime: "200 millis", tokenTime: "100 millis" }]
      })
      const report = yield* examine({}, Layer.succeed(HttpClient.HttpClient, client))
      const [call, ...more] = (yield* requestsOf(simulator)).filter(({ path }) => path === "/api/generate")
      assert.lengthOf(more, 0)
      assert.deepInclude(call?.json, { model: "llama3.2:latest", options: { num_predict: 1, num_ctx: 8192 } })
      assert.notProperty(call?.json, "keep_alive")
      assert.strictEqual((yield* simulator.loads).begun, 0)
      assert.deepInclude(report.facts.call, { model: "llama3.2:latest", resident: true, outcome: "success" })
      assert.strictEqual(Duration.toMillis(report.facts.call?.prompt ?? Duration.zero), 200)
      expectCheck(report, "queue", "ok", /took [23]00 ms \(waiting 0 ms, prompt 200 ms/)
      expectCause(report, "none", /^/, { overloaded: "no", timeoutTooLow: "unknown" })
      expectCheck(report, "load", "unknown")
    })
  )

  it.effect("of a model that only makes embeddings", () =>
    Effect.gen(function* () {
      const report = yield* simulated({}, { models: [{ name: "all-minilm", loaded: true }] })
      assert.deepInclude(report.facts.call, { endpoint: "/api/embed", outcome: "success" })
    })
  )

  it.effect("never loads a model without leave", () =>
    Effect.gen(function* () {
      const { client, simulator } = yield* OllamaSimulator.make({ models: [model] })
      const report = yield* examine({ model: "llama3.2" }, Layer.succeed(HttpClient.HttpClient, client))
      assert.strictEqual((yield* simulator.loads).begun, 0)
      assert.strictEqual(report.facts.call, undefined)
      expectCause(report, "none", /Neither a load nor a first token was measured/, {
        timeoutTooLow: "unknown",
        overloaded: "unknown"
      })
    })
  )

  it.effect("with leave: measures the load, and its speed", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { call: "load" },
        {
          models: [
            { ...model, loadTime: "8 seconds" },
            { name: "z", size: 9 * gigabyte }
          ]
        }
      )
      expectCheck(report, "load", "ok", /llama3\.2:latest was loaded in 8 s \(500 MB a second\)/)
      assert.deepInclude(report.facts.call, { resident: false, loadRate: gigabyte / 2 })
      expectCause(report, "none", /^/, { timeoutTooLow: "no" })
    })
  )

  it.effect("that waits behind others", () =>
    Effect.gen(function* () {
      const { report } = yield* beside(
        {},
        { models: [{ ...model, loaded: true, tokenTime: "200 millis", reply: "a b c d e f g h i j k l m n o p" }] },
        (client) => Effect.ignore(client.chat(request))
      )
      expectCause(report, "overloaded", /waited 2\.\d s of its 2\.\d s in the server: other calls were ahead/)
      assert.include(commandsOf(report, "overloaded"), 'Environment="OLLAMA_NUM_PARALLEL=4"')
      // the wait is no reason for another limit
      assert.notStrictEqual(report.causes.timeoutTooLow.holds, "yes")
    }).pipe(Effect.scoped)
  )

  it.effect("that has no answer at all while the server has others", () =>
    Effect.gen(function* () {
      const { report } = yield* beside(
        { policy: Policy.make({ timeouts: { firstToken: "3 seconds" } }) },
        { models: [{ ...model, loaded: true, tokenTime: "1 minute" }] },
        (client) => Effect.ignore(client.chat(request))
      )
      expectCause(report, "overloaded", /had no answer within 6 s.*others are ahead, or the model's process hangs/)
      assert.strictEqual(report.causes.timeoutTooLow.holds, "unknown")
      expectCheck(report, "queue", "failed")
    }).pipe(Effect.scoped)
  )

  it.effect("that begins and goes no further: the process hangs", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        {},
        { models: [{ ...model, loaded: true }], faults: [Fault.stallAfterHeaders({ path: "/api/generate" })] }
      )
      expectCause(report, "unreachable", /began and had no token within 6 s.*the model's process hangs/)
      assert.include(commandsOf(report, "unreachable"), "ollama stop llama3.2")
    })
  )

  it.effect("that is shed", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        {},
        { models: [{ ...model, loaded: true }], faults: [Fault.serverBusy({ path: "/api/generate" })] }
      )
      expectCause(report, "overloaded", /was shed \(503\)/)
    })
  )
})

describe("the limits", () => {
  const limitOf = (report: Doctor.Report, clock: string) =>
    report.facts.limits.find((limit) => limit.clock === clock) ?? assert.fail(`no ${clock}`)

  it.effect("a load that takes longer than it may", () =>
    Effect.gen(function* () {
      const policy = Policy.make({ timeouts: { load: "1 minute", total: "20 seconds" } })
      const report = yield* simulated({ call: "load", policy }, { models: [{ ...model, loadTime: "41 seconds" }] })
      expectCause(report, "timeoutTooLow", /Your total limit is 20 s; load and first token together take 41 s/)
      assert.strictEqual(limitOf(report, "load").fits, "tight")
      expectCheck(report, "limits", "failed", /Your total limit is 20 s/)
      assert.include(commandsOf(report, "timeoutTooLow"), 'environment: OLLAMA_POLICY_TIMEOUTS_TOTAL="300 seconds"')
    })
  )

  it.effect("a load that is not over in time", () =>
    Effect.gen(function* () {
      const policy = Policy.make({ timeouts: { load: "30 seconds" } })
      const report = yield* simulated({ call: "load", policy }, { models: [{ ...model, loadTime: "41 seconds" }] })
      expectCause(report, "timeoutTooLow", /Your load limit is 30 s; llama3\.2:latest was not loaded after 30 s/)
      expectCheck(report, "load", "failed", /not loaded after 30 s: Timeout/)
    })
  )

  it.effect("a connection that takes longer than it may", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { policy: Policy.make({ timeouts: { connect: "500 millis" } }) },
        { models: [{ ...model, loaded: true }] },
        { addresses: ["10.0.0.7"], tcp: { any: Effect.delay(Effect.succeed({ outcome: "connected" }), "700 millis") } }
      )
      expectCause(report, "timeoutTooLow", /Your connect limit is 500 ms; a connection takes 700 ms/)
      assert.include(commandsOf(report, "timeoutTooLow"), 'Policy.make({ timeouts: { connect: "2 seconds" } })')
    })
  )

  it.effect("a first token that takes longer than it may", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { policy: Policy.make({ timeouts: { firstToken: "2 seconds" } }) },
        { models: [{ ...model, loaded: true, promptTime: "3 seconds" }] }
      )
      expectCause(report, "timeoutTooLow", /Your firstToken limit is 2 s; a call of one token takes 3 s/)
    })
  )

  it.effect("none at all", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ policy: Policy.none }, { models: [{ ...model, loaded: true }] })
      for (const limit of report.facts.limits) {
        assert.strictEqual(limit.fits, "yes")
        assert.notProperty(limit, "limit")
      }
    })
  )
})

describe("calls before", () => {
  /** What became of a call, and the report on it. */
  const explained = (
    simulatedBy: OllamaSimulator.Options,
    policy: Policy.Patch,
    more: Partial<OllamaClient.Options> = {}
  ) =>
    Effect.gen(function* () {
      const { client } = yield* OllamaSimulator.make(simulatedBy)
      const layer = Layer.succeed(HttpClient.HttpClient, client)
      const service = yield* Effect.provide(OllamaClient.make({ ...more, policy: Policy.make(policy) }), layer)
      const failure = yield* within(Effect.flip(service.chat(request)))
      return yield* examine({ policy: Policy.make(policy), failure }, layer)
    }).pipe(Effect.scoped)

  it.effect("a call that the server shed", () =>
    Effect.gen(function* () {
      const report = yield* explained(
        { models: [{ ...model, loaded: true }], faults: [Fault.serverBusy({ path: "/api/chat" })] },
        { retry: { attempts: 1 } }
      )
      expectCause(
        report,
        "overloaded",
        /The call that failed \(Overloaded, server, after 0 ms\) was shed by the server/
      )
    })
  )

  it.effect("one that a proxy gave up, and one that a proxy refused", () =>
    Effect.gen(function* () {
      const gaveUp = Fault.status(504, { html: "<html>504</html>" }, { path: "/api/chat" })
      const report = yield* explained(
        { models: [{ ...model, loaded: true }], faults: [gaveUp] },
        { retry: { attempts: 1 } }
      )
      expectCause(report, "blocked", /given up by a proxy in front of the server/)
      assert.match(fixesOf(report, "blocked"), /proxy_read_timeout/)
      const refuses = Fault.status(407, { html: "<html>407</html>" }, { path: "/api/chat" })
      const other = yield* explained(
        { models: [{ ...model, loaded: true }], faults: [refuses] },
        { retry: { attempts: 1 } }
      )
      expectCause(other, "blocked", /\(Blocked, proxy, after 0 ms\) was forbidden/)
    })
  )

  it.effect("one whose process died", () =>
    Effect.gen(function* () {
      const report = yield* explained(
        { models: [{ ...model, loaded: true }], faults: [Fault.crash(1, { path: "/api/chat" })] },
        { retry: { attempts: 1 } }
      )
      expectCause(report, "unreachable", /ended because the model's process died/)
    })
  )

  it.effect("one that was cut off in its middle by the limit on the whole", () =>
    Effect.gen(function* () {
      const report = yield* explained(
        { models: [{ ...model, loaded: true, tokenTime: "500 millis" }] },
        { timeouts: { total: "3 seconds" } }
      )
      expectCause(report, "timeoutTooLow", /cut off in the middle of its answer: the limit on the whole call is 3 s/)
    })
  )

  it.effect("one that had no connection, where there is one now", () =>
    Effect.gen(function* () {
      const report = yield* explained(
        { models: [{ ...model, loaded: true }], faults: [Fault.refused({ path: "/api/chat", times: 1 })] },
        { retry: { attempts: 1 } }
      )
      expectCause(report, "none", /had no connection; now there is one/, { unreachable: "unknown" })
    })
  )

  it.effect("one that waited for a token for longer than a token takes now", () =>
    Effect.gen(function* () {
      const failure = new OllamaError.Timeout({ limit: Duration.seconds(3), phase: "firstToken" })
      const report = yield* simulated({ failure }, { models: [{ ...model, loaded: true, promptTime: "1 second" }] })
      assert.strictEqual(report.causes.timeoutTooLow.holds, "unknown")
      assert.include(report.causes.timeoutTooLow.evidence.join(), "had 3 s for firstToken, which now takes 1 s")
      const slow = yield* simulated({ failure }, { models: [{ ...model, loaded: true, promptTime: "4 seconds" }] })
      expectCause(slow, "timeoutTooLow", /had 3 s for firstToken, which takes 4 s/)
    })
  )

  it.effect("one that had no time to wait for its model", () =>
    Effect.gen(function* () {
      const report = yield* explained(
        { models: [{ ...model, loadTime: "1 hour" }] },
        { timeouts: { load: "3 seconds" }, retry: { attempts: 1 } }
      )
      expectCause(report, "timeoutTooLow", /3 s to load the model, which was not loaded by then/)
      assert.include(commandsOf(report, "timeoutTooLow"), 'OLLAMA_POLICY_TIMEOUTS_LOAD="300 seconds"')
    })
  )

  it.effect("one whose model does not fit into memory is none of the four causes, and says what to do", () =>
    Effect.gen(function* () {
      const report = yield* explained(
        { models: [{ ...model, loaded: true }], faults: [Fault.error("load.outOfMemory", { path: "/api/chat" })] },
        { retry: { attempts: 1 } }
      )
      expectCause(report, "other", /The call that failed: the model does not fit into memory/)
    })
  )

  it.effect("one that what stands in front of the server cut in a pause", () =>
    Effect.gen(function* () {
      const failure = new OllamaError.StreamInterrupted({ phase: "gap", elapsed: Duration.seconds(61) })
      const routes = (headers: Readonly<Record<string, string>>) =>
        Server.make({ "/api/version": json({ version: "0.33.0" }, 200, headers) })
      const report = yield* examine({ failure }, routes({ server: "nginx/1.22" }).layer)
      expectCause(
        report,
        "blocked",
        /after 61 s\) was cut in the middle of its answer, and nginx\/1\.22 stands in front/
      )
      assert.match(fixesOf(report, "blocked"), /proxy_read_timeout/)
      const atOnce = new OllamaError.StreamInterrupted({ phase: "gap", elapsed: Duration.millis(200) })
      const broken = yield* examine({ failure: atOnce }, routes({ server: "nginx/1.22" }).layer)
      assert.notStrictEqual(broken.verdict.cause, "blocked")
      const direct = yield* examine({ failure }, routes({}).layer)
      assert.notStrictEqual(direct.verdict.cause, "blocked")
    })
  )

  it.effect("options of the transport that cannot be used", () =>
    Effect.gen(function* () {
      const failure = new OllamaError.InvalidRequest({
        issue: "address",
        field: "proxy.http",
        remedy: "Correct proxy.http"
      })
      expectCause(yield* simulated({ failure }), "other", /Correct proxy\.http/)
    })
  )
})
