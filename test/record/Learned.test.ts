import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Detector from "../../src/record/Detector.js"
import * as Learned from "../../src/record/Learned.js"
import type * as Predictor from "../../src/record/Predictor.js"
import * as Dice from "./dice.js"

const host = "http://one:11434"
const model = "llama3.2:latest"

interface Weather {
  /** How much slower than usual, and how much each call strays. */
  readonly factor: number
  readonly sigma: number
}

/** 800 and 40 tokens a second. */
const call = (dice: Dice.Dice, index: number, { factor, sigma }: Weather): Predictor.Sample => {
  const promptTokens = Math.round(1000 * dice.noise(0.8))
  const answerTokens = Math.round(200 * dice.noise(0.5))
  return {
    host,
    model,
    at: index * 10_000,
    promptTokens,
    answerTokens,
    prompt: Duration.seconds((promptTokens / 800) * factor * dice.noise(sigma)),
    generating: Duration.seconds((answerTokens / 40) * factor * dice.noise(sigma))
  }
}

const after = (dice: Dice.Dice, count: number, weather: Weather, learned = Learned.empty): Learned.Learned => {
  let known = learned
  for (let index = 0; index < count; index++) known = Learned.observe(known, call(dice, index, weather))
  return known
}

const isAlarmed = ({ detectors }: Learned.Learned): boolean => detectors[host]?.generating?.isAlarmed === true

const usual: Weather = { factor: 1, sigma: 0.4 }

describe("Learned", () => {
  it("has no alarm while calls stray as they always did, however much that is", () => {
    for (const sigma of [0.1, 0.4, 0.6]) {
      let alarms = 0
      for (let seed = 0; seed < 20; seed++) {
        if (isAlarmed(after(Dice.make(seed), 150, { factor: 1, sigma }))) alarms++
      }
      assert.isAtMost(alarms, 1, `sigma ${sigma}`)
    }
  })

  it("sees a host become twice as slow after some 10 calls (20 at the most on average), four times after some 4 (8)", () => {
    for (const [factor, most, runs] of [
      [2, 20, 30],
      [4, 8, 30]
    ] as const) {
      let calls = 0
      for (let seed = 0; seed < runs; seed++) {
        const dice = Dice.make(seed)
        let known = after(dice, 60, usual)
        for (let n = 0; n < 100 && !isAlarmed(known); n++) {
          known = after(dice, 1, { ...usual, factor }, known)
          calls++
        }
      }
      assert.isAtMost(calls / runs, most, `factor ${factor}`)
    }
  })

  it("tells the factor, within a third, and forgets the alarm once the host is as it was", () => {
    const dice = Dice.make(4)
    const slow = after(dice, 20, { ...usual, factor: 3 }, after(dice, 100, usual))
    const state = slow.detectors[host]?.generating ?? Detector.initial
    assert.closeTo((Detector.factor(state) ?? 0) / 3, 1, 1 / 3)
    assert.isFalse(isAlarmed(after(dice, 30, usual, slow)))
  })

  it("takes a change that lasts for the norm at last", () => {
    const dice = Dice.make(9)
    const changed = after(dice, 1500, { ...usual, factor: 2 }, after(dice, 30, usual))
    assert.isFalse(isAlarmed(changed))
  })

  it("compares nothing with predictions from fewer than five samples", () => {
    const few = after(Dice.make(1), 5, usual)
    assert.deepStrictEqual(few.detectors[host], {})
    assert.deepStrictEqual(Object.keys(after(Dice.make(2), 1, usual, few).detectors[host] ?? {}), [
      "prompt",
      "generating"
    ])
  })

  it("does not go by moments: what takes no time is not slow", () => {
    const brief = (millis: number): Predictor.Sample => ({
      host,
      model,
      at: 0,
      promptTokens: 200,
      prompt: Duration.millis(millis)
    })
    let known = Learned.empty
    for (let n = 0; n < 30; n++) known = Learned.observe(known, brief(5))
    for (let n = 0; n < 30; n++) known = Learned.observe(known, brief(20))
    assert.isFalse(known.detectors[host]?.prompt?.isAlarmed)
  })

  it("counts calls that still run, and keeps nothing of them", () => {
    const learned = after(Dice.make(2), 60, usual)
    const hanging: Predictor.Sample = {
      host,
      model,
      at: 1,
      answerTokens: 10,
      generating: Duration.seconds(60)
    }
    const before = structuredClone(learned)
    assert.isTrue(Learned.detectors(learned, host, [hanging, hanging, hanging, hanging]).generating?.isAlarmed)
    assert.isFalse(Learned.detectors(learned, host, [hanging]).generating?.isAlarmed)
    assert.deepStrictEqual(learned, before)
    assert.deepStrictEqual(Learned.detectors(learned, "elsewhere", []), {})
  })

  it("keeps hosts apart, and forgets one that is not used any more", () => {
    const both = Learned.observe(after(Dice.make(2), 20, usual), {
      ...call(Dice.make(3), 1, usual),
      host: "http://two:11434"
    })
    assert.lengthOf(Learned.otherDetectors(both, "http://two:11434"), 1)
    assert.deepStrictEqual(Learned.otherDetectors(both, "http://two:11434"), [both.detectors[host] ?? {}])
    const one = Learned.forget(both, host)
    assert.deepStrictEqual(Object.keys(one.detectors), ["http://two:11434"])
    assert.deepStrictEqual(Object.keys(one.predictor.hosts), ["http://two:11434"])
  })

  it("has no more hosts than the predictor", () => {
    let known = Learned.empty
    for (let n = 0; n < 600; n++)
      known = Learned.observe(known, { ...call(Dice.make(n), n, usual), host: `http://h${n}` })
    assert.deepStrictEqual(Object.keys(known.detectors).sort(), Object.keys(known.predictor.hosts).sort())
    assert.isAtMost(Object.keys(known.detectors).length, 512)
  })

  it("is plain JSON", () => {
    const learned = after(Dice.make(5), 30, { ...usual, factor: 2 }, after(Dice.make(5), 30, usual))
    const json: unknown = JSON.parse(JSON.stringify(learned))
    assert.deepStrictEqual(Schema.decodeUnknownSync(Learned.Learned)(json), learned)
  })
})
