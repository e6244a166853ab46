/** A few of the situations of `npm run diagnose`; what this machine lacks is said in the name of what is skipped. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Tools from "../support/real/tools.js"
import * as Row from "./row.js"
import { all } from "./situations.js"

/** A machine that does other things besides. */
const patience = 90_000

describe.concurrent("what a caller is told in real situations", { timeout: patience }, () => {
  for (const situation of all.filter(({ isInTests }) => isInTests)) {
    const why = Tools.missing(situation.needs)
    const title = `${situation.id}: ${situation.what}`
    it.live.skipIf(why)(why === undefined ? title : `${title} (${why})`, () =>
      Effect.gen(function* () {
        const row = yield* Row.run(situation)
        assert.deepStrictEqual(row.failure?.problems, [])
      })
    )
  }
})

describe("the situations", () => {
  it("have names of their own", () => {
    const ids = all.map(({ id }) => id)
    assert.deepStrictEqual([...new Set(ids)], ids)
  })
})
