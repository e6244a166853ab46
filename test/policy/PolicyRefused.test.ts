import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { Policy } from "effect-ollama"
import { pathsOf, problemsOf } from "./problems.js"

describe("what is refused", () => {
  const clocks = ["connect", "load", "firstToken", "gap", "total"]
  const bad: ReadonlyArray<readonly [string, unknown]> = [
    ["negative", -1],
    ["a negative text", "-5 seconds"],
    ["a negative text with a space", " -5 seconds"],
    ["zero", 0],
    ["minus zero", -0],
    ["zero as a text", "0 seconds"],
    ["NaN", Number.NaN],
    ["infinite", Number.POSITIVE_INFINITY],
    ["infinite as a text", "Infinity"],
    ["an infinite Duration", Duration.infinity],
    ["a Duration of zero", Duration.zero],
    ["a text that is no duration", "soon"],
    ["a number as a text", "5"],
    ["an empty text", ""],
    ["a boolean", true],
    ["null", null],
    ["an object", {}],
    ["an array", [1]]
  ]
  for (const [name, value] of bad) {
    it(`${name}, as a clock and as a delay`, () => {
      for (const clock of clocks)
        assert.deepStrictEqual(pathsOf({ timeouts: { [clock]: value } }), [`timeouts.${clock}`])
      for (const delay of ["baseDelay", "maxDelay", "offlineLimit"]) {
        assert.deepStrictEqual(pathsOf({ retry: { [delay]: value } }), [`retry.${delay}`])
      }
    })
  }

  it("auto and none, where a duration is needed", () => {
    assert.deepStrictEqual(pathsOf({ retry: { baseDelay: "auto", maxDelay: "none" } }), [
      "retry.baseDelay",
      "retry.maxDelay"
    ])
  })

  it("numbers and names that are not possible", () => {
    for (const attempts of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", 101, null]) {
      assert.deepStrictEqual(pathsOf({ retry: { attempts } }), ["retry.attempts"], String(attempts))
    }
    for (const factor of [0, 0.5, -2, Number.NaN, Number.POSITIVE_INFINITY, "2"]) {
      assert.deepStrictEqual(pathsOf({ retry: { factor } }), ["retry.factor"], String(factor))
    }
    for (const key of ["backoff", "jitter", "whileOffline"]) {
      assert.include(pathsOf({ retry: { [key]: "some" } }).join(), `retry.${key}`)
    }
  })

  it("keys that there are not", () => {
    assert.deepStrictEqual(pathsOf({ timeout: {} }), ["timeout"])
    assert.deepStrictEqual(pathsOf({ timeouts: { firsttoken: 1 } }), ["timeouts.firsttoken"])
    assert.deepStrictEqual(pathsOf({ retry: { retries: 1 } }), ["retry.retries"])
  })

  it("what is not an object at all", () => {
    for (const json of [null, 1, "x", [], true, undefined]) assert.lengthOf(pathsOf(json), 1, String(json))
    for (const part of [null, 1, "x", []]) {
      assert.deepStrictEqual(pathsOf({ timeouts: part, retry: part }), ["retry", "timeouts"], String(part))
    }
  })

  it("as a whole, with every problem listed", () => {
    const paths = pathsOf({
      timeouts: { gap: -1, load: "0 seconds", firstToken: "5 seconds", nap: 1 },
      retry: { attempts: 0, baseDelay: Number.NaN, jitter: "none", extra: true },
      budget: { floor: -1, pool: { size: 0, sise: 1 } },
      breaker: { model: { window: { calls: 0 } }, hosts: {} },
      throttle: "on",
      hedging: { max: 4 },
      fallback: [{}, { model: "a", on: ["Boom"] }],
      slow: { factor: 1, least: 0, gap: "off" }
    })
    const wanted = [
      "breaker.hosts",
      "breaker.model.window.calls",
      "budget.floor",
      "budget.pool.sise",
      "budget.pool.size",
      "fallback.0",
      "fallback.1.on.0",
      "hedging.max",
      "retry.attempts",
      "retry.baseDelay",
      "retry.extra",
      "slow.factor",
      "slow.gap",
      "slow.least",
      "throttle",
      "timeouts.gap",
      "timeouts.load",
      "timeouts.nap"
    ]
    assert.deepStrictEqual(paths, wanted)
    const error = Effect.runSync(
      Effect.flip(Policy.fromJson({ timeouts: { gap: -1, load: 0 }, retry: { attempts: 0 } }))
    )
    for (const key of ["gap", "load", "attempts", "negative", "zero"]) assert.include(error.message, key)
  })

  it.prop(
    "never lets a clock pass that is not a positive, finite duration",
    [FastCheck.oneof(FastCheck.double(), FastCheck.string(), FastCheck.anything())],
    ([value]) => {
      const result = Policy.mergeEither(Policy.none, { timeouts: { gap: value as number } })
      if (Either.isLeft(result)) return
      const { gap } = result.right.timeouts
      const isFine = typeof gap === "string" || (Duration.toMillis(gap) > 0 && Duration.isFinite(gap))
      assert.isTrue(isFine, String(value))
    }
  )

  /** Everything switched on, so that every field is there. */
  const everything: unknown = JSON.parse(
    JSON.stringify(
      Policy.toJson(
        Policy.make({
          budget: { pool: {}, deposit: {} },
          concurrency: { admission: {} },
          throttle: {},
          hedging: {},
          fallback: [{ model: "a" }]
        })
      )
    )
  )

  const isGroup = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null

  /** Every field and every group of them, by path. */
  const places = (u: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> => [
    path,
    ...(isGroup(u) ? Object.entries(u).flatMap(([key, value]) => places(value, [...path, key])) : [])
  ]

  const put = (u: unknown, [key, ...rest]: ReadonlyArray<string>, value: unknown): unknown => {
    if (key === undefined) return value
    if (Array.isArray(u)) return u.map((item, i) => (String(i) === key ? put(item, rest, value) : item))
    return isGroup(u) ? { ...u, [key]: put(u[key], rest, value) } : u
  }

  it("keys that there are not, at every depth", () => {
    const groups = places(everything).filter((path) => {
      const at = path.reduce<unknown>((u, key) => (isGroup(u) ? u[key] : undefined), everything)
      return isGroup(at) && !Array.isArray(at)
    })
    assert.isAbove(groups.length, 12)
    for (const path of groups) {
      const json = put(everything, [...path, "bogus"], 1)
      assert.deepStrictEqual(pathsOf(json), [[...path, "bogus"].join(".")])
    }
  })

  it("null, at every depth, once", () => {
    for (const path of places(everything)) {
      const json = put(everything, path, null)
      assert.deepStrictEqual([...new Set(pathsOf(json))], [path.join(".")])
    }
  })

  it("parts that are neither an object nor off, said once", () => {
    for (const part of ["budget", "breaker", "concurrency", "throttle", "hedging", "slow"]) {
      for (const value of ["on", "OFF", 1, true, [], null]) {
        assert.deepStrictEqual(problemsOf({ [part]: value }), [`${part}: neither an object nor "off"`])
      }
    }
    assert.deepStrictEqual(problemsOf({ timeouts: "off" }).length, 1)
    assert.deepStrictEqual(problemsOf({ breaker: { model: 3 } }), ['breaker.model: neither an object nor "off"'])
    assert.deepStrictEqual(problemsOf({ budget: { pool: 3 } }), ['budget.pool: neither an object nor "off"'])
  })

  it("fields that are possible alone, and not together", () => {
    const breaker = { openFor: "10 minutes", trialSuccesses: 2 }
    assert.deepStrictEqual(pathsOf({ breaker: { host: breaker, model: breaker } }), [
      "breaker.host.openMax",
      "breaker.host.trialSuccesses",
      "breaker.model.openMax",
      "breaker.model.trialSuccesses"
    ])
    const one = Policy.make({ breaker: { model: { trials: 3 } } })
    assert.isTrue(Either.isRight(Policy.mergeEither(one, { breaker: { model: { trialSuccesses: 3 } } })))
    assert.isTrue(Either.isLeft(Policy.mergeEither(Policy.defaults, { breaker: { model: { trialSuccesses: 3 } } })))
    assert.throws(
      () => Policy.make({ breaker: { model: { trialSuccesses: 3 } } }),
      /breaker[^]*model[^]*trialSuccesses/
    )
  })

  it("not what is merely odd", () => {
    const odd: ReadonlyArray<Policy.Patch> = [
      { retry: { baseDelay: "1 minute", maxDelay: "1 second" } },
      { timeouts: { total: "1 second", load: "1 minute" } },
      { budget: { share: 0, floor: 0, pool: "off" } },
      { concurrency: { queue: 0 } },
      { hedging: {}, retry: { attempts: 1 } },
      { hedging: {}, budget: "off" },
      { retry: { whileOffline: "wait", offlineLimit: "1 hour" }, timeouts: { total: "1 second" } },
      { fallback: [{ model: "a" }, { model: "a" }] }
    ]
    for (const patch of odd) assert.isTrue(Either.isRight(Policy.mergeEither(Policy.defaults, patch)))
  })
})

describe("localProblem", () => {
  it("lets a part of a program change what has no state, and bypass the rest", () => {
    const allowed: ReadonlyArray<Policy.Patch> = [
      {},
      {
        timeouts: { gap: 1 },
        retry: { attempts: 2, whileOffline: "wait" },
        hedging: { max: 2 },
        fallback: [],
        slow: { least: 1 }
      },
      { budget: "off", breaker: "off", concurrency: "off", throttle: "off", hedging: "off", slow: "off" },
      { breaker: { host: "off" } },
      { breaker: { model: "off", host: undefined }, budget: undefined }
    ]
    for (const patch of allowed) assert.isUndefined(Policy.localProblem(patch), JSON.stringify(patch))
  })

  it.each<readonly [string, Policy.Patch]>([
    ["budget", { budget: { floor: 1 } }],
    ["concurrency", { concurrency: {} }],
    ["throttle", { throttle: { k: 3 } }],
    ["breaker", { breaker: {} }],
    ["breaker.host", { breaker: { host: {}, model: "off" } }],
    ["breaker.model", { breaker: { host: "off", model: { openFor: 1 } } }]
  ])("names %s", (field, patch) => {
    const problem = Policy.localProblem(patch)
    assert.strictEqual(problem?.field, field)
    assert.include(problem?.why, '"off"')
  })
})
