import { assert, describe, it } from "@effect/vitest"
import { type HostView, type Question, type View } from "../../../src/fleet/placement/view.js"
import { anyQuestion, anyView, ask, choiceOf, eager, host, named, view } from "./scene.js"

const isCandidate =
  ({ excluded }: Question) =>
  (one: HostView): boolean =>
    one.residency !== "missing" && one.blocked !== "closed" && !excluded.includes(one.host)

/** What the docstrings say, in other words: the best of these sets that is not empty. */
const expectedSet = ({ hosts }: View, asked: Question): ReadonlyArray<HostView> => {
  const all = hosts.filter(isCandidate(asked))
  const isNew = ({ host }: HostView): boolean => !asked.tried.includes(host)
  const free = all.filter(({ blocked }) => blocked === undefined)
  const sick = all.filter(({ blocked }) => blocked === "model")
  const away = all.filter(({ blocked }) => blocked === "host")
  const sets = [free.filter(isNew), free, sick.filter(isNew), away.filter(isNew), sick, away]
  return sets.find((set) => set.length > 0) ?? []
}

describe("the candidates", () => {
  it("are not those that lack the model", () => {
    const hosts = view(host("one", { residency: "missing" }), host("two", { residency: "absent", workLeft: 60_000 }))
    for (const placement of eager) assert.strictEqual(named(ask(placement, hosts)), "two")
  })

  it("are not blocked while another is there, however busy", () => {
    const hosts = view(
      host("one", { blocked: "host" }),
      host("two", { blocked: "model" }),
      host("three", { inFlight: 9, workLeft: 90_000 })
    )
    for (const placement of eager) {
      const choice = choiceOf(ask(placement, hosts))
      assert.deepStrictEqual([choice.host, choice.index, choice.isPanic, choice.isAgain], ["three", 2, false, false])
    }
  })

  it("were not tried while another is left", () => {
    const hosts = view(host("one"), host("two", { workLeft: 90_000 }))
    for (const placement of eager) {
      assert.strictEqual(named(ask(placement, hosts, { tried: ["one"] })), "two")
      assert.isTrue(choiceOf(ask(placement, hosts, { tried: ["one", "two"] })).isAgain)
    }
  })

  it("were rather tried than blocked", () => {
    const hosts = view(host("one", { blocked: "host" }), host("two"))
    for (const placement of eager) assert.strictEqual(named(ask(placement, hosts, { tried: ["two"] })), "two")
  })

  it("are the least bad of those that are blocked when all are, and that is said", () => {
    const hosts = view(
      host("one", { blocked: "host", blockedLeft: 1000 }),
      host("two", { blocked: "model", blockedLeft: 9000 })
    )
    for (const placement of eager) {
      const choice = choiceOf(ask(placement, hosts))
      assert.deepStrictEqual([choice.host, choice.isPanic], ["two", true])
    }
    const away = view(
      host("one", { blocked: "host", blockedLeft: 9000 }),
      host("two", { blocked: "host", blockedLeft: 1000 })
    )
    assert.strictEqual(named(ask("expectedCompletion", away)), "two")
  })

  it("are not drained, not even in a panic", () => {
    const hosts = view(host("one", { blocked: "closed" }), host("two", { blocked: "host" }))
    for (const placement of eager) assert.strictEqual(named(ask(placement, hosts)), "two")
    for (const placement of eager)
      assert.strictEqual(named(ask(placement, view(host("one", { blocked: "closed" })))), "closed")
  })

  it("are none without a host, a model, or one that is not excluded", () => {
    for (const placement of eager) {
      assert.strictEqual(named(ask(placement, view())), "noHost")
      assert.strictEqual(named(ask(placement, view(host("one", { residency: "missing" })))), "missing")
      assert.strictEqual(named(ask(placement, view(host("one")), { excluded: ["one"] })), "excluded")
    }
  })

  it.prop(
    "are always the best there are, and one of them is always chosen",
    [anyView, anyQuestion],
    ([hosts, asked]) => {
      const wanted = expectedSet(hosts, asked).map(({ host }) => host)
      for (const placement of eager) {
        const answer = ask(placement, hosts, asked)
        if (wanted.length === 0) assert.strictEqual(answer._tag, "Refusal")
        else {
          const choice = choiceOf(answer)
          assert.include(wanted, choice.host)
          assert.strictEqual(hosts.hosts[choice.index]?.host, choice.host)
          assert.strictEqual(choice.isPanic, hosts.hosts[choice.index]?.blocked !== undefined)
          assert.strictEqual(choice.isAgain, asked.tried.includes(choice.host))
        }
      }
    }
  )

  it.prop("get the same call again for the same random number", [anyView, anyQuestion], ([hosts, asked]) => {
    for (const placement of [...eager, "expectedCompletion", "priority", "sticky"] as const) {
      assert.deepStrictEqual(ask(placement, hosts, asked), ask(placement, hosts, asked))
    }
  })

  it.prop(
    "are what a function of one's own is given, and it has the last word",
    [anyView, anyQuestion],
    ([hosts, asked]) => {
      const wanted = expectedSet(hosts, asked)
      let given: ReadonlyArray<HostView> = []
      const last = ask(
        (candidates) => {
          given = candidates
          return candidates.at(-1)
        },
        hosts,
        asked
      )
      assert.deepStrictEqual(given, wanted)
      if (wanted.length > 0) {
        assert.strictEqual(named(last), wanted.at(-1)?.host)
        assert.strictEqual(named(ask(() => undefined, hosts, asked)), "declined")
        assert.strictEqual(named(ask(() => host("elsewhere"), hosts, asked)), "declined")
      }
    }
  )
})
