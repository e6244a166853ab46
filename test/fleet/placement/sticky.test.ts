import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { choose } from "../../../src/fleet/placement/choose.js"
import * as Memory from "../../../src/fleet/placement/memory.js"
import type { HostView, View } from "../../../src/fleet/placement/view.js"
import { ask, host, named, question, view } from "./scene.js"

const names = Array.from({ length: 8 }, (_, n) => `http://10.0.0.${n}:11434`)
const eight = view(...names.map((name) => host(name)))
const sessions = Array.from({ length: 2000 }, (_, n) => `session-${n}`)

const placed = (hosts: View): ReadonlyMap<string, string> => {
  const memory = Memory.make()
  return new Map(sessions.map((session) => [session, named(choose("sticky", hosts, question({ session }), memory))]))
}

const countOf = (places: ReadonlyMap<string, string>, name: string): number =>
  [...places.values()].filter((one) => one === name).length

describe("sticky", () => {
  it("is the same host for the same session, in every client", () => {
    assert.deepStrictEqual(placed(eight), placed(eight))
  })

  it("spreads sessions evenly", () => {
    const places = placed(eight)
    for (const name of names) assert.closeTo(countOf(places, name), 250, 60)
  })

  it("spreads them by weight", () => {
    const places = placed(view(host("a", { weight: 3 }), host("b"), host("c", { weight: 0 })))
    assert.closeTo(countOf(places, "a"), 1500, 80)
    assert.strictEqual(countOf(places, "c"), 0)
  })

  it("moves only the sessions of a host that goes", () => {
    const before = placed(eight)
    const after = placed(view(...eight.hosts.slice(1)))
    for (const session of sessions) {
      if (before.get(session) !== names[0]) assert.strictEqual(after.get(session), before.get(session))
    }
  })

  it("moves only as many sessions as a new host gets", () => {
    const before = placed(eight)
    const after = placed(view(...eight.hosts, host("http://new:11434")))
    const moved = sessions.filter((session) => before.get(session) !== after.get(session))
    assert.strictEqual(moved.length, countOf(after, "http://new:11434"))
  })

  it("goes by the model when it is told to, and by expected completion without a session", () => {
    const placement = { by: "sticky", key: "model" } as const
    assert.strictEqual(named(ask(placement, eight, { session: "a" })), named(ask(placement, eight, { session: "b" })))
    const hosts = view(host("a", { workLeft: 5000 }), host("b"))
    assert.strictEqual(named(ask("sticky", hosts)), "b")
  })

  const factor = FastCheck.constantFrom(1.01, 1.25, 2)
  const loads = FastCheck.array(FastCheck.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 })
  it.prop(
    "never gives a host more than its bounded share",
    [loads, factor, FastCheck.string()],
    ([loads, factor, session]) => {
      const hosts = view(...loads.map((inFlight, n) => host(`host-${n}`, { inFlight })))
      const answer = ask({ by: "sticky", factor }, hosts, { session })
      assert.strictEqual(answer._tag, "Choice")
      if (answer._tag !== "Choice") return
      const all = loads.reduce((sum, one) => sum + one, 1)
      assert.isAtMost((loads[answer.index] ?? 0) + 1, Math.ceil((factor * all) / loads.length))
    }
  )

  it("hands on the calls of one popular session, and no more than it must", () => {
    const inFlight = new Map(names.map((name) => [name, 0]))
    const memory = Memory.make()
    for (let n = 0; n < 80; n++) {
      const hosts = view(...names.map((name): HostView => host(name, { inFlight: inFlight.get(name) ?? 0 })))
      const name = named(choose("sticky", hosts, question({ session: "popular" }), memory))
      inFlight.set(name, (inFlight.get(name) ?? 0) + 1)
    }
    const most = Math.max(...inFlight.values())
    assert.isAtMost(most, Math.ceil((1.25 * 80) / 8))
    assert.isAtLeast(most, 12)
  })
})
