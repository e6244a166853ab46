import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Detector from "../../src/record/Detector.js"
import * as Dice from "./dice.js"
import { runLength } from "./runLength.js"

const after = (ratios: ReadonlyArray<number>, state = Detector.initial): Detector.State =>
  ratios.reduce((known, ratio) => Detector.update(known, ratio), state)

const times = (count: number, ratio: number): ReadonlyArray<number> => Array.from({ length: count }, () => ratio)

/** Calls until an alarm. */
const delay = (dice: Dice.Dice, factor: number, sigma: number): number => {
  let state = Detector.initial
  let calls = 0
  while (!state.isAlarmed) {
    state = Detector.update(state, factor * dice.noise(sigma))
    calls++
  }
  return calls
}

const meanDelay = (factor: number, sigma: number, runs: number): number => {
  const dice = Dice.make(20)
  let calls = 0
  for (let run = 0; run < runs; run++) calls += delay(dice, factor, sigma)
  return calls / runs
}

const alarmsAmong = (calls: number, sigma: number): number => {
  const dice = Dice.make(28)
  let state = Detector.initial
  let alarms = 0
  for (let call = 0; call < calls; call++) {
    state = Detector.update(state, dice.noise(sigma))
    if (state.isAlarmed) {
      alarms++
      state = Detector.initial
    }
  }
  return alarms
}

describe("Detector", () => {
  it("is silent while calls take what they should, however fast some are", () => {
    assert.deepStrictEqual(after([...times(100, 1), ...times(100, 0.01), ...times(100, 1.4)]), Detector.initial)
  })

  it("has an alarm after some calls that take twice as long, and says by how much", () => {
    const few = after(times(8, 2))
    assert.isFalse(few.isAlarmed)
    assert.isUndefined(Detector.factor(few))
    const enough = after(times(9, 2))
    assert.isTrue(enough.isAlarmed)
    assert.closeTo(Detector.factor(enough) ?? 0, 2, 1e-9)
  })

  it("takes the factor from when the change began, not from before it", () => {
    const state = after([...times(50, 1), ...times(50, 0.5), ...times(20, 3)])
    assert.closeTo(Detector.factor(state) ?? 0, 3, 1e-9)
  })

  it("does not go by one absurd ratio, nor by two; by three it does", () => {
    for (const absurd of [1e3, 1e300, Number.MAX_VALUE]) {
      assert.isFalse(after([absurd]).isAlarmed)
      assert.isFalse(after([absurd, absurd]).isAlarmed)
      assert.isTrue(after(times(3, absurd)).isAlarmed)
    }
    // five calls as expected, and the first is forgotten
    assert.deepStrictEqual(after([1e9, ...times(5, 1)]), Detector.initial)
  })

  it("takes what is no ratio for one, and never holds what is no number", () => {
    const state = after([2, 2])
    for (const none of [0, -1, Number.NaN]) {
      assert.deepStrictEqual(Detector.update(state, none), Detector.update(state, 1))
    }
    const odd = after([Number.POSITIVE_INFINITY, Number.NaN, 5e-324, Number.POSITIVE_INFINITY, Number.MAX_VALUE])
    assert.isTrue(Object.values(odd).every((value) => typeof value === "boolean" || Number.isFinite(value)))
  })

  it("counts a ratio by how far its prediction is to be trusted, but tells the factor as it was", () => {
    assert.isTrue(after(times(5, 4)).isAlarmed)
    const half = (count: number) =>
      times(count, 4).reduce((s, ratio) => Detector.update(s, ratio, 0.5), Detector.initial)
    assert.isFalse(half(5).isAlarmed)
    assert.isTrue(half(9).isAlarmed)
    assert.closeTo(Detector.factor(half(9)) ?? 0, 4, 1e-9)
    assert.deepStrictEqual(
      times(99, 100).reduce((s, ratio) => Detector.update(s, ratio, 0), Detector.initial),
      Detector.initial
    )
  })

  it("ends an alarm when calls take what they should again, the sooner the greater the difference", () => {
    const alarmed = after(times(12, 2))
    assert.isTrue(after(times(8, 1), alarmed).isAlarmed)
    assert.deepStrictEqual(after(times(9, 1), alarmed), Detector.initial)
    assert.isTrue(after(times(4, 1), after(times(12, 4))).isAlarmed)
    assert.deepStrictEqual(after(times(6, 1), after(times(12, 4))), Detector.initial)
  })

  it("does not end an alarm for one call or two that were fast, nor while it stays slow", () => {
    const alarmed = after(times(12, 2))
    assert.isTrue(after([0.001, 0.001], alarmed).isAlarmed)
    assert.isTrue(after(times(500, 2), alarmed).isAlarmed)
  })

  it("follows a host that gets slower still", () => {
    const state = after([...times(12, 2), ...times(200, 8)])
    assert.closeTo(Detector.factor(state) ?? 0, 8, 0.3)
  })

  it("counts a call that still runs by how far it is, without keeping it", () => {
    const state = after(times(8, 2))
    const before = { ...state }
    assert.isTrue(Detector.running(state, 2).isAlarmed)
    assert.deepStrictEqual(state, before)
    // what has not passed its prediction says nothing
    for (const ratio of [0.1, 1, 1.4]) assert.deepStrictEqual(Detector.running(state, ratio), state)
    // three that hang are seen before any of them ends
    const hanging = [5, 8, 9].reduce((s, ratio) => Detector.running(s, ratio), Detector.initial)
    assert.isTrue(hanging.isAlarmed)
    const alarmed = after(times(12, 2))
    assert.deepStrictEqual(Detector.running(alarmed, 50), alarmed)
  })

  it("while it runs, a call counts no more than at its end", () => {
    const dice = Dice.make(3)
    for (let n = 0; n < 1000; n++) {
      const state = after(times(n % 9, 1.9))
      const ratio = dice.noise(1.5)
      const sofar = Detector.running(state, ratio * dice.unit()).statistic
      assert.isAtMost(sofar, Math.max(state.statistic, Detector.update(state, ratio).statistic))
    }
  })

  it("is plain JSON", () => {
    const state = after(times(10, 2.5))
    const json: unknown = JSON.parse(JSON.stringify(state))
    assert.deepStrictEqual(Schema.decodeUnknownSync(Detector.State)(json), state)
  })
})

/** Half of the threshold is the most that one call adds. */
const cusum = { ...Detector.defaults, step: Detector.defaults.threshold / 2 }
const unlimited = { ...Detector.defaults, step: Number.POSITIVE_INFINITY }

describe("the figures of the resilience notes, 2.8", () => {
  it("by theory: delays of 9.5 and 3.5 calls; false alarms once in 2.4 million and in 2029", () => {
    assert.closeTo(runLength(cusum, Math.log(2), 0.4), 9.5, 0.05)
    assert.closeTo(runLength(cusum, Math.log(4), 0.4), 3.53, 0.05)
    assert.closeTo(runLength(cusum, 0, 0.4) / 2.43e6, 1, 0.02)
    assert.closeTo(runLength(cusum, 0, 0.6) / 2029, 1, 0.02)
  })

  it("the limit of a step costs next to nothing", () => {
    assert.closeTo(runLength(unlimited, Math.log(2), 0.4), 9.49, 0.05)
    assert.closeTo(runLength(unlimited, Math.log(4), 0.4), 3.47, 0.05)
    // the notes say 1370: that is what an error of 0.62 gives
    assert.closeTo(runLength(unlimited, 0, 0.6) / 1921, 1, 0.02)
    assert.closeTo(runLength(unlimited, 0, 0.62) / 1353, 1, 0.02)
  })

  it("a host twice as slow is seen after 9.6 calls, four times after 3.5, within a tenth", () => {
    assert.closeTo(meanDelay(2, 0.4, 4000), 9.6, 0.96)
    assert.closeTo(meanDelay(4, 0.4, 4000), 3.5, 0.35)
  })

  it("at an error of 0.4 a false alarm is rarer than one in 190,000 calls", () => {
    assert.isAtMost(alarmsAmong(1_000_000, 0.4), 5)
  })

  it("at an error of 0.6 it is one in about 2029 calls, within 15 percent, and so rarer than the notes say", () => {
    const calls = 1_000_000
    const each = calls / alarmsAmong(calls, 0.6)
    assert.closeTo(each / 2029, 1, 0.15)
    assert.isAbove(each, 1370)
  })
})
