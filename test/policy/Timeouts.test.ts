import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Policy, Timeouts } from "effect-ollama"

const plain: Timeouts.Request = { characters: 0, hasTools: false, isTransfer: false }
const limits = (patch: Timeouts.Patch, request: Partial<Timeouts.Request> = {}) =>
  Timeouts.limits(Policy.make({ timeouts: patch }).timeouts, { ...plain, ...request })

describe("limits", () => {
  it("automatic ones are those of the documentation", () => {
    assert.deepStrictEqual(limits({}), {
      connect: 2000,
      load: 300_000,
      firstToken: 30_000,
      gap: 30_000,
      total: undefined
    })
    assert.deepStrictEqual(limits({ total: "auto" }).total, undefined)
    assert.strictEqual(limits({}, { characters: 100 }).firstToken, 31_000)
    assert.strictEqual(limits({}, { characters: 1 }).firstToken, 30_010)
    assert.strictEqual(limits({}, { isTransfer: true }).gap, 600_000)
    assert.strictEqual(limits({}, { isTransfer: true }).firstToken, 30_000)
    assert.deepStrictEqual(
      [limits({}, { hasTools: true }).firstToken, limits({}, { hasTools: true }).gap],
      [300_000, 300_000]
    )
    assert.strictEqual(limits({}, { hasTools: true, characters: 40_000 }).firstToken, 430_000)
  })

  it("a duration binds, whatever the request is", () => {
    const all = { connect: 1, load: 2, firstToken: 3, gap: 4, total: 5 }
    assert.deepStrictEqual(limits(all, { characters: 1e6, hasTools: true, isTransfer: true }), all)
  })

  it("none is no limit", () => {
    assert.deepStrictEqual(Timeouts.limits(Timeouts.none, { ...plain, hasTools: true }), {
      connect: undefined,
      load: undefined,
      firstToken: undefined,
      gap: undefined,
      total: undefined
    })
  })

  it.prop("the first token's limit grows with the request", [FastCheck.nat(), FastCheck.nat()], ([a, b]) => {
    const at = (characters: number) => limits({}, { characters }).firstToken ?? 0
    assert.isAtLeast(at(a + b), at(a))
  })
})
