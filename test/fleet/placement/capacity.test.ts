import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Capacity from "../../../src/fleet/placement/capacity.js"

const sizes = { small: 6, middle: 9, large: 16, huge: 40 } as const
type Model = keyof typeof sizes

/** Looks at these moments, with models that would stay for ever. */
const after = (
  ...looks: ReadonlyArray<{
    readonly at: number
    readonly models: ReadonlyArray<Model>
    readonly arriving?: Model
    readonly expiresAt?: number
  }>
): Capacity.Capacity =>
  looks.reduce(
    (capacity, { arriving, at, expiresAt, models }) =>
      Capacity.observe(capacity, {
        at: at * 1000,
        models: Object.fromEntries(
          models.map((model) => [
            model,
            { gigabytes: sizes[model], ...(expiresAt === undefined ? {} : { expiresAt: expiresAt * 1000 }) }
          ])
        ),
        arriving: arriving === undefined ? undefined : { model: arriving, gigabytes: sizes[arriving] }
      }),
    Capacity.nothingSeen
  )

describe("the memory of a host", () => {
  it("is not known from what fits", () => {
    const seen = after({ at: 0, models: ["small"] }, { at: 2, models: ["small", "middle"] })
    assert.strictEqual(Capacity.of(seen), undefined)
    assert.strictEqual(seen.most, 15)
  })

  it("lies between what fitted and what did not, when one was put out for another", () => {
    const seen = after({ at: 0, models: ["small", "middle"] }, { at: 2, models: ["middle"], arriving: "large" })
    assert.deepStrictEqual([seen.most, seen.tooMuch, Capacity.of(seen)], [15, 31, 23])
  })

  it("is learned as well when the other is seen only once it is there", () => {
    const seen = after(
      { at: 0, models: ["large", "small"] },
      { at: 2, models: ["small"] },
      { at: 9, models: ["small", "middle"] }
    )
    assert.deepStrictEqual([seen.most, seen.tooMuch], [22, 31])
    const late = after(
      { at: 0, models: ["large", "small"] },
      { at: 2, models: ["small"] },
      { at: 63, models: ["small", "middle"] }
    )
    assert.strictEqual(Capacity.of(late), undefined)
  })

  it("is not learned from a model whose time was over, or that was unloaded", () => {
    const expired = after(
      { at: 0, models: ["small", "middle"], expiresAt: 1 },
      { at: 2, models: ["middle"], arriving: "large" }
    )
    assert.strictEqual(Capacity.of(expired), undefined)
    const early = after(
      { at: 0, models: ["small", "middle"], expiresAt: 3 },
      { at: 2, models: ["middle"], arriving: "large" }
    )
    assert.strictEqual(Capacity.of(early), 23)
    const unloaded = after({ at: 0, models: ["small", "middle"] }, { at: 2, models: ["middle"] })
    assert.strictEqual(Capacity.of(unloaded), undefined)
  })

  it("is what fitted, as soon as that is more than what is thought not to fit", () => {
    const seen = after(
      { at: 0, models: ["small", "middle"] },
      { at: 2, models: ["middle"], arriving: "small" },
      { at: 9, models: ["middle", "large"] }
    )
    assert.deepStrictEqual([seen.most, seen.tooMuch, Capacity.of(seen)], [25, undefined, 25])
  })

  it("gets narrower with every model that is put out", () => {
    const seen = after(
      { at: 0, models: ["small"] },
      { at: 2, models: [], arriving: "huge" },
      { at: 60, models: ["small", "middle"] },
      { at: 62, models: ["middle"], arriving: "large" }
    )
    assert.deepStrictEqual([seen.most, seen.tooMuch], [15, 31])
  })

  it("has become less when less than has fitted does not fit three times", () => {
    const once = (at: number) => [
      { at, models: ["small", "middle"] as const },
      { at: at + 2, models: ["middle"] as const, arriving: "small" as const }
    ]
    const before = [
      { at: 0, models: ["large", "small"] as const },
      { at: 90, models: [] }
    ]
    const twice = after(...before, ...once(200), ...once(300))
    assert.deepStrictEqual([twice.most, Capacity.of(twice)], [22, 22])
    const thrice = after(...before, ...once(200), ...once(300), ...once(400))
    assert.deepStrictEqual([thrice.most, thrice.tooMuch, Capacity.of(thrice)], [9, 21, 15])
  })

  it("knows when the last model was put out", () => {
    assert.strictEqual(after({ at: 0, models: ["small"] }, { at: 2, models: [], arriving: "large" }).putOutAt, 2000)
  })

  it("is JSON", () => {
    const seen = after({ at: 0, models: ["small"], expiresAt: 9 }, { at: 2, models: [], arriving: "large" })
    const json = JSON.stringify(Schema.encodeSync(Capacity.Capacity)(seen))
    assert.deepStrictEqual(Schema.decodeUnknownSync(Capacity.Capacity)(JSON.parse(json)), seen)
  })

  const models = FastCheck.subarray(["small", "middle", "large", "huge"] as const)
  const looks = FastCheck.array(FastCheck.record({ at: FastCheck.integer({ min: 0, max: 100 }), models }), {
    maxLength: 20
  })
  it.prop("never knows less than fits, nor more than does not", [looks], ([steps]) => {
    let at = 0
    const seen = after(...steps.map((step) => ({ ...step, at: (at += step.at) })))
    const known = Capacity.of(seen)
    if (seen.tooMuch !== undefined) assert.isAbove(seen.tooMuch, seen.most)
    if (known !== undefined) assert.isTrue(known >= seen.most && known <= (seen.tooMuch ?? seen.most))
    assert.isAtMost(Object.keys(seen.models).length, 4)
  })

  const any: FastCheck.Arbitrary<Model> = FastCheck.constantFrom("small", "middle", "large")
  it.prop(
    "is found, whatever a host of 24 GB is asked for",
    [FastCheck.array(any, { minLength: 40, maxLength: 60 })],
    ([asked]) => {
      let held: ReadonlyArray<Model> = []
      let capacity = Capacity.nothingSeen
      const total = (): number => held.reduce((sum, model) => sum + sizes[model], 0)
      const look = (at: number, arriving?: Model) => {
        const models = Object.fromEntries(held.map((model) => [model, { gigabytes: sizes[model] }]))
        capacity = Capacity.observe(capacity, {
          at,
          models,
          arriving: arriving === undefined ? undefined : { model: arriving, gigabytes: sizes[arriving] }
        })
      }
      for (const [n, model] of asked.entries()) {
        if (!held.includes(model)) {
          while (total() + sizes[model] > 24) held = held.slice(1)
          look(10_000 * n, model)
          held = [...held, model]
        }
        look(10_000 * n + 5000)
      }
      if (capacity.putOutAt === undefined) return
      assert.isAtMost(capacity.most, 24)
      assert.isAbove(capacity.tooMuch ?? 25, 24)
    }
  )
})
