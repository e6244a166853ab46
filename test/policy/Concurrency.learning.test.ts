import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import { Concurrency } from "effect-ollama"
import { services, simulate, timeBetween } from "./concurrencyServer.js"

const { learn, limitOf, nothingLearned } = Concurrency

const sample = (inFlight: number, queueSeconds: number, serviceSeconds = 10): Concurrency.Sample => ({
  inFlight,
  queueSeconds,
  serviceSeconds
})

const learned = (...samples: ReadonlyArray<Concurrency.Sample>): Concurrency.Learning =>
  samples.reduce(learn, nothingLearned)

const times = <A>(n: number, value: A): ReadonlyArray<A> => Array.from({ length: n }, () => value)

const anySample: FastCheck.Arbitrary<Concurrency.Sample> = FastCheck.record({
  inFlight: FastCheck.integer({ min: 1, max: 20 }),
  queueSeconds: FastCheck.oneof(FastCheck.constant(0), FastCheck.double({ min: 0, max: 100, noNaN: true })),
  serviceSeconds: FastCheck.double({ min: 0.001, max: 100, noNaN: true })
})
const anySamples = FastCheck.array(anySample, { maxLength: 200 })

describe("learn", () => {
  it("knows nothing at first, and sets no limit", () => {
    assert.strictEqual(limitOf(nothingLearned), Number.POSITIVE_INFINITY)
    assert.strictEqual(nothingLearned.serviceSeconds, undefined)
  })

  it("sets no limit while nobody waits", () => {
    const learning = learned(sample(1, 0), sample(7, 0.9), sample(30, 0))
    assert.strictEqual(learning.parallelism, 30)
    assert.strictEqual(limitOf(learning), Number.POSITIVE_INFINITY)
  })

  it("sets one as soon as an answer has waited for others", () => {
    assert.strictEqual(limitOf(learned(sample(1, 0), sample(2, 0), sample(3, 10))), 3)
    assert.strictEqual(limitOf(learned(sample(2, 10))), 2)
    // the line is a tenth of the work
    assert.strictEqual(limitOf(learned(sample(2, 0.99))), Number.POSITIVE_INFINITY)
    assert.strictEqual(limitOf(learned(sample(2, 1.01))), 2)
  })

  it("a call that was alone waited for none of ours", () => {
    assert.strictEqual(limitOf(learned(sample(1, 50), sample(1, 500))), Number.POSITIVE_INFINITY)
  })

  it("what a server takes for itself is no queue: a schema as format on a slow processor", () => {
    // recorded: 2.03 of 14.7 seconds, with nobody before it
    const learning = learned(sample(1, 2.03, 14.7), ...times(20, sample(4, 2.03, 14.7)))
    assert.strictEqual(limitOf(learning), Number.POSITIVE_INFINITY)
    // and a few milliseconds are none, however short the answer
    assert.strictEqual(limitOf(learned(...times(20, sample(4, 0.015, 0.03)))), Number.POSITIVE_INFINITY)
  })

  it("nor is everything that a call waited while it was alone: others were there, and have gone", () => {
    const learning = learned(...times(10, sample(1, 60)), sample(2, 5))
    assert.strictEqual(limitOf(learning), 2)
  })

  it("falls by one after two in a row that waited where none should", () => {
    const eight = learned(sample(8, 0), sample(9, 10))
    assert.strictEqual(eight.parallelism, 8)
    const once = learn(eight, sample(6, 10))
    assert.strictEqual(once.parallelism, 8)
    assert.strictEqual(learn(once, sample(7, 10)).parallelism, 7)
    // one that did not wait, with at least as many in flight, speaks against it
    assert.strictEqual(learn(learn(once, sample(6, 0)), sample(7, 10)).parallelism, 8)
    // with fewer in flight it says nothing
    assert.strictEqual(learn(learn(once, sample(5, 0)), sample(7, 10)).parallelism, 7)
  })

  it("rises when calls above the number do not wait, twice as far each time that goes well", () => {
    let learning = learned(sample(2, 10))
    const seen: Array<readonly [number, number, number]> = []
    for (let i = 1; i <= 40; i++) {
      const before = learning.parallelism
      learning = learn(learning, sample(limitOf(learning), 0))
      if (learning.parallelism !== before) seen.push([i, learning.parallelism, limitOf(learning)])
    }
    // eight answers, or two for each that may be in flight
    assert.deepStrictEqual(seen, [
      [8, 2, 4],
      [16, 4, 8],
      [32, 8, 16]
    ])
  })

  it("of a wide server too: less than a fiftieth of the work is nobody's wait", () => {
    const forty = learned(sample(40, 0), sample(41, 10))
    for (const wait of [0, 0.15]) {
      assert.strictEqual(times(82, sample(41, wait)).reduce(learn, forty).parallelism, 41)
    }
  })

  it("falls to what is served when the server has become narrower, though all calls are sent above the number", () => {
    const eight = learned(sample(8, 0), sample(9, 10))
    // nine in flight and two worked on: seven wait before each
    assert.strictEqual([...times(18, sample(9, 35))].reduce(learn, eight).parallelism, 2)
  })

  it("what was sent under a higher limit says nothing when it waited", () => {
    const two = learned(sample(2, 0), sample(3, 10))
    const flood = Array.from({ length: 50 }, (_, i) => sample(4 + i, 10 * (i + 1)))
    assert.strictEqual(flood.reduce(learn, two).parallelism, 2)
  })

  it("the mean follows the newer answers", () => {
    assert.strictEqual(learned(sample(1, 0, 4)).serviceSeconds, 4)
    const mean = learned(sample(1, 0, 4), ...times(30, sample(1, 0, 8))).serviceSeconds ?? 0
    assert.approximately(mean, 8, 0.01)
  })

  it("what is no measurement changes nothing", () => {
    const before = learned(sample(3, 0), sample(4, 10))
    const no = Number.NaN
    const infinite = Number.POSITIVE_INFINITY
    for (const bad of [
      sample(0, 1),
      sample(-1, 1),
      sample(no, 1),
      sample(infinite, 1),
      sample(2, no),
      sample(2, infinite),
      sample(2, 1, 0),
      sample(2, 1, -1),
      sample(2, 1, no),
      sample(2, 1, infinite)
    ]) {
      assert.deepStrictEqual(learn(before, bad), before)
    }
  })

  it.prop(
    "is never under two, never a fraction, and one more than what was learned when it rests",
    [anySamples],
    ([all]) => {
      let learning = nothingLearned
      for (const next of all) {
        learning = learn(learning, next)
        const limit = limitOf(learning)
        assert.isAtLeast(limit, 2)
        if (!learning.hasQueue) assert.strictEqual(limit, Number.POSITIVE_INFINITY)
        else {
          assert.isTrue(Number.isInteger(limit))
          assert.strictEqual(limit, learning.parallelism + learning.headroom)
        }
        assert.isAtLeast(learning.parallelism, 1)
      }
    }
  )

  it.prop(
    "moves at most to the limit in force, and only by what it was shown",
    [anySamples, anySample],
    ([all, next]) => {
      const before = learned(...all)
      const after = learn(before, next)
      if (before.hasQueue) assert.isAtMost(after.parallelism, limitOf(before))
      else assert.isAtMost(after.parallelism, Math.max(1, before.parallelism, next.inFlight))
      // it never forgets that there is a queue
      if (before.hasQueue) assert.isTrue(after.hasQueue)
      if (!before.hasQueue && after.hasQueue)
        assert.isTrue(next.inFlight > 1 && next.queueSeconds > 0.1 * next.serviceSeconds)
    }
  )

  it.prop("does not change what it is given", [anySamples, anySample], ([all, next]) => {
    const before = learned(...all)
    const copy = structuredClone(before)
    learn(before, next)
    assert.deepStrictEqual(before, copy)
  })
})

describe("on a server", () => {
  const seeds = [1, 2, 3, 4, 5]
  const widths = [1, 2, 4, 8]
  const settled = 200
  const calls = 800

  /** Of five runs, the share of the time at these numbers, once it had time to settle. */
  const share = (
    width: number,
    between: readonly [number, number],
    scenario: Omit<Parameters<typeof simulate>[0], "seed" | "calls" | "parallelism">
  ): number => {
    const shares = seeds.map((seed) => {
      const { moments } = simulate({ ...scenario, parallelism: () => width, seed, calls })
      return timeBetween(moments, settled, between)
    })
    return shares.reduce((a, b) => a + b) / shares.length
  }

  for (const [name, service] of Object.entries(services)) {
    for (const width of widths) {
      it(`of ${width}, service ${name}: settles at ${width}`, () => {
        const loads = [
          { callers: 4 * width },
          { callers: width + 1 },
          { rate: (0.7 * width) / 5 },
          { rate: (1.1 * width) / 5 }
        ]
        for (const load of loads) {
          assert.isAtLeast(share(width, [width, width], { service, load }), 0.9, JSON.stringify(load))
        }
        // also where the server itself takes an eighth of the work besides
        assert.isAtLeast(
          share(width, [width, width], { service, load: { rate: (0.7 * width) / 5 }, overhead: 0.13 }),
          0.85
        )
      })

      it(`of ${width}, service ${name}, with another client: settles at what that leaves`, () => {
        for (const taken of [0.1, 0.3]) {
          const left = width * (1 - taken)
          const between = [Math.max(1, Math.floor(left - 1)), Math.ceil(left + 0.5)] as const
          const others = (taken * width) / 5
          const load = { callers: 4 * width }
          assert.isAtLeast(share(width, between, { service, load, others }), 0.8, `${taken} taken`)
        }
      })
    }
  }

  it("keeps every slot busy while it learns", () => {
    for (const width of widths) {
      for (const service of Object.values(services)) {
        const { used } = simulate({ parallelism: () => width, service, load: { callers: 20 }, seed: 1, calls: 400 })
        assert.isAtLeast(used / width, 0.95, `of ${width}`)
      }
    }
  })

  it("follows a server that becomes narrower, and one that becomes wider", () => {
    for (const [before, after] of [
      [8, 2],
      [4, 1],
      [1, 8],
      [2, 4]
    ] as const) {
      for (const seed of seeds) {
        const change = 500
        const { moments } = simulate({
          parallelism: (now) => (now < change ? before : after),
          service: services["one to nine seconds"],
          load: { callers: 32 },
          seed,
          calls: 1200
        })
        const first = moments.findIndex(({ at }) => at >= change)
        assert.strictEqual(moments[first - 1]?.learning.parallelism, before, `${before}, before`)
        assert.isAtLeast(timeBetween(moments, first + 150, [after, after]), 0.9, `${before} to ${after}`)
      }
    }
  })

  it("a server that takes any number is never limited", () => {
    const { moments } = simulate({
      parallelism: () => 1000,
      service: services.exponential,
      load: { callers: 200 },
      seed: 1,
      calls: 2000
    })
    assert.isFalse(moments.at(-1)?.learning.hasQueue)
  })

  it.scoped("through permits, call by call", () =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make(Concurrency.defaults)
      // first come, first served, as Ollama does
      const server = yield* Concurrency.make({ ...Concurrency.defaults, limit: 4 })
      const call = Effect.gen(function* () {
        const came = yield* Clock.currentTimeMillis
        const seconds = 1 + (yield* Random.nextIntBetween(0, 8))
        const began = yield* server.run(Effect.zipLeft(Clock.currentTimeMillis, Effect.sleep(`${seconds} seconds`)))
        return { queueSeconds: (began - came) / 1000, serviceSeconds: seconds }
      })
      const ask = Effect.suspend(() => {
        let permit: Concurrency.Permit | undefined
        const hold = (granted: Concurrency.Permit): void => {
          permit = granted
        }
        const learning = Effect.flatMap(Effect.zip(call, Clock.currentTimeMillis), ([seen, now]) =>
          Effect.sync(() => permit?.release(now, { ...seen, inFlight: permit.inFlight }))
        )
        return permits.run(learning, { hold })
      })
      yield* Effect.fork(
        Effect.all(
          Array.from({ length: 16 }, () => Effect.forever(ask)),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("2 minutes")
      const state = yield* permits.state
      assert.strictEqual(state.learned, 4)
      assert.strictEqual(state.limit, 5)
      assert.strictEqual(state.inFlight, 5)
      assert.strictEqual(state.waiting.normal, 11)
      assert.approximately(Duration.toSeconds(state.meanService ?? 0), 4.5, 2)
    }).pipe(Effect.withRandom(Random.make("a server of four")))
  )
})
