import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Placement } from "effect-ollama"
import { choose } from "../../../src/fleet/placement/choose.js"
import * as Memory from "../../../src/fleet/placement/memory.js"
import { anyQuestion, anyView, ask, host, named, view } from "./scene.js"

const decode = Schema.decodeUnknownEither(Placement.Placement, { onExcessProperty: "error" })

describe("a placement as a value", () => {
  it("is a name, or a name with options, as JSON has it", () => {
    const all: ReadonlyArray<unknown> = [
      "expectedCompletion",
      "leastInFlight",
      "roundRobin",
      "weighted",
      "priority",
      "sticky",
      "random",
      { by: "expectedCompletion", admission: "off", headroom: "unbounded" },
      { by: "expectedCompletion", headroom: 0 },
      { by: "sticky", key: "model", factor: 1.5 },
      { by: "priority", within: "weighted" }
    ]
    for (const value of all) assert.deepStrictEqual(Either.getOrThrow(decode(value)), value)
  })

  it("comes back from JSON as it was", () => {
    const value = Either.getOrThrow(
      decode({ by: "expectedCompletion", admission: { target: "5 seconds", interval: 2000 } })
    )
    const json = Schema.encodeSync(Placement.Placement)(value)
    assert.deepStrictEqual(json, { by: "expectedCompletion", admission: { target: 5000, interval: 2000 } })
    assert.deepStrictEqual(Either.getOrThrow(decode(json)), value)
  })

  it("is refused when it cannot be meant", () => {
    const all: ReadonlyArray<unknown> = [
      "fastest",
      "",
      {},
      { by: "random" },
      { by: "sticky", factor: 1 },
      { by: "sticky", key: "user" },
      { by: "expectedCompletion", headroom: -1 },
      { by: "expectedCompletion", headroom: 1.5 },
      { by: "expectedCompletion", admission: { target: -5, interval: 1 } },
      { by: "expectedCompletion", admission: { target: 5 } },
      { by: "priority", within: "priority" },
      { by: "sticky", weight: 2 }
    ]
    for (const value of all) assert.isTrue(Either.isLeft(decode(value)), JSON.stringify(value))
  })

  it.prop("says the same by its name as with no options", [anyView, anyQuestion], ([hosts, asked]) => {
    for (const by of ["expectedCompletion", "sticky", "priority"] as const) {
      assert.deepStrictEqual(ask({ by }, hosts, asked), ask(by, hosts, asked))
    }
  })

  it.prop(
    "tells what was expected of the host, whatever it was chosen by",
    [anyView, anyQuestion],
    ([hosts, asked]) => {
      for (const placement of ["leastInFlight", "random", "weighted"] as const) {
        const answer = choose(placement, hosts, asked, Memory.make())
        const chosen = answer._tag === "Choice" ? hosts.hosts[answer.index] : undefined
        if (answer._tag !== "Choice" || chosen === undefined) continue
        assert.deepStrictEqual(answer.cost, Placement.cost(hosts, asked, chosen))
      }
    }
  )

  it("can be a function that builds on the costs", () => {
    const impatient: Placement.Own = (candidates, question, view) =>
      candidates.toSorted(
        (a, b) => Placement.cost(view, question, a).answer - Placement.cost(view, question, b).answer
      )[0]
    const hosts = view(host("slow"), host("fast", { generationRate: 200, workLeft: 60_000 }))
    assert.strictEqual(named(ask(impatient, hosts)), "fast")
  })
})
