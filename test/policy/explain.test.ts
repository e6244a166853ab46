/**
 * What a policy says of itself. After a change that is meant:
 *
 *     npx vitest run test/policy/explain.test.ts --update
 */
import { assert, describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { Policy } from "effect-ollama"
import { anyPolicy } from "./arbitraries.js"

const causes = ["unreachable", "slow", "overloaded", "blocked"] as const

/** Everything is on, and every figure is at work. */
const everything = Policy.make({
  timeouts: { connect: "1 second", load: "2 minutes", firstToken: "40 seconds", gap: "9 seconds", total: "5 minutes" },
  retry: { attempts: 10, whileOffline: "wait" },
  budget: { pool: { threshold: 0.1, refund: "lastRetry" }, deposit: {} },
  breaker: {
    host: {
      trials: 3,
      failures: 8,
      failureRate: 0.5,
      slowRate: 0.4,
      slowAfter: "20 seconds",
      belief: 0.9,
      ramp: "3 seconds"
    },
    model: { trials: 3, failures: 9, failureRate: 0.6, slowRate: 0.3, slowAfter: "2 minutes", consecutive: 7 }
  },
  concurrency: { limit: 2, queue: 50, admission: {} },
  throttle: {},
  hedging: { after: "3 seconds" },
  fallback: [{ model: "small" }, { host: "gpu", on: ["Unreachable", "Timeout"] }, { model: "tiny", host: "cpu" }],
  slow: { queue: "1 minute", gap: "3 seconds", total: "none", factor: 3 }
})

describe("explain", () => {
  it.each(
    Object.entries({
      defaults: Policy.defaults,
      interactive: Policy.interactive,
      batch: Policy.batch,
      none: Policy.none,
      everything
    })
  )("%s", async (name, policy) => {
    await expect(`${Policy.explainText(policy)}\n`).toMatchFileSnapshot(`./explained/${name}.txt`)
  })

  it("the text is the sentences under their headings", () => {
    const explanation = Policy.explain(everything)
    const text = Policy.explainText(everything)
    for (const cause of causes) {
      assert.include(text, explanation[cause].map((sentence) => `- ${sentence}`).join("\n"))
    }
    assert.strictEqual(text.split("\n\n").length, causes.length)
  })

  it.prop("any policy, in whole sentences, for each cause", [anyPolicy], ([policy]) => {
    const explanation = Policy.explain(policy)
    assert.deepStrictEqual(Object.keys(explanation), [...causes])
    for (const cause of causes) {
      assert.isAtLeast(explanation[cause].length, 2)
      for (const sentence of explanation[cause]) {
        assert.match(sentence, /^[A-Z][^\n]*[.]$/)
        assert.notMatch(sentence, /undefined|NaN|Infinity|\[object|null/)
      }
    }
  })

  const put = (u: unknown, [key, ...rest]: ReadonlyArray<string>, value: unknown): unknown =>
    key === undefined ? value : { ...(Predicate.isRecord(u) ? u : {}), [key]: put(undefined, rest, value) }

  const words =
    "7 millis,50 seconds,3 hours,auto,none,off,exponential,linear,constant,full,equal,decorrelated,fail,wait,retries," +
    "failures,lastRetry,learned,unbounded,all,automatic,forcedOpen,disabled,observeOnly,early,complete"

  const candidates = [1, 2, 4, 30, 0.05, 0.25, 0.7, 0.99, true, false, ...words.split(",")]

  for (const { field } of Policy.variables) {
    it(`a change of ${field} can be read`, () => {
      const before = Policy.explainText(everything)
      const changed = candidates.flatMap((value) => {
        const patch = Either.getRight(Policy.decodeUnknownPatch(put({}, field.split("."), value)))
        if (patch._tag === "None") return []
        const policy = Either.getRight(Policy.applyEither(everything, patch.value))
        return policy._tag === "None" || Policy.equivalence(policy.value, everything) ? [] : [policy.value]
      })
      assert.isAtLeast(changed.length, 1)
      for (const policy of changed) {
        assert.notStrictEqual(Policy.explainText(policy), before, JSON.stringify(Policy.toJson(policy)))
      }
    })
  }

  it("what has no effect is not said", () => {
    const text = (patch: Policy.Patch) => Policy.explainText(Policy.make(patch))
    assert.notInclude(text({ retry: { attempts: 1 } }), "budget")
    assert.include(text({ retry: { attempts: 1 }, hedging: {} }), "budget")
    assert.notInclude(text({ breaker: { model: { belief: "off" } } }), "outcomes")
    assert.include(text({ breaker: { model: { belief: "off" } } }), "it never opens")
    assert.notInclude(text({ fallback: [{ model: "small", on: ["MalformedOutput"] }] }), "small")
  })

  it("a fallback is said where it helps", () => {
    const { blocked, overloaded, slow, unreachable } = Policy.explain(Policy.make({ fallback: [{ model: "small" }] }))
    const says = (sentences: ReadonlyArray<string>) => sentences.some((sentence) => sentence.includes("model small"))
    assert.deepStrictEqual([unreachable, slow, overloaded, blocked].map(says), [false, true, true, false])
  })
})
