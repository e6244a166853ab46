import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { choose } from "../../../src/fleet/placement/choose.js"
import * as Memory from "../../../src/fleet/placement/memory.js"
import type { Placement } from "../../../src/fleet/placement/value.js"
import type { HostView, Question } from "../../../src/fleet/placement/view.js"
import { ask, choiceOf, host, named, question, view } from "./scene.js"

describe("expected completion", () => {
  it("takes the busy host that has the model before the idle one that has to load it", () => {
    const hosts = view(host("idle", { residency: "absent" }), host("busy", { workLeft: 15_000 }))
    assert.strictEqual(named(ask("expectedCompletion", hosts)), "busy")
  })

  it("makes a second copy when the queue is longer than the load", () => {
    const hosts = view(host("idle", { residency: "absent" }), host("busy", { workLeft: 21_000 }))
    assert.strictEqual(named(ask("expectedCompletion", hosts)), "idle")
  })

  it("joins a load rather than beginning a second one", () => {
    const hosts = view(
      host("idle", { residency: "absent" }),
      host("loading", { residency: "loading", loadingLeft: 8000 })
    )
    assert.strictEqual(named(ask("expectedCompletion", hosts)), "loading")
  })

  it("begins a second one for a queue there that is longer than the load, and for no shorter one", () => {
    const hosts = (workLeft: number) =>
      view(
        host("idle", { residency: "absent" }),
        host("loading", { residency: "loading", loadingLeft: 10_000, workLeft })
      )
    assert.strictEqual(named(ask("expectedCompletion", hosts(19_000))), "loading")
    assert.strictEqual(named(ask("expectedCompletion", hosts(21_000))), "idle")
  })

  it("begins a load where no other is going on", () => {
    const hosts = view(host("one", { residency: "absent", otherLoadsLeft: 3000 }), host("two", { residency: "absent" }))
    assert.strictEqual(named(ask("expectedCompletion", hosts)), "two")
  })

  it("weighs a slow host less and does not leave it out", () => {
    const slow = host("slow", { slowness: 4 })
    assert.strictEqual(named(ask("expectedCompletion", view(slow, host("two", { workLeft: 10_000 })))), "two")
    assert.strictEqual(named(ask("expectedCompletion", view(slow, host("two", { workLeft: 20_000 })))), "slow")
  })

  it("goes back to the host that has the session, until others are done sooner", () => {
    const asked = { promptTokens: 8000, session: "a" }
    const hosts = (workLeft: number) => view(host("one"), host("two", { sessionTokens: 7500, workLeft }))
    assert.strictEqual(named(ask("expectedCompletion", hosts(10_000), asked)), "two")
    assert.strictEqual(named(ask("expectedCompletion", hosts(20_000), asked)), "one")
  })

  it("shares equal hosts by chance, and no host that is 10 ms worse gets a call by it", () => {
    const hosts = view(host("a"), host("b"), host("worse", { workLeft: 20 }), host("c"))
    const count = new Map<string, number>()
    for (let n = 0; n < 3000; n++) {
      const name = named(ask("expectedCompletion", hosts, { random: n / 3000 }))
      count.set(name, (count.get(name) ?? 0) + 1)
    }
    for (const name of ["a", "b", "c"]) assert.closeTo(count.get(name) ?? 0, 1000, 150)
    assert.isUndefined(count.get("worse"))
  })
})

describe("late binding", () => {
  const full = { inFlight: 3, workLeft: 4000 }

  it("holds a call whose best host has one call more than it works on", () => {
    const hosts = view(host("one", full), host("two", { residency: "absent" }))
    assert.deepStrictEqual(ask("expectedCompletion", hosts), { _tag: "Later", host: "one", wait: 2000 })
    assert.strictEqual(
      named(ask("expectedCompletion", view(host("one", { ...full, inFlight: 2 }), host("two", full)))),
      "one"
    )
  })

  it("begins with two where nothing is known", () => {
    const unknown = (inFlight: number) => host("one", { parallelism: undefined, inFlight })
    const absent = host("two", { residency: "absent", parallelism: undefined })
    assert.strictEqual(named(ask("expectedCompletion", view(unknown(1), absent))), "one")
    assert.strictEqual(named(ask("expectedCompletion", view(unknown(2), absent))), "later one")
  })

  it("takes the number of the value, or none", () => {
    const hosts = view(host("one", full), host("two", { residency: "absent" }))
    assert.strictEqual(named(ask({ by: "expectedCompletion", headroom: 2 }, hosts)), "one")
    assert.strictEqual(named(ask({ by: "expectedCompletion", headroom: "unbounded" }, hosts)), "one")
    assert.strictEqual(
      named(ask({ by: "expectedCompletion", headroom: 0 }, view(host("one", { inFlight: 2 }), host("two", full)))),
      "later one"
    )
  })

  it("holds no call of a single host, and none in a panic", () => {
    assert.strictEqual(named(ask("expectedCompletion", view(host("one", full)))), "one")
    const blocked = { ...full, blocked: "host" } as const
    assert.isTrue(choiceOf(ask("expectedCompletion", view(host("one", blocked), host("two", blocked)))).isPanic)
  })

  it("sees what is held, and makes a copy when that is long", () => {
    const held = (heldWork: number) => view(host("one", { ...full, heldWork }), host("two", { residency: "absent" }))
    assert.strictEqual(named(ask("expectedCompletion", held(15_000))), "later one")
    assert.strictEqual(named(ask("expectedCompletion", held(17_000))), "two")
  })
})

/** A client that asks at these seconds, with this wait everywhere. */
const client = (placement: Placement = { by: "expectedCompletion", headroom: "unbounded" }) => {
  const memory = Memory.make()
  return (
    second: number,
    waitSeconds: number,
    asked: Partial<Question> = {},
    known: Partial<HostView> = {}
  ): string => {
    const busy = { workLeft: 2000 * waitSeconds, ...known }
    const hosts = { now: second * 1000, hosts: [host("one", busy), host("two", busy)] }
    const answer = choose(placement, hosts, question(asked), memory)
    return answer._tag === "Choice" ? "yes" : named(answer)
  }
}

describe("admission", () => {
  it("refuses a call that would wait for longer than its deadline, and says how long", () => {
    const hosts = view(host("one", { workLeft: 12_000 }), host("two", { workLeft: 14_000 }))
    const placement = { by: "expectedCompletion", headroom: "unbounded" } as const
    assert.deepStrictEqual(ask(placement, hosts, { remaining: 5999 }), {
      _tag: "Refusal",
      reason: "deadline",
      wait: 6000
    })
    assert.strictEqual(named(ask(placement, hosts, { remaining: 6000 })), "one")
  })

  it("never counts the load: a model that is nowhere is not refused for ever", () => {
    const hosts = view(host("one", { residency: "absent" }), host("two", { residency: "absent" }))
    assert.strictEqual(choiceOf(ask("expectedCompletion", hosts, { remaining: 100 })).cost.load, 10_000)
  })

  it("refuses when the wait has been above 10 seconds for 10 seconds, and not before", () => {
    const at = client()
    assert.strictEqual(at(0, 30), "yes")
    assert.strictEqual(at(5, 30), "yes")
    assert.strictEqual(at(9.9, 30), "yes")
    assert.strictEqual(at(10, 30), "target")
    assert.strictEqual(at(11, 10.1), "target")
    assert.strictEqual(at(12, 10), "yes")
  })

  it("begins anew when the wait has been below in between, however long it was", () => {
    const at = client()
    assert.deepStrictEqual(
      [at(0, 30), at(5, 10), at(10, 30), at(19, 30), at(20, 30)],
      ["yes", "yes", "yes", "yes", "target"]
    )
    const quiet = client()
    assert.deepStrictEqual([quiet(0, 1), quiet(6, 1), quiet(12, 1), quiet(13, 30)], ["yes", "yes", "yes", "yes"])
  })

  it("goes on until the wait has been below for as long", () => {
    const at = client()
    for (const second of [0, 5]) at(second, 11)
    assert.strictEqual(at(10, 11), "target")
    assert.deepStrictEqual([at(11, 9), at(15, 9), at(16, 11)], ["yes", "yes", "target"])
    assert.deepStrictEqual([at(17, 9), at(22, 9), at(27, 9), at(28, 11)], ["yes", "yes", "yes", "yes"])
  })

  it("forgets a wait that nobody has looked at for longer than the interval", () => {
    const at = client()
    at(0, 30)
    assert.deepStrictEqual([at(11, 30), at(20, 30), at(21, 30)], ["yes", "yes", "target"])
    assert.strictEqual(at(40, 30), "yes")
  })

  it("counts what the call has waited already", () => {
    const at = client()
    for (const second of [0, 5]) at(second, 6, { waited: 5000 })
    assert.strictEqual(at(10, 6, { waited: 5000 }), "target")
    assert.strictEqual(at(10, 6), "yes")
  })

  it("keeps models and priorities apart", () => {
    const at = client()
    for (const second of [0, 5, 10]) at(second, 30, { priority: "batch" })
    assert.deepStrictEqual(
      [at(10, 30, { priority: "batch" }), at(10, 30), at(10, 30, { model: "other:latest", priority: "batch" })],
      ["target", "yes", "yes"]
    )
  })

  it("refuses no call that was somewhere already, none of a single host, and none in a panic", () => {
    const at = client()
    for (const second of [0, 5]) at(second, 30)
    assert.strictEqual(at(10, 30, { tried: ["one"], remaining: 1 }), "yes")
    assert.strictEqual(at(10, 30, { remaining: 1 }, { blocked: "host" }), "yes")
    assert.strictEqual(at(10, 30), "target")
    assert.strictEqual(
      named(ask("expectedCompletion", view(host("one", { workLeft: 60_000 })), { remaining: 1 })),
      "one"
    )
  })

  it("is off, or has another target and interval, as the value says", () => {
    const off = client({ by: "expectedCompletion", admission: "off", headroom: "unbounded" })
    assert.deepStrictEqual([off(0, 90, { remaining: 1 }), off(10, 90), off(20, 90)], ["yes", "yes", "yes"])
    const admission = { target: Duration.seconds(1), interval: Duration.seconds(2) }
    const strict = client({ by: "expectedCompletion", admission, headroom: "unbounded" })
    assert.deepStrictEqual([strict(0, 1.5), strict(1, 1.5), strict(2, 1.5)], ["yes", "yes", "target"])
  })

  it("remembers no more than 256 kinds of calls", () => {
    const memory = Memory.make()
    const hosts = view(host("one"), host("two"))
    for (let n = 0; n < 1000; n++) choose("expectedCompletion", hosts, question({ model: `model-${n}` }), memory)
    assert.strictEqual(memory.excess.size, 256)
    assert.isTrue(memory.excess.has("normal model-999"))
  })
})
