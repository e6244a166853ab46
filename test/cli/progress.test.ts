/** The progress of a pull: pure, so no server is pulled from. */
import { assert, describe, it } from "@effect/vitest"
import * as Progress from "../../src/cli/models/progress.js"
import * as Style from "../../src/cli/terminal/Style.js"
import type { Model } from "effect-ollama"

const digest = `sha256:${"a".repeat(64)}`
const total = 100_000_000

const layer = (completed: number): Model.ProgressResponse => ({
  status: "pulling aaaaaaaaaaaa",
  digest,
  total,
  ...(completed === 0 ? {} : { completed })
})

/** Lines that come one second apart. */
const after = (...lines: ReadonlyArray<Model.ProgressResponse>) =>
  lines.reduce((progress, line, second) => Progress.add(progress, line, second * 1000), Progress.make(0))

const rendered = (progress: Progress.Progress, width: number, rows = 24) =>
  Progress.render(progress, width, rows).map((line) => Style.render(line, false))

describe("the progress of a pull", () => {
  it("has a line for each layer and step, in their order, each drawn over", () => {
    const progress = after({ status: "pulling manifest" }, layer(0), layer(total / 2), layer(total), {
      status: "verifying sha256 digest"
    })
    assert.deepStrictEqual(rendered(progress, 60), [
      "pulling manifest",
      `pulling aaaaaaaaaaaa 100% ▕${"█".repeat(25)}▏ 100 MB`,
      "verifying sha256 digest"
    ])
    assert.strictEqual(Progress.total(progress), total)
    assert.isFalse(progress.isDone)
    assert.isTrue(Progress.add(progress, { status: "success" }, 9000).isDone)
  })

  it("tells speed and time left from the last seconds", () => {
    const progress = after(layer(0), layer(10_000_000), layer(20_000_000))
    assert.match(
      rendered(progress, 80)[0] ?? "",
      /^pulling aaaaaaaaaaaa {2}20% ▕█+[▏▎▍▌▋▊▉]? +▏ 20\.0 MB \/ 100 MB {2}10\.0 MB\/s {2}8 s left$/
    )
    const slower = [0, 1, 2, 3, 4, 5].reduce(
      (now, second) => Progress.add(now, layer(20_000_000 + (second + 1) * 1_000_000), 3000 + second * 1000),
      progress
    )
    const [first] = slower.layers
    assert.closeTo(first === undefined ? 0 : (Progress.speed(first) ?? 0), 1_000_000, 1)
  })

  it("counts the speed anew when a part has to be fetched again", () => {
    const [first] = after(layer(0), layer(50_000_000), layer(10_000_000), layer(12_000_000)).layers
    assert.strictEqual(first === undefined ? undefined : Progress.speed(first), 2_000_000)
  })

  it("fits narrow terminals and few rows", () => {
    const progress = after({ status: "pulling manifest" }, layer(0), layer(30_000_000))
    for (const width of [20, 25, 33, 40, 56, 80, 200]) {
      for (const line of Progress.render(progress, width, 24)) assert.isAtMost(Style.columns(line), width)
    }
    assert.deepStrictEqual(rendered(progress, 20), ["pulling manifest", "pulling aaaaaa…  30%"])
    assert.strictEqual(rendered(progress, 80, 1).length, 1)
  })

  it("gives lines for a log: each step, and every tenth part", () => {
    const steps = [0, 3, 7, 12, 13, 29, 100].map((percent) => layer((total * percent) / 100))
    let progress = Progress.make(0)
    const said = steps.flatMap((line, second) => {
      const before = progress
      progress = Progress.add(progress, line, second * 1000)
      return Progress.news(before, progress)
    })
    assert.deepStrictEqual(
      said.map((line) => /\d+%/.exec(line)?.[0]),
      ["0%", "12%", "29%", "100%"]
    )
    assert.strictEqual(said.at(-1), "pulling aaaaaaaaaaaa 100%, 100 MB")
  })

  it("takes no commands for the terminal from the server", () => {
    const progress = after({ status: "pulling \u001b[2Jmanifest\u0007\nagain" })
    assert.deepStrictEqual(rendered(progress, 80), ["pulling manifest again"])
  })
})
