import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { choose } from "../../../src/fleet/placement/choose.js"
import * as Memory from "../../../src/fleet/placement/memory.js"
import type { Placement } from "../../../src/fleet/placement/value.js"
import type { View } from "../../../src/fleet/placement/view.js"
import { ask, host, named, question, view } from "./scene.js"

/** The names of so many choices, one after the other. */
const run = (placement: Placement, hosts: View, times: number, memory = Memory.make()): ReadonlyArray<string> =>
  Array.from({ length: times }, () => named(choose(placement, hosts, question(), memory)))

const count = (names: ReadonlyArray<string>, name: string): number => names.filter((one) => one === name).length

const abc = view(host("a"), host("b"), host("c"))

describe("round robin", () => {
  it("takes one after the other", () => {
    assert.strictEqual(run("roundRobin", abc, 7).join(""), "abcabca")
  })

  it("leaves out who is blocked, and goes on", () => {
    const hosts = view(host("a"), host("b", { blocked: "host" }), host("c"))
    assert.strictEqual(run("roundRobin", hosts, 4).join(""), "acac")
  })
})

describe("least in flight", () => {
  it("takes the host with the fewest calls, wherever it stands", () => {
    const hosts = view(host("a", { inFlight: 2 }), host("b", { inFlight: 1 }), host("c", { inFlight: 3 }))
    assert.strictEqual(run("leastInFlight", hosts, 5).join(""), "bbbbb")
  })

  it("takes equal ones one after the other", () => {
    assert.strictEqual(run("leastInFlight", abc, 6).join(""), "abcabc")
  })

  it("counts calls for the weight of a host, and a slow one as busier", () => {
    const weighted = view(host("a", { inFlight: 3, weight: 4 }), host("b", { inFlight: 1 }))
    assert.strictEqual(named(ask("leastInFlight", weighted)), "a")
    const slow = view(host("a", { inFlight: 0, slowness: 4 }), host("b", { inFlight: 2 }))
    assert.strictEqual(named(ask("leastInFlight", slow)), "b")
  })
})

describe("weighted", () => {
  const of = (...weights: ReadonlyArray<number>): View =>
    view(...weights.map((weight, n) => host("abcd"[n] ?? "", { weight })))

  it("is smooth: the order that nginx documents for 5, 1, 1", () => {
    assert.strictEqual(run("weighted", of(5, 1, 1), 14).join(""), "aabacaaaabacaa")
  })

  const weights = FastCheck.array(FastCheck.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
  it.prop("gives each its share in every round, and is never a whole turn off", [weights], ([weights]) => {
    const all = weights.reduce((sum, weight) => sum + weight, 0)
    const names = run("weighted", of(...weights), 3 * all)
    for (const [n, weight] of weights.entries()) {
      const name = "abcd"[n] ?? ""
      for (let round = 0; round < 3; round++) {
        assert.strictEqual(count(names.slice(round * all, (round + 1) * all), name), weight)
      }
      for (let end = 1; end <= names.length; end++) {
        assert.isBelow(Math.abs(count(names.slice(0, end), name) - (end * weight) / all), weights.length)
      }
    }
  })

  it("gives nothing to a weight of 0 while another is there", () => {
    assert.strictEqual(count(run("weighted", of(0, 2, 1), 30), "a"), 0)
    assert.strictEqual(count(run("weighted", of(0, 0), 30), "a"), 15)
  })

  it("forgets hosts that are gone", () => {
    const memory = Memory.make()
    for (let n = 0; n < 100; n++) run("weighted", view(host(`first-${n}`), host(`second-${n}`)), 1, memory)
    assert.isAtMost(memory.owed.size, 6)
  })
})

describe("random", () => {
  it("takes all of them equally, by the number it is given", () => {
    const names = Array.from({ length: 300 }, (_, n) => named(ask("random", abc, { random: n / 300 })))
    for (const name of ["a", "b", "c"]) assert.strictEqual(count(names, name), 100)
  })
})

describe("priority", () => {
  const tiers = view(host("own", { workLeft: 90_000 }), host("rented", { priority: 1 }), host("far", { priority: 2 }))

  it("stays in the lowest tier that is left", () => {
    assert.strictEqual(named(ask("priority", tiers)), "own")
    assert.strictEqual(named(ask("priority", tiers, { tried: ["own"] })), "rented")
    assert.strictEqual(named(ask("priority", tiers, { tried: ["own"], excluded: ["rented"] })), "far")
  })

  it("chooses within it as it is told", () => {
    const hosts = view(host("a", { workLeft: 9000 }), host("b", { inFlight: 1 }), host("c", { priority: 1 }))
    assert.strictEqual(named(ask("priority", hosts)), "b")
    assert.strictEqual(named(ask({ by: "priority", within: "leastInFlight" }, hosts)), "a")
  })

  it("goes on to the next tier rather than refusing the call for its wait", () => {
    assert.strictEqual(named(ask("priority", tiers, { remaining: 10_000 })), "rented")
    const busy = view(host("own", { workLeft: 90_000 }), host("rented", { priority: 1, workLeft: 60_000 }))
    assert.deepStrictEqual(ask("priority", busy, { remaining: 10_000 }), {
      _tag: "Refusal",
      reason: "deadline",
      wait: 45_000
    })
  })
})
