import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { CircuitBreaker } from "effect-ollama"
import { anyBreaker, anyBreakerPatch } from "./breakers.js"

const options = { errors: "all", onExcessProperty: "error" } as const
const encode = Schema.encodeSync(CircuitBreaker.CircuitBreaker)
const decode = Schema.decodeUnknownEither(CircuitBreaker.CircuitBreaker, options)
const decodeChanges = Schema.decodeUnknownEither(CircuitBreaker.Changes, options)

/** Path and message of every problem. */
const problems = (result: Either.Either<unknown, ParseResult.ParseError>): Record<string, string> =>
  Either.match(result, {
    onLeft: (error) =>
      Object.fromEntries(
        ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => [path.join("."), message])
      ),
    onRight: () => ({})
  })

/** The problems of a patch that a program wrote. */
const refused = (patch: CircuitBreaker.Patch): Record<string, string> =>
  problems(
    Either.try({
      try: () => CircuitBreaker.of(patch),
      catch: (error) => (ParseResult.isParseError(error) ? error : assert.fail(String(error)))
    })
  )

describe("the defaults", () => {
  it("are those of the documentation", () => {
    const common = {
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
    assert.deepStrictEqual(encode(CircuitBreaker.hostDefaults), {
      ...common,
      consecutive: 5,
      belief: "off",
      openFor: 1000,
      openMax: 30_000,
      openJitter: 0.25,
      trialLimit: 5000,
      ramp: "off"
    } as never)
    assert.deepStrictEqual(encode(CircuitBreaker.modelDefaults), {
      ...common,
      consecutive: "off",
      belief: 0.95,
      openFor: 5000,
      openMax: 300_000,
      openJitter: 0,
      trialLimit: 30_000,
      ramp: 20_000
    } as never)
  })

  it("say what can be meant", () => {
    for (const value of [CircuitBreaker.hostDefaults, CircuitBreaker.modelDefaults]) {
      assert.deepStrictEqual(CircuitBreaker.contradictions(value), [])
    }
  })
})

describe("the Schema", () => {
  it.prop("goes to JSON and back", [anyBreaker], ([value]) => {
    const json: unknown = JSON.parse(JSON.stringify(encode(value)))
    assert.deepStrictEqual(decode(json), Either.right(value))
  })

  it("refuses every impossible value with its path", () => {
    const bad = {
      mode: "asleep",
      window: { calls: 0, duration: -1, slices: 1.5 },
      minCalls: 0,
      failureRate: 1.1,
      strict: "yes",
      slowRate: 0,
      slowAfter: "soon",
      consecutive: -1,
      failures: 2000,
      belief: 1,
      openFor: 0,
      openFactor: 0.5,
      openMax: "none",
      openJitter: 2,
      trials: 0,
      trialSuccesses: 101,
      trialVerdict: "late",
      trialLimit: "-5 seconds",
      ramp: 0,
      rampFrom: 0,
      rampCurve: 0,
      extra: 1
    }
    const { window, ...rest } = bad
    const paths = [...Object.keys(rest), ...Object.keys(window).map((key) => `window.${key}`)]
    const error = Either.getOrThrow(Either.flip(decode(bad)))
    const found = ParseResult.ArrayFormatter.formatErrorSync(error).map(({ path }) => path.join("."))
    assert.deepStrictEqual([...new Set(found)].sort(), [...paths].sort())
  })

  it("says what may be written in its place", () => {
    const said = problems(
      decodeChanges({ slowAfter: "soon", ramp: -1, window: { calls: "most", duration: [] }, belief: 1 })
    )
    assert.deepStrictEqual(said, {
      slowAfter: 'not a duration: write it as "30 seconds", or in milliseconds',
      ramp: "a negative duration",
      "window.calls": 'a whole number from 1 to 1000, or "all"',
      "window.duration": 'not a duration: write it as "30 seconds", in milliseconds, or "none"',
      belief: 'a probability from 0.5 to below 1, or "off"'
    })
  })

  it("has a JSON Schema", () => {
    const json = JSON.stringify(JSONSchema.make(Schema.encodedSchema(CircuitBreaker.CircuitBreaker)))
    for (const key of Object.keys(CircuitBreaker.hostDefaults)) assert.include(json, `"${key}"`)
  })
})

describe("of", () => {
  it("changes the defaults of a model, or another value; durations as they are written", () => {
    const value = CircuitBreaker.of({
      openFor: "2 seconds",
      trialLimit: 1500,
      ramp: Duration.seconds(3),
      window: { duration: "1 minute" }
    })
    assert.deepStrictEqual(value, {
      ...CircuitBreaker.modelDefaults,
      openFor: Duration.seconds(2),
      trialLimit: Duration.millis(1500),
      ramp: Duration.seconds(3),
      window: { calls: 20, duration: Duration.minutes(1), slices: 10 }
    })
    assert.deepStrictEqual(CircuitBreaker.of({ consecutive: 1 }, CircuitBreaker.hostDefaults), {
      ...CircuitBreaker.hostDefaults,
      consecutive: 1
    })
    assert.deepStrictEqual(CircuitBreaker.of({ consecutive: undefined, window: {} }), CircuitBreaker.modelDefaults)
  })

  it.prop("gives what it was given, or refuses it", [anyBreakerPatch], ([patch]) => {
    const result = Either.try(() => CircuitBreaker.of(patch))
    if (Either.isRight(result)) {
      assert.deepStrictEqual(result.right, { ...CircuitBreaker.modelDefaults, ...patch } as never)
      assert.deepStrictEqual(CircuitBreaker.contradictions(result.right), [])
    } else {
      assert.isNotEmpty(refused(patch))
    }
  })

  it("refuses what a window or a clock can never reach", () => {
    const window = { calls: 3 }
    assert.deepStrictEqual(Object.keys(refused({ window, failureRate: 0.5, minCalls: 4, belief: "off" })), ["minCalls"])
    assert.deepStrictEqual(Object.keys(refused({ window, failures: 4, belief: "off" })), ["failures"])
    // 3 of 3 make sure to 93.75 %
    assert.deepStrictEqual(Object.keys(refused({ window, minCalls: 1 })), ["belief"])
    assert.deepStrictEqual(refused({ window, belief: 0.9375 }), {})
    assert.deepStrictEqual(Object.keys(refused({ strict: true, failureRate: 1 })), ["failureRate"])
    assert.deepStrictEqual(Object.keys(refused({ slowRate: 0.5 })), ["slowAfter"])
    assert.deepStrictEqual(refused({ slowAfter: 5 }), {})
    assert.deepStrictEqual(Object.keys(refused({ openFor: "10 minutes" })), ["openMax"])
    assert.deepStrictEqual(Object.keys(refused({ trials: 2, trialSuccesses: 3 })), ["trialSuccesses"])
    assert.deepStrictEqual(Object.keys(refused({ openFor: "10 minutes", trials: 2, trialSuccesses: 3 })).sort(), [
      "openMax",
      "trialSuccesses"
    ])
  })

  it("refuses unknown keys", () => {
    const patch: object = { openfor: 1, window: { call: 2 } }
    assert.deepStrictEqual(Object.keys(refused(patch)).sort(), ["openfor", "window.call"])
  })
})

describe("equivalence", () => {
  it("is of what values say", () => {
    const { equivalence, hostDefaults, modelDefaults } = CircuitBreaker
    assert.isTrue(equivalence(hostDefaults, { ...hostDefaults, openFor: Duration.millis(1000) }))
    assert.isFalse(equivalence(hostDefaults, { ...hostDefaults, openFor: Duration.millis(1001) }))
    assert.isFalse(equivalence(hostDefaults, modelDefaults))
  })
})
