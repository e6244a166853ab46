import { assert, describe, it } from "@effect/vitest"
import { OllamaError } from "effect-ollama"
import { Duration } from "effect"
import * as Catalogue from "./catalogue.js"
import * as Judge from "./judge.js"

const entry = (id: string): Catalogue.Entry => {
  const found = [...Catalogue.base, ...Catalogue.extra].find((one) => one.id === id)
  return found ?? assert.fail(`no ${id}`)
}

const partial = { text: "Grüße, schöne ", thinking: "", tool_calls: [], chunks: 3 }

const stalled = (change: object = {}) =>
  new OllamaError.Timeout({ phase: "gap", limit: Duration.seconds(2), partial, ...change })

const classOf = (verdict: Judge.Verdict) => [verdict.class, verdict.problems.length === 0]

describe("the rubric", () => {
  it("has the faults that are counted", () => {
    assert.strictEqual(Catalogue.base.length, 22)
    assert.strictEqual(Catalogue.extra.length, 7)
    assert.strictEqual(new Set([...Catalogue.base, ...Catalogue.extra].map(({ id }) => id)).size, 29)
  })

  it("takes nothing but the whole text for a success", () => {
    assert.deepStrictEqual(classOf(Judge.success(Catalogue.text)), ["a1", true])
    for (const text of [Catalogue.text.slice(0, -1), "", undefined, `${Catalogue.text} `]) {
      assert.deepStrictEqual(classOf(Judge.success(text)), ["d", false])
    }
    assert.isFalse(Judge.isGood(Judge.hang))
  })

  it("takes a failure for exact when its class, its fields and its partial answer are the expected ones", () => {
    const verdict = (error: OllamaError.OllamaError, delivered?: string) =>
      classOf(Judge.failure(entry("05-mid-stall"), error, delivered))
    assert.deepStrictEqual(verdict(stalled()), ["a2", true])
    assert.deepStrictEqual(verdict(stalled(), partial.text), ["a2", true])
    // a word that the failure does not have
    assert.deepStrictEqual(verdict(stalled(), `${partial.text}neu`), ["a3", false])
    assert.deepStrictEqual(verdict(stalled({ phase: "load" })), ["a3", false])
    assert.deepStrictEqual(verdict(stalled({ limit: Duration.seconds(3) })), ["a3", false])
    assert.deepStrictEqual(verdict(stalled({ predicted: Duration.seconds(3) })), ["a3", false])
    assert.deepStrictEqual(verdict(stalled({ partial: { ...partial, chunks: 2 } })), ["a3", false])
    assert.deepStrictEqual(verdict(new OllamaError.Timeout({ phase: "gap", limit: Duration.seconds(2) })), [
      "a3",
      false
    ])
  })

  it("looks for a code in a failure of another class", () => {
    const verdict = (cause: OllamaError.Cause) =>
      classOf(Judge.failure(entry("05-mid-stall"), new OllamaError.StreamInterrupted({ partial, cause }), undefined))
    assert.deepStrictEqual(verdict({ name: "Error", message: "", code: "ECONNRESET" }), ["b1", false])
    assert.deepStrictEqual(verdict({ name: "Error", message: "" }), ["b2", false])
  })

  it("is not content with an exact failure where the call had to recover", () => {
    const error = new OllamaError.Overloaded({ by: "server", status: 503 })
    assert.deepStrictEqual(classOf(Judge.failure(entry("09-503x2"), error, undefined)), ["a3", false])
  })
})
