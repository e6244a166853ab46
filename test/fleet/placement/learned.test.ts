import { assert, describe, it } from "@effect/vitest"
import { Concurrency } from "effect-ollama"
import * as Demand from "../../../src/fleet/placement/demand.js"
import * as Foreign from "../../../src/fleet/placement/foreign.js"
import * as Parallelism from "../../../src/fleet/placement/parallelism.js"

const learned = (parallelism: number, hasQueue: boolean): Concurrency.Learning => ({
  ...Concurrency.nothingLearned,
  parallelism,
  hasQueue
})

describe("the parallelism of a host", () => {
  it("is not known before it was seen", () => {
    assert.strictEqual(Parallelism.of(undefined, []), undefined)
    assert.strictEqual(Parallelism.of(Concurrency.nothingLearned, [Concurrency.nothingLearned]), undefined)
    assert.strictEqual(Parallelism.of(learned(1, false), []), undefined)
  })

  it("is what the model has shown, whatever the others have", () => {
    assert.strictEqual(Parallelism.of(learned(1, true), [learned(4, true)]), 1)
    assert.strictEqual(Parallelism.of(learned(3, true), []), 3)
  })

  it("is what other models have shown, and at least what this one has", () => {
    assert.strictEqual(Parallelism.of(undefined, [learned(2, true), learned(4, true), learned(8, false)]), 8)
    assert.strictEqual(Parallelism.of(undefined, [learned(2, true), learned(4, true)]), 3)
    assert.strictEqual(Parallelism.of(learned(5, false), [learned(4, true)]), 5)
  })

  it("is at least what was worked on without a queue", () => {
    assert.strictEqual(Parallelism.of(learned(3, false), []), 3)
  })

  it("is found from answers", () => {
    const sample = (inFlight: number, queueSeconds: number) => ({ inFlight, queueSeconds, serviceSeconds: 5 })
    const seen = [sample(1, 0), sample(2, 0), sample(3, 2.5)].reduce(Concurrency.learn, Concurrency.nothingLearned)
    assert.strictEqual(Parallelism.of(seen, []), 2)
  })
})

describe("the demand for a model", () => {
  it("comes near to how many calls there are, and forgets them", () => {
    const three = Demand.set(Demand.none, 3, 0)
    assert.strictEqual(Demand.mean(three, 0), 0)
    assert.closeTo(Demand.mean(three, 90_000), 3 * (1 - Math.exp(-1)), 1e-9)
    assert.closeTo(Demand.mean(three, 3_600_000), 3, 1e-9)
    const gone = Demand.set(three, 0, 3_600_000)
    assert.closeTo(Demand.mean(gone, 3_690_000), 3 * Math.exp(-1), 1e-9)
  })

  it("is the mean of what changes", () => {
    let demand = Demand.none
    for (let n = 0; n < 2000; n++) demand = Demand.set(demand, n % 2, n * 1000)
    assert.closeTo(Demand.mean(demand, 2_000_000), 0.5, 0.02)
  })

  it("does not run backwards when the clock does", () => {
    const demand = Demand.set(Demand.none, 1, 100_000)
    assert.strictEqual(Demand.mean(Demand.set(demand, 2, 50_000), 100_000), Demand.mean(demand, 100_000))
  })
})

describe("the queue of other clients", () => {
  it("is what our own calls do not explain, and is forgotten in seconds", () => {
    const seen = Foreign.observe(Foreign.none, 5000, 2000, 1000)
    assert.strictEqual(Foreign.of(seen, 1000), 3000)
    assert.closeTo(Foreign.of(seen, 11_000), 3000 / Math.E, 1e-9)
    assert.strictEqual(Foreign.of(Foreign.none, 1000), 0)
  })

  it("is a mean of the waits, and never negative", () => {
    const seen = Foreign.observe(Foreign.observe(Foreign.none, 1000, 0, 0), 0, 5000, 0)
    assert.strictEqual(Foreign.of(seen, 0), 700)
    assert.strictEqual(Foreign.of(Foreign.observe(Foreign.none, 10, 500, 0), 0), 0)
  })

  it("does not grow when the clock runs backwards", () => {
    const seen = Foreign.observe(Foreign.none, 1000, 0, 60_000)
    assert.strictEqual(Foreign.of(seen, 0), 1000)
  })
})
