/** What each failure says of a host, and of a model on it. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { CircuitBreaker, OllamaError } from "effect-ollama"

const call = { host: "http://h:11434", endpoint: "/api/chat", model: "m" }
const limit = Duration.seconds(1)
const lastFailure = { tag: "Timeout", phase: "load", elapsed: Duration.zero } as const

const timeout = (phase: OllamaError.Phase) => new OllamaError.Timeout({ ...call, phase, limit })
const unreachable = (reason: OllamaError.Unreachable["reason"]) => new OllamaError.Unreachable({ ...call, reason })
const overloaded = (by: OllamaError.Overloaded["by"]) => new OllamaError.Overloaded({ ...call, by })

type Row = readonly [OllamaError.OllamaError, host: CircuitBreaker.Outcome, model: CircuitBreaker.Outcome]

const rows: ReadonlyArray<Row> = [
  [unreachable("refused"), "failure", "ignored"],
  [unreachable("dns"), "failure", "ignored"],
  [unreachable("unroutable"), "failure", "ignored"],
  [unreachable("reset"), "failure", "ignored"],
  [unreachable("gateway"), "failure", "ignored"],
  [unreachable("offline"), "failure", "ignored"],
  [unreachable("tls"), "ignored", "ignored"],
  [unreachable("protocol"), "ignored", "ignored"],
  [unreachable("upstream"), "ignored", "failure"],
  [timeout("connect"), "failure", "ignored"],
  [timeout("load"), "ignored", "failure"],
  [timeout("firstToken"), "ignored", "failure"],
  [timeout("gap"), "success", "failure"],
  [timeout("response"), "ignored", "ignored"],
  [timeout("total"), "ignored", "ignored"],
  [overloaded("server"), "success", "ignored"],
  [overloaded("quota"), "success", "ignored"],
  [overloaded("gateway"), "ignored", "ignored"],
  [overloaded("client"), "ignored", "ignored"],
  [new OllamaError.Blocked({ ...call, by: "captivePortal" }), "ignored", "ignored"],
  [new OllamaError.CircuitOpen({ ...call, retryAfter: limit, lastFailure }), "ignored", "ignored"],
  [new OllamaError.Unauthorized(call), "ignored", "ignored"],
  [new OllamaError.ModelNotFound(call), "success", "ignored"],
  [new OllamaError.InvalidRequest({ ...call, issue: "option" }), "ignored", "ignored"],
  [new OllamaError.LoadFailed({ ...call, outOfMemory: true }), "success", "failure"],
  [new OllamaError.ServerError({ ...call, crashed: true }), "success", "failure"],
  [new OllamaError.ServerError({ ...call, status: 499, crashed: false }), "ignored", "ignored"],
  [new OllamaError.StreamInterrupted(call), "ignored", "failure"],
  [new OllamaError.ProtocolError({ ...call, excerpt: "<" }), "success", "failure"],
  [new OllamaError.MalformedOutput({ ...call, text: "", issues: [] }), "success", "success"]
]

describe("judges", () => {
  for (const [error, host, model] of rows) {
    it(`${error.message}: the host ${host}, the model ${model}`, () => {
      assert.strictEqual(CircuitBreaker.judgeReachability(error), host)
      assert.strictEqual(CircuitBreaker.judgeGeneration(error), model)
    })
  }

  it("of both together: a failure of either is one", () => {
    for (const [error, host, model] of rows) {
      const wanted = host === "failure" || model === "failure" ? "failure" : model
      assert.strictEqual(CircuitBreaker.judge(error), wanted, error.message)
    }
  })

  it("the table has every failure", () => {
    const members = OllamaError.OllamaError.members.map(({ _tag }) => _tag)
    assert.sameMembers([...new Set(rows.map(([{ _tag }]) => _tag))], members)
  })

  it("what is not of this library is a failure", () => {
    for (const error of [new Error("x"), "x", undefined, { _tag: "InvalidRequest" }]) {
      assert.strictEqual(CircuitBreaker.judge(error), "failure")
    }
  })
})
