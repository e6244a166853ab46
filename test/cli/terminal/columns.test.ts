/** How wide texts are on a terminal. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Columns from "../../../src/cli/terminal/columns.js"

describe("columns", () => {
  it("counts wide characters twice and marks not at all", () => {
    const widths: ReadonlyArray<readonly [text: string, width: number]> = [
      ["", 0],
      ["llama3.2", 8],
      ["日本語", 6],
      ["한국어", 6],
      ["ｆｕｌｌ", 8],
      ["e\u0301te\u0301", 3],
      ["👋", 2],
      ["👩‍👩‍👧‍👦", 2],
      ["🇨🇭", 2],
      ["❤️", 2],
      ["❤", 1],
      ["✓ ▕█▏…", 6],
      ["\u200b", 0],
      ["a\u0007b", 2]
    ]
    for (const [text, width] of widths) assert.strictEqual(Columns.columns(text), width, JSON.stringify(text))
  })

  it("cuts between characters, never inside", () => {
    assert.strictEqual(Columns.truncate("llama3.2", 8), "llama3.2")
    assert.strictEqual(Columns.truncate("llama3.2", 5), "llam…")
    assert.strictEqual(Columns.truncate("日本語", 5), "日本…")
    assert.strictEqual(Columns.truncate("日本語", 4), "日…")
    assert.strictEqual(Columns.truncate("👩‍👩‍👧‍👦👋", 3), "👩‍👩‍👧‍👦…")
    assert.strictEqual(Columns.truncate("abc", 0), "")
    assert.strictEqual(Columns.padEnd("日本", 6), "日本  ")
    assert.strictEqual(Columns.padStart("日本", 6), "  日本")
  })

  it("breaks lines between words, and long words anywhere", () => {
    assert.deepStrictEqual(Columns.wrap("the quick brown fox", 10), ["the quick", "brown fox"])
    assert.deepStrictEqual(Columns.wrap("a verylongword b", 5), ["a", "veryl", "ongwo", "rd b"])
    assert.deepStrictEqual(Columns.wrap("one\n\ntwo", 10), ["one", "", "two"])
    assert.deepStrictEqual(Columns.wrap("日本語の文", 4), ["日本", "語の", "文"])
    assert.deepStrictEqual(Columns.wrap("日", 1), ["日"])
  })

  it("keeps what it promises for any text", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 30 })
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 40 }), (text, width) => {
        assert.isAtMost(Columns.columns(Columns.truncate(text, width)), width)
        assert.strictEqual(Columns.columns(Columns.padEnd(text, width)), width)
        for (const line of Columns.wrap(text, width)) assert.isAtMost(Columns.columns(line), width)
      }),
      { seed: 7, numRuns: 300 }
    )
  })

  it("removes what a terminal would take for a command", () => {
    assert.strictEqual(Columns.harmless("a\u001b[31mb\u001b]0;title\u0007c\u001bPd\rz"), "abcdz")
    assert.strictEqual(Columns.harmless("line\n\ttab"), "line\n\ttab")
    assert.strictEqual(Columns.oneLine(" a\n b\u009b31m "), "a b31m")
  })
})
