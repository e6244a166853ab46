/** What is left of the calls at a host. */
import { assert, describe, it } from "vitest"
import { Trail } from "../../src/client/trail.js"
import * as Work from "../../src/fleet/work.js"

const host = "http://a:11434"

/** Begun at 0: a second of prompt, four of answer. */
const work = (firstAt?: number): Work.Work => {
  const trail = new Trail(0, host, "llama3.2")
  if (firstAt !== undefined) trail.first(firstAt, false)
  return {
    model: "llama3.2",
    journal: { current: () => trail },
    since: 0,
    wait: 500,
    prompt: 1000,
    answer: 4000,
    load: 0,
    isCold: false
  }
}

const left = (one: Work.Work, signAt: number, now: number): number => {
  const { constant, slope } = Work.left(one, Work.firstAt(one, host), signAt, now)
  return constant + slope * now
}

const never = Number.NEGATIVE_INFINITY

describe("what is left of a call", () => {
  it("is all of it until something comes, and then what the answer takes", () => {
    assert.strictEqual(left(work(), never, 1500), 5000)
    assert.strictEqual(left(work(2000), 2000, 3000), 3000)
    assert.strictEqual(left(work(2000), 2000, 9000), 200)
  })

  it("grows where nothing comes for long, and the host gives no other sign of life", () => {
    // twice what was predicted and 2 seconds are no reason yet
    assert.strictEqual(left(work(), never, 5000), 5000)
    assert.strictEqual(left(work(), -1, 30_000), 30_000)
    assert.strictEqual(left(work(), 10_000, 30_000), 5000)
  })
})
