import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { type Demand, type Room, spread } from "../../../src/fleet/placement/spread.js"

const sizes: Readonly<Record<string, number>> = { small: 6, middle: 9, large: 16 }
const sizeOf = (model: string): number => sizes[model] ?? 0

const room = (name: string, models: ReadonlyArray<string> = [], known: Partial<Room> = {}): Room => {
  const held = models.reduce((sum, model) => sum + sizeOf(model), 0)
  return {
    host: name,
    isOpen: true,
    loadsLeft: 0,
    heldGigabytes: held,
    mostGigabytes: held,
    sincePutOut: Number.POSITIVE_INFINITY,
    parallelism: 2,
    models: new Set(models),
    missing: new Set(),
    ...known
  }
}

const demand = (model: string, calls: number): Demand => ({ model, gigabytes: sizeOf(model), calls })

const texts = (rooms: ReadonlyArray<Room>, ...demands: ReadonlyArray<Demand>): ReadonlyArray<string> =>
  spread(rooms, demands).map(({ host, model }) => `${model} to ${host}`)

describe("second copies", () => {
  it("come where memory is free and the model is asked for", () => {
    assert.deepStrictEqual(texts([room("one", ["small"]), room("two")], demand("small", 1)), ["small to two"])
    assert.deepStrictEqual(texts([room("one", ["small"]), room("two")], demand("small", 0)), [])
    assert.deepStrictEqual(texts([room("one", ["small"]), room("two")]), [])
  })

  it("do not come for so few calls that they would not be used", () => {
    assert.deepStrictEqual(texts([room("one", ["small"]), room("two")], demand("small", 0.19)), [])
    assert.deepStrictEqual(texts([room("one", ["small"]), room("two")], demand("small", 0.2)), ["small to two"])
  })

  it("come to the host that is least busy, of the model that has the most calls for each copy", () => {
    const rooms = [room("one", ["middle"]), room("two", ["small"]), room("three", ["small", "middle"])]
    assert.deepStrictEqual(texts(rooms, demand("small", 2), demand("middle", 3)), ["middle to two", "small to one"])
  })

  it("come after the first copies of all models", () => {
    const rooms = [room("one", ["small"]), room("two")]
    assert.deepStrictEqual(texts(rooms, demand("small", 3), demand("middle", 1)), [])
    const nowhere = rooms.map((one) => ({ ...one, missing: new Set(["middle"]) }))
    assert.deepStrictEqual(texts(nowhere, demand("small", 3), demand("middle", 1)), ["small to two"])
  })

  it("come one by one to a host, and to none that is loading", () => {
    const first = room("one", ["small", "middle"])
    assert.deepStrictEqual(texts([first, room("two")], demand("small", 1), demand("middle", 2)), ["middle to two"])
    const loading = room("two", ["middle"], { loadsLeft: 4000 })
    assert.deepStrictEqual(texts([first, loading], demand("small", 1), demand("middle", 2)), [])
  })

  it("come to no host that is blocked, and none that lacks the model", () => {
    const first = room("one", ["small"])
    assert.deepStrictEqual(texts([first, room("two", [], { isOpen: false })], demand("small", 1)), [])
    assert.deepStrictEqual(texts([first, room("two", [], { missing: new Set(["small"]) })], demand("small", 1)), [])
  })

  it("are made good for those of a host that is blocked", () => {
    const rooms = [room("one", ["small"], { isOpen: false }), room("two", ["small"]), room("three")]
    assert.deepStrictEqual(texts(rooms, demand("small", 1)), ["small to three"])
  })

  it("put nothing out of a memory whose limit is known", () => {
    const first = room("one", ["small"])
    const two = (known: Partial<Room>) => room("two", ["large"], { sincePutOut: 300_000, ...known })
    const demands = [demand("small", 2), demand("large", 0.1)]
    assert.deepStrictEqual(texts([first, two({ mostGigabytes: 22 })], ...demands), ["small to two"])
    assert.deepStrictEqual(texts([first, two({ mostGigabytes: 21 })], ...demands), [])
  })

  it("do not come for five minutes where a model was put out", () => {
    const rooms = [room("one", ["small"]), room("two", [], { mostGigabytes: 22, sincePutOut: 299_999 })]
    assert.deepStrictEqual(texts(rooms, demand("small", 2)), [])
  })

  it("try more than was ever seen to fit at one host at a time, and nowhere once a limit is known", () => {
    const rooms = [room("one", ["middle"]), room("two", ["small"]), room("three", ["small"])]
    const demands = [demand("small", 2), demand("middle", 2)]
    assert.deepStrictEqual(texts(rooms, ...demands), ["middle to two"])
    const loading = [...rooms, room("four", ["middle"], { loadsLeft: 1000 })]
    assert.deepStrictEqual(texts(loading, ...demands), [])
    const limited = [...rooms, room("four", ["middle"], { sincePutOut: 1_000_000 })]
    assert.deepStrictEqual(texts(limited, ...demands), [])
  })

  it("are tried with as little more as can be", () => {
    const rooms = [room("one", ["small", "middle"]), room("two", ["large"])]
    assert.deepStrictEqual(texts(rooms, demand("small", 1), demand("middle", 9), demand("large", 9)), ["small to two"])
  })

  it("fit where any host has held as much", () => {
    const rooms = [room("one", ["middle"]), room("two", ["small"]), room("three", ["small"])]
    const proven = [...rooms, room("four", ["middle"], { mostGigabytes: 15 })]
    assert.lengthOf(texts(proven, demand("small", 2), demand("middle", 2)), 4)
  })

  const anyRoom = (name: string): FastCheck.Arbitrary<Room> =>
    FastCheck.tuple(
      FastCheck.subarray(["small", "middle", "large"]),
      FastCheck.record({
        isOpen: FastCheck.boolean(),
        loadsLeft: FastCheck.constantFrom(0, 0, 5000),
        sincePutOut: FastCheck.constantFrom(Number.POSITIVE_INFINITY, 1000, 400_000),
        missing: FastCheck.subarray(["small", "large"]).map((names) => new Set(names))
      })
    ).map(([models, known]) => room(name, models, known))
  const rooms = FastCheck.tuple(anyRoom("one"), anyRoom("two"), anyRoom("three"), anyRoom("four"))
  const calls = FastCheck.double({ min: 0, max: 8, noNaN: true })
  it.prop("keep to all of this, whatever the hosts", [rooms, calls, calls, calls], ([rooms, small, middle, large]) => {
    const loads = spread(rooms, [demand("small", small), demand("middle", middle), demand("large", large)])
    assert.strictEqual(new Set(loads.map(({ host }) => host)).size, loads.length)
    for (const { host, model } of loads) {
      const at = rooms.find((one) => one.host === host)
      assert.isDefined(at)
      if (at === undefined) return
      assert.isTrue(at.isOpen && at.loadsLeft === 0 && at.sincePutOut >= 300_000)
      assert.isTrue(!at.models.has(model) && !at.missing.has(model))
      if (at.sincePutOut < Number.POSITIVE_INFINITY) assert.isAtMost(at.heldGigabytes + sizeOf(model), at.mostGigabytes)
    }
  })
})
