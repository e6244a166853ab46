import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import { CircuitBreaker, Concurrency, Hedging, Policy, RetryBudget, Slow, Throttle } from "effect-ollama"
import { anyPatch, anyPolicy } from "./arbitraries.js"
import { pathsOf } from "./problems.js"

const asJson = (u: unknown): unknown => JSON.parse(JSON.stringify(u))

const jsonOf = (patch: Policy.Patch): unknown => asJson(Policy.toJson(Policy.make(patch)))

/** What a part begins with when it was off, and what the parts inside it begin with. */
const begun = {
  outer: jsonOf({ throttle: {}, hedging: {} }),
  inner: jsonOf({ budget: { pool: {}, deposit: {} }, concurrency: { admission: {} } })
}

type Group = Readonly<Record<string, unknown>>

const isGroup = (u: unknown): u is Group => typeof u === "object" && u !== null && !Array.isArray(u)

const under = (u: unknown, key: string): unknown => (isGroup(u) ? u[key] : undefined)

/** The reference: a plain merge of JSON, in which an object over "off" begins with the defaults. */
const mergeJson = (base: unknown, patch: unknown, { inner, outer } = begun): unknown => {
  if (patch === undefined) return base
  const start = [base, outer, inner].find(isGroup)
  if (!isGroup(patch) || start === undefined) return patch
  return Object.fromEntries(
    Object.keys({ ...start, ...patch }).map((key) => [
      key,
      mergeJson(start[key], patch[key], { outer: under(outer, key), inner: under(inner, key) })
    ])
  )
}

const presets = { defaults: Policy.defaults, interactive: Policy.interactive, batch: Policy.batch, none: Policy.none }

describe("the defaults", () => {
  it("are those of the documentation", () => {
    const breaker = {
      mode: "automatic",
      window: { calls: 20, duration: 600_000, slices: 10 },
      minCalls: 20,
      failureRate: "off",
      strict: false,
      slowRate: "off",
      slowAfter: "off",
      failures: "off",
      openFactor: 2,
      trials: 1,
      trialSuccesses: 1,
      trialVerdict: "early",
      rampFrom: 0.1,
      rampCurve: 1
    }
    assert.deepStrictEqual(JSON.parse(JSON.stringify(Policy.toJson(Policy.defaults))), {
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
      },
      budget: {
        share: 0.2,
        floor: 3,
        pool: {
          size: 100,
          initial: "full",
          cost: 1,
          perSuccess: 0.2,
          refund: "none",
          charge: "retries",
          threshold: 0
        },
        deposit: "off"
      },
      breaker: {
        host: {
          ...breaker,
          consecutive: 5,
          belief: "off",
          openFor: 1000,
          openMax: 30_000,
          openJitter: 0.25,
          trialLimit: 5000,
          ramp: "off"
        },
        model: {
          ...breaker,
          consecutive: "off",
          belief: 0.95,
          openFor: 5000,
          openMax: 300_000,
          openJitter: 0,
          trialLimit: 30_000,
          ramp: 20_000
        }
      },
      concurrency: { limit: "learned", queue: "unbounded", admission: "off" },
      throttle: "off",
      hedging: "off",
      fallback: [],
      slow: {
        queue: "auto",
        load: "auto",
        firstToken: "auto",
        gap: "auto",
        total: "auto",
        factor: 4,
        samples: 10,
        least: 2000,
        log: true
      }
    })
    assert.deepStrictEqual(Policy.make(), Policy.defaults)
    assert.deepStrictEqual(Policy.make({}), Policy.defaults)
  })

  it("none is one attempt without clocks and without state", () => {
    const { fallback, retry, timeouts, ...parts } = Policy.none
    assert.strictEqual(retry.attempts, 1)
    assert.isTrue(Object.values(timeouts).every((clock) => clock === "none"))
    assert.isTrue(Object.values(parts).every((part) => part === "off"))
    assert.deepStrictEqual(fallback, [])
  })

  it("interactive refuses what would wait too long", () => {
    assert.deepStrictEqual(Policy.interactive.concurrency, Concurrency.bounded)
  })

  it("are policies that can be written as JSON and read again", () => {
    for (const policy of Object.values(presets)) {
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

  it.prop("are what a plain merge of the JSON gives", [anyPolicy, anyPatch], ([policy, patch]) => {
    const merged = Policy.merge(policy, patch)
    assert.deepStrictEqual(asJson(Policy.toJson(merged)), mergeJson(asJson(Policy.toJson(policy)), patch))
  })

  it.prop("a patch twice is a patch once", [anyPolicy, anyPatch], ([policy, patch]) => {
    const once = Policy.merge(policy, patch)
    assert.isTrue(Policy.equivalence(Policy.merge(once, patch), once))
  })

  it.prop("what a patch does not name stays the same object", [anyPolicy, anyPatch], ([policy, patch]) => {
    const merged = Policy.merge(policy, patch)
    for (const part of [
      "timeouts",
      "retry",
      "budget",
      "breaker",
      "concurrency",
      "throttle",
      "hedging",
      "slow"
    ] as const) {
      if (patch[part] === undefined) assert.strictEqual<unknown>(merged[part], policy[part])
    }
  })
})

describe("a patch", () => {
  it("changes one field, however deep", () => {
    const policy = Policy.make({ breaker: { model: { window: { calls: 50 }, openFor: "10 seconds" } } })
    assert.deepStrictEqual(policy.breaker, {
      host: CircuitBreaker.hostDefaults,
      model: {
        ...CircuitBreaker.modelDefaults,
        window: { ...CircuitBreaker.modelDefaults.window, calls: 50 },
        openFor: Duration.seconds(10)
      }
    })
  })

  it("switches parts off", () => {
    const policy = Policy.make({
      budget: "off",
      breaker: { host: "off" },
      concurrency: "off"
    })
    assert.deepStrictEqual([policy.budget, policy.concurrency], ["off", "off"])
    assert.deepStrictEqual(policy.breaker, { host: "off", model: CircuitBreaker.modelDefaults })
    assert.strictEqual(Policy.make({ breaker: "off" }).breaker, "off")
  })

  it("begins with the defaults of what was off", () => {
    const policy = Policy.merge(Policy.none, {
      budget: {},
      breaker: { model: { openFor: "10 seconds" } },
      concurrency: { limit: 2, admission: { target: "1 second" } },
      throttle: {},
      hedging: { max: 2 },
      slow: { factor: 3 }
    })
    assert.deepStrictEqual(policy.budget, RetryBudget.defaults)
    assert.deepStrictEqual(policy.breaker, {
      host: CircuitBreaker.hostDefaults,
      model: { ...CircuitBreaker.modelDefaults, openFor: Duration.seconds(10) }
    })
    assert.deepStrictEqual(policy.concurrency, {
      ...Concurrency.defaults,
      limit: 2,
      admission: { target: Duration.seconds(1), interval: Duration.seconds(10) }
    })
    assert.deepStrictEqual(policy.throttle, Throttle.defaults)
    assert.deepStrictEqual(policy.hedging, { ...Hedging.defaults, max: 2 })
    assert.deepStrictEqual(policy.slow, { ...Slow.defaults, factor: 3 })
    const single = Policy.merge(Policy.make({ breaker: { host: "off", model: "off" } }), { breaker: { host: {} } })
    assert.deepStrictEqual(single.breaker, { host: CircuitBreaker.hostDefaults, model: "off" })
  })

  it("replaces arrays whole", () => {
    const policy = Policy.make({ fallback: [{ model: "a" }, { host: "b" }] })
    assert.deepStrictEqual(Policy.merge(policy, { fallback: [{ model: "c" }] }).fallback, [{ model: "c" }])
    assert.deepStrictEqual(Policy.merge(policy, { fallback: [] }).fallback, [])
    assert.deepStrictEqual(Policy.merge(policy, {}).fallback, policy.fallback)
  })
})

describe("JSON", () => {
  it.prop("any policy comes back as it was", [anyPolicy], ([policy]) => {
    const text = JSON.stringify(Policy.toJson(policy))
    const back = Effect.runSync(Policy.fromJson(JSON.parse(text)))
    assert.strictEqual(JSON.stringify(Policy.toJson(back)), text)
    assert.isTrue(Policy.equivalence(back, policy))
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

  it.effect("may name its JSON Schema", () =>
    Effect.gen(function* () {
      const policy = yield* Policy.fromJson({ $schema: "./policy.schema.json", retry: { attempts: 2 } })
      assert.deepStrictEqual(policy, Policy.make({ retry: { attempts: 2 } }))
      assert.notProperty(Policy.toJson(policy), "$schema")
      assert.deepStrictEqual(pathsOf({ $schema: 1 }), ["$schema"])
    })
  )

  it.prop("equivalence tells policies apart", [anyPolicy, anyPatch], ([policy, patch]) => {
    const merged = Policy.merge(policy, patch)
    const isSame = JSON.stringify(Policy.toJson(merged)) === JSON.stringify(Policy.toJson(policy))
    assert.strictEqual(Policy.equivalence(policy, merged), isSame)
  })
})
