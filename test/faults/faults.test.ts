import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Catalogue from "./catalogue.js"
import * as Cell from "./cell.js"
import * as Judge from "./judge.js"

describe.concurrent.each(Cell.calls)("%s under the faults of networks and servers, on sockets", (call) => {
  for (const entry of [...Catalogue.base, ...Catalogue.extra]) {
    const outcome = entry.expected === "recovered" ? "recovers" : `fails with ${entry.expected._tag}`
    it.live(`${entry.id}, ${entry.what}: ${outcome}`, () =>
      Effect.gen(function* () {
        const cell = yield* Cell.run(entry, call)
        assert.deepStrictEqual(cell.problems, [], cell.shown)
        assert.isTrue(Judge.isGood(cell))
      })
    )
  }
})
