import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { OllamaClient, Policy } from "effect-ollama"
import { expectTag, failsAt } from "../support/clock.js"
import { anyPolicy } from "./arbitraries.js"
import { failure, json } from "../support/replies.js"
import { make } from "../support/server.js"

const isGroup = (u: unknown): u is Readonly<Record<string, unknown>> => typeof u === "object" && u !== null

const env = (variables: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const read = (variables: Readonly<Record<string, string>>) => Effect.suspend(() => Policy.config).pipe(env(variables))

describe("Policy.config", () => {
  it.effect("nothing set: the defaults", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({}), Policy.defaults)
      assert.deepStrictEqual(yield* read({ OLLAMA_POLICY: "", OLLAMA_POLICY_RETRY_ATTEMPTS: "" }), Policy.defaults)
    })
  )

  it.effect("OLLAMA_POLICY is JSON", () =>
    Effect.gen(function* () {
      const OLLAMA_POLICY = JSON.stringify({ timeouts: { gap: "10 seconds", total: 5000 }, retry: { attempts: 5 } })
      const wanted = Policy.make({ timeouts: { gap: "10 seconds", total: 5000 }, retry: { attempts: 5 } })
      assert.deepStrictEqual(yield* read({ OLLAMA_POLICY }), wanted)
    })
  )

  it.effect("each field has a variable, which wins over the JSON", () =>
    Effect.gen(function* () {
      const policy = yield* read({
        OLLAMA_POLICY: JSON.stringify({ timeouts: { gap: "10 seconds", load: 1 }, retry: { attempts: 5 } }),
        OLLAMA_POLICY_TIMEOUTS_CONNECT: "3 seconds",
        OLLAMA_POLICY_TIMEOUTS_LOAD: "none",
        OLLAMA_POLICY_TIMEOUTS_FIRST_TOKEN: "45000",
        OLLAMA_POLICY_TIMEOUTS_TOTAL: " 2 minutes ",
        OLLAMA_POLICY_RETRY_ATTEMPTS: "7",
        OLLAMA_POLICY_RETRY_BACKOFF: "linear",
        OLLAMA_POLICY_RETRY_BASE_DELAY: "1 second",
        OLLAMA_POLICY_RETRY_FACTOR: "1.5",
        OLLAMA_POLICY_RETRY_MAX_DELAY: "60000",
        OLLAMA_POLICY_RETRY_JITTER: "equal",
        OLLAMA_POLICY_RETRY_OFFLINE_LIMIT: "1 hour"
      })
      const wanted = Policy.make({
        timeouts: { connect: "3 seconds", load: "none", firstToken: 45_000, gap: "10 seconds", total: "2 minutes" },
        retry: {
          attempts: 7,
          backoff: "linear",
          baseDelay: "1 second",
          factor: 1.5,
          maxDelay: "1 minute",
          jitter: "equal",
          offlineLimit: "1 hour"
        }
      })
      assert.deepStrictEqual(policy, wanted)
    })
  )

  const bad: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, ReadonlyArray<string>]> = [
    ["JSON that is none", { OLLAMA_POLICY: "{" }, ["OLLAMA_POLICY"]],
    ["JSON that is no object", { OLLAMA_POLICY: "[]" }, ["OLLAMA_POLICY"]],
    [
      "impossible values in the JSON",
      { OLLAMA_POLICY: '{"timeouts":{"gap":-1,"load":0},"retries":1}' },
      ["gap", "negative", "load", "zero", "retries"]
    ],
    [
      "impossible values in variables",
      {
        OLLAMA_POLICY_TIMEOUTS_GAP: "-1 second",
        OLLAMA_POLICY_RETRY_ATTEMPTS: "0",
        OLLAMA_POLICY_RETRY_JITTER: "some"
      },
      ["OLLAMA_POLICY_TIMEOUTS_GAP", "negative", "OLLAMA_POLICY_RETRY_ATTEMPTS", "OLLAMA_POLICY_RETRY_JITTER"]
    ],
    [
      "the JSON and variables together",
      { OLLAMA_POLICY: '{"retries":1}', OLLAMA_POLICY_BREAKER_MODEL_STRICT: "maybe", OLLAMA_POLICY_HEDGING_MAX: "two" },
      ["retries", "OLLAMA_POLICY_BREAKER_MODEL_STRICT", "OLLAMA_POLICY_HEDGING_MAX"]
    ],
    [
      "a part that is neither on nor off",
      { OLLAMA_POLICY_BREAKER: "of", OLLAMA_POLICY_THROTTLE: "{}" },
      ["OLLAMA_POLICY_BREAKER", "OLLAMA_POLICY_THROTTLE", '"on" or "off"']
    ],
    [
      "a field of a part that is off",
      { OLLAMA_POLICY_BREAKER_MODEL: "off", OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR: "1 second" },
      ["OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR", "OLLAMA_POLICY_BREAKER_MODEL is off"]
    ],
    [
      "fields that do not go together",
      { OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR: "10 minutes" },
      ["breaker.model.openMax", "less than openFor"]
    ],
    [
      "a section of the JSON that is no object",
      { OLLAMA_POLICY: '{"retry":3}', OLLAMA_POLICY_RETRY_ATTEMPTS: "2" },
      ["retry"]
    ]
  ]
  for (const [name, variables, words] of bad) {
    it.effect(`refuses ${name}, and lists what is wrong`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(read(variables))
        assert.isTrue(ConfigError.isConfigError(error))
        for (const word of words) assert.include(String(error), word)
      })
    )
  }
})

describe("Policy.variables", () => {
  const byName = (name: string) => Policy.variables.find((variable) => variable.name === name)

  it("are one for each field, with what can be written and what it is for", () => {
    const names = Policy.variables.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    for (const { description, field, name, values } of Policy.variables) {
      assert.match(name, /^OLLAMA_POLICY(_[A-Z]+)+$/)
      assert.isAbove(description.length, 10, field)
      assert.isAbove(values.length, 0, field)
    }
    assert.deepStrictEqual(byName("OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR"), {
      name: "OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR",
      field: "breaker.model.openFor",
      values: "a duration",
      description: "The first wait before a call is let through to try."
    })
    const values = (name: string) => byName(name)?.values
    assert.strictEqual(values("OLLAMA_POLICY_TIMEOUTS_GAP"), "a duration, auto, none")
    assert.strictEqual(values("OLLAMA_POLICY_RETRY_BACKOFF"), "exponential, linear, constant")
    assert.strictEqual(values("OLLAMA_POLICY_BREAKER_HOST_STRICT"), "true, false")
    assert.strictEqual(values("OLLAMA_POLICY_CONCURRENCY_LIMIT"), "a number, learned")
    assert.strictEqual(values("OLLAMA_POLICY_BREAKER_HOST"), "on, off")
  })

  it.effect.prop(
    "any policy can be written with them",
    [anyPolicy],
    ([policy]) =>
      Effect.gen(function* () {
        const json: unknown = JSON.parse(JSON.stringify(Policy.toJson(policy)))
        const given = Policy.variables.flatMap(({ field, name }) => {
          const value = field.split(".").reduce<unknown>((u, key) => (isGroup(u) ? u[key] : undefined), json)
          return value === undefined || isGroup(value) ? [] : [[name, String(value)] as const]
        })
        // what is no single value, and parts that are on without a field of their own
        const cost =
          policy.budget !== "off" && policy.budget.pool !== "off"
            ? { budget: { pool: { cost: policy.budget.pool.cost } } }
            : {}
        const rest = { ...cost, fallback: policy.fallback }
        const back = yield* read({ ...Object.fromEntries(given), OLLAMA_POLICY: JSON.stringify(rest) })
        assert.deepStrictEqual(Policy.toJson(back), Policy.toJson(policy))
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect("on gives a part's defaults where it was off, and changes nothing where it was not", () =>
    Effect.gen(function* () {
      const policy = yield* read({
        OLLAMA_POLICY: '{"breaker":{"model":{"openFor":"9 seconds"}},"concurrency":"off"}',
        OLLAMA_POLICY_HEDGING: "on",
        OLLAMA_POLICY_CONCURRENCY: "on",
        OLLAMA_POLICY_BREAKER: " on ",
        OLLAMA_POLICY_BREAKER_MODEL: "on",
        OLLAMA_POLICY_BREAKER_HOST: "off",
        OLLAMA_POLICY_BUDGET_DEPOSIT: "on"
      })
      const wanted = Policy.make({
        hedging: {},
        breaker: { host: "off", model: { openFor: "9 seconds" } },
        budget: { deposit: {} }
      })
      assert.deepStrictEqual(policy, wanted)
    })
  )

  it.effect("truths are written as everywhere", () =>
    Effect.gen(function* () {
      for (const [text, strict] of [
        ["true", true],
        ["YES", true],
        ["1", true],
        ["off", false],
        ["0", false]
      ] as const) {
        const policy = yield* read({ OLLAMA_POLICY_BREAKER_HOST_STRICT: text })
        assert.deepStrictEqual(policy, Policy.make({ breaker: { host: { strict } } }))
      }
    })
  )

  it.effect("change another policy than the defaults", () =>
    Effect.gen(function* () {
      const over = Effect.suspend(() => Policy.configOver(Policy.batch)).pipe(
        env({ OLLAMA_POLICY_RETRY_ATTEMPTS: "9" })
      )
      assert.deepStrictEqual(yield* over, Policy.merge(Policy.batch, { retry: { attempts: 9 } }))
      assert.deepStrictEqual(yield* Effect.suspend(() => Policy.configOver(Policy.batch)).pipe(env({})), Policy.batch)
    })
  )
})

describe("layerConfig", () => {
  const version = Effect.flatMap(OllamaClient.OllamaClient, (client) => client.version())

  it.effect("reads OLLAMA_HOST, OLLAMA_API_KEY and the policy", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": failure(503, "busy") })
      const call = version.pipe(
        Effect.provide(Layer.provide(OllamaClient.layerConfig(), server.layer)),
        env({
          OLLAMA_HOST: "gpu-box:9999",
          OLLAMA_API_KEY: "key",
          OLLAMA_POLICY_RETRY_ATTEMPTS: "2",
          OLLAMA_POLICY_RETRY_JITTER: "none",
          OLLAMA_POLICY_RETRY_BASE_DELAY: "2 seconds"
        })
      )
      expectTag(yield* failsAt(call, 2000), "Overloaded")
      assert.deepStrictEqual(
        server.seen.map(({ at, headers, url }) => [at, url, headers.authorization]),
        [
          [0, "http://gpu-box:9999/api/version", "Bearer key"],
          [2000, "http://gpu-box:9999/api/version", "Bearer key"]
        ]
      )
    })
  )

  it.effect("options that are given win over the environment", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": json({ version: "1" }) })
      yield* version.pipe(
        Effect.provide(
          Layer.provide(
            OllamaClient.layerConfig({ host: Config.succeed("other:1"), apiKey: Config.succeed(Redacted.make("own")) }),
            server.layer
          )
        ),
        env({ OLLAMA_HOST: "gpu-box:9999", OLLAMA_API_KEY: "key" })
      )
      assert.strictEqual(server.seen[0]?.url, "http://other:1/api/version")
      assert.strictEqual(server.seen[0]?.headers.authorization, "Bearer own")
    })
  )

  it.effect("a broken address fails with the field host, a broken policy as a ConfigError, and nothing is sent", () =>
    Effect.gen(function* () {
      const server = make({})
      const run = (variables: Readonly<Record<string, string>>) =>
        Effect.flip(
          version.pipe(Effect.provide(Layer.provide(OllamaClient.layerConfig(), server.layer)), env(variables))
        )
      const address = expectTag(yield* run({ OLLAMA_HOST: "ftp://x" }), "InvalidRequest")
      assert.strictEqual(address.field, "host")
      assert.strictEqual(address.issue, "address")
      assert.isTrue(ConfigError.isConfigError(yield* run({ OLLAMA_POLICY: "{" })))
      assert.lengthOf(server.seen, 0)
    })
  )

  it.effect("layer never reads the environment", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": json({ version: "1" }) })
      yield* version.pipe(
        Effect.provide(Layer.provide(OllamaClient.layer(), server.layer)),
        env({ OLLAMA_HOST: "gpu-box:9999", OLLAMA_POLICY: "{" })
      )
      assert.strictEqual(server.seen[0]?.url, "http://127.0.0.1:11434/api/version")
    })
  )
})
