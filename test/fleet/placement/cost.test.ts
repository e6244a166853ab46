import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Placement } from "effect-ollama"
import { anyQuestion, anyView, host, question, view } from "./scene.js"

const close = (actual: number, expected: number, message?: string): void =>
  assert.closeTo(actual, expected, 1e-6 * Math.max(1, Math.abs(expected)), message)

const costOf = (
  known: Partial<Placement.HostView>,
  asked: Partial<Placement.Question> = {},
  ...others: ReadonlyArray<Placement.HostView>
) => {
  const one = host("one", known)
  return Placement.cost(view(one, ...others), question(asked), one)
}

describe("the cost of a call at a host", () => {
  it("of an idle host with the model is the prompt and the answer", () => {
    assert.deepStrictEqual(costOf({}), { wait: 0, load: 0, prompt: 500, answer: 2000, recovery: 0, total: 2500 })
  })

  it("waits for the work that is there, over the calls that are worked on at once", () => {
    assert.strictEqual(costOf({ workLeft: 6000 }).wait, 3000)
    assert.strictEqual(costOf({ workLeft: 6000, parallelism: 4 }).wait, 1500)
  })

  it("waits for what is held for the host, and behind other clients", () => {
    assert.strictEqual(costOf({ workLeft: 2000, heldWork: 4000, foreignQueue: 700 }).wait, 3700)
    assert.strictEqual(costOf({ workLeft: 200, foreignQueue: -700 }).wait, 0)
  })

  it("loads what is absent, and what is not known to be there, behind the other loads", () => {
    assert.strictEqual(costOf({ residency: "absent" }).load, 10_000)
    assert.strictEqual(costOf({ residency: "unknown", loadRate: 2 }).load, 5000)
    assert.strictEqual(costOf({ residency: "absent", otherLoadsLeft: 3000 }).load, 13_000)
  })

  it("waits for the rest of a load that is going on, whatever else is", () => {
    assert.strictEqual(costOf({ residency: "loading", loadingLeft: 4000, otherLoadsLeft: 3000 }).load, 4000)
    assert.strictEqual(costOf({ otherLoadsLeft: 3000 }).load, 0)
  })

  it("pays half the load of what would be put out, the first of the idle ones first", () => {
    const full = { residency: "absent", capacity: 24, idleGigabytes: [6, 9], busyGigabytes: 4 } as const
    assert.strictEqual(costOf(full, { gigabytes: 5 }).load, 5000)
    assert.strictEqual(costOf(full, { gigabytes: 10 }).load, 10_000 + 3000)
    assert.strictEqual(costOf(full, { gigabytes: 12 }).load, 12_000 + 7500)
    // what calls use has to go too
    assert.strictEqual(costOf(full, { gigabytes: 22 }).load, 22_000 + 8500)
    // nothing more can be put out than is there
    assert.strictEqual(costOf(full, { gigabytes: 30 }).load, 30_000 + 9500)
  })

  it("puts nothing out of a memory whose size nobody has shown, and takes it to be as others' are", () => {
    const full = { residency: "absent", idleGigabytes: [20] } as const
    assert.strictEqual(costOf(full).load, 10_000)
    assert.strictEqual(costOf(full, {}, host("two", { capacity: 24 })).load, 20_000)
    // it holds more than they can: the limit is not below that
    assert.strictEqual(
      costOf({ ...full, idleGigabytes: [30] }, { gigabytes: 1 }, host("two", { capacity: 24 })).load,
      16_000
    )
  })

  it("does not read again what the session has left in memory", () => {
    assert.strictEqual(costOf({ sessionTokens: 300 }).prompt, 200)
    assert.strictEqual(costOf({ sessionTokens: 900 }).prompt, 0)
    assert.strictEqual(costOf({ sessionTokens: 300, residency: "absent" }).prompt, 500)
  })

  it("is two seconds more for twenty seconds after a recovery", () => {
    assert.strictEqual(costOf({ sinceRecovery: 19_999 }).recovery, 2000)
    assert.strictEqual(costOf({ sinceRecovery: 20_000 }).recovery, 0)
  })

  it("is so many times more at a host that seems to be slower", () => {
    const { total: _, ...parts } = costOf({ slowness: 4, workLeft: 1000, residency: "absent" })
    assert.deepStrictEqual(parts, { wait: 2000, load: 40_000, prompt: 2000, answer: 8000, recovery: 0 })
  })

  it("takes the mean of the others for what is not known", () => {
    const unknown = { loadRate: undefined, promptRate: undefined, generationRate: undefined, parallelism: undefined }
    const others = [
      host("two", { loadRate: 1, promptRate: 400, generationRate: 20, parallelism: 1 }),
      host("three", { loadRate: 3, promptRate: 600, generationRate: 60, parallelism: 3 }),
      host("four", unknown)
    ]
    const { load, prompt, answer, wait } = costOf({ ...unknown, residency: "absent", workLeft: 1000 }, {}, ...others)
    assert.deepStrictEqual([load, prompt, answer, wait], [5000, 1000, 2500, 500])
  })

  it("begins with half a gigabyte, 500 and 30 tokens a second, one call at once", () => {
    const unknown = { loadRate: undefined, promptRate: undefined, generationRate: undefined, parallelism: undefined }
    const asked = { gigabytes: undefined, answerTokens: undefined }
    const { load, prompt, answer, wait } = costOf({ ...unknown, residency: "absent", workLeft: 1000 }, asked)
    assert.deepStrictEqual([load, prompt, wait], [10_000, 1000, 1000])
    close(answer, 200_000 / 30)
  })

  it.prop("is finite, has no negative part, and its parts make the sum", [anyView, anyQuestion], ([hosts, asked]) => {
    for (const one of hosts.hosts) {
      const { total, ...parts } = Placement.cost(hosts, asked, one)
      for (const part of Object.values(parts)) assert.isTrue(Number.isFinite(part) && part >= 0)
      close(
        total,
        Object.values(parts).reduce((sum, part) => sum + part, 0)
      )
    }
  })

  const factor = FastCheck.constantFrom(0.5, 2, 10)
  it.prop(
    "has no unit of its own: all times longer, all costs longer",
    [anyView, anyQuestion, factor],
    ([hosts, asked, k]) => {
      const unpriored = { loadRate: 1, promptRate: 500, generationRate: 30, sinceRecovery: Number.POSITIVE_INFINITY }
      const known = hosts.hosts.map((one) => ({ ...one, ...unpriored }))
      const slower = known.map((one) => ({
        ...one,
        loadRate: one.loadRate / k,
        promptRate: one.promptRate / k,
        generationRate: one.generationRate / k,
        workLeft: one.workLeft * k,
        heldWork: one.heldWork * k,
        foreignQueue: one.foreignQueue * k,
        loadingLeft: one.loadingLeft * k,
        otherLoadsLeft: one.otherLoadsLeft * k
      }))
      for (const [n, one] of known.entries()) {
        const other = slower[n]
        assert.isDefined(other)
        if (other === undefined) return
        close(Placement.cost(view(...slower), asked, other).total, k * Placement.cost(view(...known), asked, one).total)
      }
    }
  )
})
