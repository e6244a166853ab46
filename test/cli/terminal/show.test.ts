/** Lines, tables, figures and pictures. */
import { assert, describe, it } from "@effect/vitest"
import * as Bars from "../../../src/cli/terminal/bars.js"
import { isColoured } from "../../../src/cli/terminal/Output.js"
import * as Style from "../../../src/cli/terminal/Style.js"
import { type Column, table } from "../../../src/cli/terminal/table.js"
import * as Units from "../../../src/cli/terminal/units.js"

describe("lines", () => {
  const line = Style.line(Style.span("error:", "red"), " it broke")

  it("are written with colours, or without", () => {
    assert.strictEqual(Style.render(line, true), "\u001b[31merror:\u001b[39m it broke")
    assert.strictEqual(Style.render(line, false), "error: it broke")
  })

  it("are cut with their styles", () => {
    assert.strictEqual(Style.render(Style.truncate(line, 15), false), "error: it broke")
    assert.strictEqual(Style.render(Style.truncate(line, 9), false), "error: i…")
    assert.strictEqual(Style.render(Style.truncate(line, 6), true), "\u001b[31merror…\u001b[39m")
    for (let width = 0; width <= 15; width++) assert.isAtMost(Style.columns(Style.truncate(line, width)), width)
  })

  it("are coloured on terminals, unless the environment says otherwise", () => {
    assert.isTrue(isColoured(true, {}))
    assert.isFalse(isColoured(false, {}))
    assert.isFalse(isColoured(true, { NO_COLOR: "1" }))
    assert.isTrue(isColoured(true, { NO_COLOR: "" }))
    assert.isTrue(isColoured(false, { FORCE_COLOR: "1" }))
    assert.isTrue(isColoured(false, { FORCE_COLOR: "1", NO_COLOR: "1" }))
    assert.isFalse(isColoured(true, { FORCE_COLOR: "0" }))
    assert.isFalse(isColoured(true, { TERM: "dumb" }))
  })
})

describe("tables", () => {
  const columns: ReadonlyArray<Column> = [
    { title: "NAME", rank: 0, least: 5 },
    { title: "SIZE", rank: 1, align: "right" },
    { title: "NOTE", rank: 2 }
  ]
  const rows = [
    ["llama3.2:latest", "2.0 GB", "in memory"],
    ["日本語", "14 MB", ""]
  ]
  const rendered = (width: number) => table(columns, rows, width).map((line) => Style.render(line, false))

  it("are as wide as what is in them", () => {
    assert.deepStrictEqual(rendered(Number.POSITIVE_INFINITY), [
      "NAME               SIZE  NOTE     ",
      "llama3.2:latest  2.0 GB  in memory",
      "日本語            14 MB           "
    ])
  })

  it("are narrowed first, and then lose what is least important", () => {
    assert.strictEqual(rendered(28)[1], "llama3.2…  2.0 GB  in memory")
    assert.strictEqual(rendered(20)[1], "llama3.2:la…  2.0 GB")
    assert.strictEqual(rendered(8)[1], "llama3.…")
    for (let width = 1; width <= 40; width++) {
      for (const line of table(columns, rows, width)) assert.isAtMost(Style.columns(line), width)
    }
  })
})

describe("figures", () => {
  it("are as people read them", () => {
    assert.deepStrictEqual([0, 999, 14_200_000, 2_016_000_000, 999_600, 5e15].map(Units.bytes), [
      "0 B",
      "999 B",
      "14.2 MB",
      "2.0 GB",
      "1.0 MB",
      "5000 TB"
    ])
    assert.deepStrictEqual([0, 950, 2400, 99_960, 200_000, 3_600_000, 7_500_000, 2e8].map(Units.span), [
      "0 ms",
      "950 ms",
      "2.4 s",
      "1 min 40 s",
      "3 min 20 s",
      "1 h",
      "2 h 5 min",
      "2 d"
    ])
    assert.deepStrictEqual([-5, 12_000, 300_000, 1.2e7, 3e8].map(Units.rough), ["0 s", "12 s", "5 min", "3 h", "3 d"])
    assert.strictEqual(Units.count(1, "model") + Units.count(2, "model"), "1 model2 models")
  })

  it("are drawn from zero to the most", () => {
    assert.strictEqual(Bars.sparkline([0, 1, 2, 4, undefined, 7], 6), "▁▂▃▅ █")
    assert.strictEqual(Bars.sparkline([1, 2, 3], 2), "▆█")
    assert.strictEqual(Bars.sparkline([5], 4), "   █")
    assert.strictEqual(Bars.sparkline([0, 0], 2), "▁▁")
    assert.strictEqual(Bars.sparkline([], 0), "")
    assert.strictEqual(Bars.bar(0.5, 4), "██  ")
    assert.strictEqual(Bars.bar(0.3, 4), "█▎  ")
    assert.strictEqual(Bars.bar(7, 3), "███")
    assert.strictEqual(Bars.bar(-1, 3), "   ")
  })
})
