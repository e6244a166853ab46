import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as ParseResult from "effect/ParseResult"
import { Policy, Retry, Timeouts } from "effect-ollama"
import { anyPatch, anyPolicy } from "./arbitraries.js"

const problemsOf = (error: ParseResult.ParseError): ReadonlyArray<string> =>
  ParseResult.ArrayFormatter.formatErrorSync(error).map((issue) => issue.path.join("."))

/** What is wrong with a policy as JSON, by path. */
const pathsOf = (json: unknown): ReadonlyArray<string> =>
  Either.match(Effect.runSync(Effect.either(Policy.fromJson(json))), {
    onLeft: (error) => [...problemsOf(error)].sort(),
    onRight: () => []
  })

describe("the defaults", () => {
  it("are those of the documentation", () => {
    assert.deepStrictEqual(Policy.toJson(Policy.defaults), {
      timeouts: { connect: "auto", load: "auto", firstToken: "auto", gap: "auto", total: "none" },
      retry: {
        attempts: 3,
        backoff: "exponential",
        baseDelay: 250,
        factor: 2,
        maxDelay: 8000,
        jitter: "full",
        whileOffline: "fail",
        offlineLimit: 600_000
      }
    })
    assert.deepStrictEqual(Policy.make(), Policy.defaults)
    assert.deepStrictEqual(Policy.make({}), Policy.defaults)
    assert.deepStrictEqual(Policy.defaults, { timeouts: Timeouts.defaults, retry: Retry.defaults })
  })

  it("none is one attempt without clocks", () => {
    assert.strictEqual(Policy.none.retry.attempts, 1)
    assert.isTrue(Object.values(Policy.none.timeouts).every((clock) => clock === "none"))
  })

  it("are policies that can be written as JSON and read again", () => {
    for (const policy of [Policy.defaults, Policy.interactive, Policy.batch, Policy.none]) {
      assert.deepStrictEqual(Effect.runSync(Policy.fromJson(JSON.parse(JSON.stringify(Policy.toJson(policy))))), policy)
    }
  })
})

describe("make and merge", () => {
  it("take durations as texts, as milliseconds, and as Durations", () => {
    for (const load of ["20 minutes", 1_200_000, Duration.minutes(20), " 20 minutes "] as const) {
      assert.deepStrictEqual(
        Policy.make({ timeouts: { load: load as Duration.DurationInput } }).timeouts.load,
        Duration.minutes(20)
      )
    }
    const policy = Policy.make({ retry: { baseDelay: 0.5, maxDelay: Duration.micros(1500n) } })
    assert.strictEqual(Duration.toMillis(policy.retry.baseDelay), 0.5)
    assert.strictEqual(Duration.toMillis(policy.retry.maxDelay), 1.5)
  })

  it("leave what is not given, and what is undefined", () => {
    const policy = Policy.make({ timeouts: { gap: 5 } })
    assert.deepStrictEqual(Policy.merge(policy, {}), policy)
    assert.deepStrictEqual(Policy.merge(policy, { timeouts: { gap: undefined }, retry: undefined }), policy)
    const changed = Policy.merge(policy, { timeouts: { load: "none" }, retry: { attempts: 7 } })
    assert.deepStrictEqual(changed.timeouts, { ...policy.timeouts, load: "none" })
    assert.deepStrictEqual(changed.retry, { ...policy.retry, attempts: 7 })
  })

  it("do not change what they are given", () => {
    const before = JSON.stringify(Policy.toJson(Policy.defaults))
    Policy.merge(Policy.defaults, { timeouts: { gap: 1 }, retry: { attempts: 9 } })
    assert.strictEqual(JSON.stringify(Policy.toJson(Policy.defaults)), before)
  })

  it("throw a ParseError that names the field", () => {
    assert.throws(() => Policy.make({ timeouts: { gap: -1 } }), /gap/)
    assert.throws(() => Policy.merge(Policy.defaults, { retry: { attempts: 0 } }), /attempts/)
  })

  it.prop(
    "a later patch wins field by field, whatever is grouped",
    [anyPolicy, anyPatch, anyPatch],
    ([policy, a, b]) => {
      const both = {
        timeouts: { ...a.timeouts, ...b.timeouts },
        retry: { ...a.retry, ...b.retry }
      }
      assert.deepStrictEqual(Policy.merge(Policy.merge(policy, a), b), Policy.merge(policy, both))
    }
  )

  it.prop("a patch twice is a patch once", [anyPolicy, anyPatch], ([policy, patch]) => {
    const once = Policy.merge(policy, patch)
    assert.deepStrictEqual(Policy.merge(once, patch), once)
  })
})

describe("JSON", () => {
  it.prop("any policy comes back as it was", [anyPolicy], ([policy]) => {
    const text = JSON.stringify(Policy.toJson(policy))
    const back = Effect.runSync(Policy.fromJson(JSON.parse(text)))
    assert.strictEqual(JSON.stringify(Policy.toJson(back)), text)
    for (const key of ["load", "gap", "total"] as const) {
      assert.isTrue(Equal.equals(back.timeouts[key], policy.timeouts[key]))
    }
  })

  it.effect("a part of a policy is filled from the defaults", () =>
    Effect.gen(function* () {
      const policy = yield* Policy.fromJson({ timeouts: { gap: "10 seconds" } })
      assert.deepStrictEqual(policy, Policy.make({ timeouts: { gap: "10 seconds" } }))
    })
  )
})

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
      budget: {}
    })
    const wanted = [
      "budget",
      "retry.attempts",
      "retry.baseDelay",
      "retry.extra",
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
})
