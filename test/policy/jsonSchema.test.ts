/**
 * The JSON Schema of a policy. The file in the package is written with
 *
 *     npx vitest run test/policy/jsonSchema.test.ts --update
 */
import { assert, describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { Policy } from "effect-ollama"
import * as prettier from "prettier"
import { anyPatch, anyPolicy } from "./arbitraries.js"
import { isValid } from "./validate.js"

const schema = Policy.jsonSchema()

const accepts = (json: unknown): boolean => isValid(schema, json)
const isPolicy = (json: unknown): boolean => Either.isRight(Policy.decodeUnknownPatch(json))

type Group = Readonly<Record<string, unknown>>

const isGroup = (u: unknown): u is Group => typeof u === "object" && u !== null && !Array.isArray(u)

describe("the JSON Schema", () => {
  it("is in the package as policy.schema.json", async () => {
    const text = await prettier.format(JSON.stringify(schema), { parser: "json", printWidth: 120 })
    await expect(text).toMatchFileSnapshot("../../policy.schema.json")
  })

  it("says for every field what it is for and what it is when it is absent", () => {
    const fields: Array<string> = []
    const visit = (u: unknown, path: string): void => {
      if (!isGroup(u)) return
      for (const option of Array.isArray(u.anyOf) ? u.anyOf : []) visit(option, path)
      for (const [key, field] of Object.entries(isGroup(u.properties) ? u.properties : {})) {
        if (!isGroup(field) || key === "$schema") continue
        const at = path === "" ? key : `${path}.${key}`
        // the two prices of a token are said with their field
        if (path.endsWith(".cost")) continue
        fields.push(at)
        assert.isString(field.description, at)
        const isSection = field.type === "object" || JSON.stringify(field.anyOf ?? "").includes('"properties"')
        if (!isSection) assert.property(field, "default", at)
        visit(field, at)
      }
    }
    visit(schema, "")
    for (const { field } of Policy.variables) assert.include(fields, field)
    assert.includeMembers(fields, ["timeouts", "timeouts.gap", "breaker.model.window.calls", "fallback"])
  })

  it("has the defaults as people write them", () => {
    const at = (...path: ReadonlyArray<string>): unknown =>
      path.reduce<unknown>((u, key) => {
        const options = isGroup(u) && Array.isArray(u.anyOf) ? [u, ...u.anyOf] : [u]
        return options.flatMap((option) =>
          isGroup(option) && isGroup(option.properties) ? [option.properties[key]] : []
        )[0]
      }, schema)
    const defaults = (...path: ReadonlyArray<string>): unknown => {
      const field = at(...path)
      return isGroup(field) ? field.default : undefined
    }
    assert.strictEqual(defaults("retry", "baseDelay"), "250 millis")
    assert.strictEqual(defaults("retry", "offlineLimit"), "10 minutes")
    assert.strictEqual(defaults("breaker", "host", "openFor"), "1 second")
    assert.strictEqual(defaults("breaker", "model", "openFor"), "5 seconds")
    assert.strictEqual(defaults("throttle"), "off")
    assert.strictEqual(defaults("throttle", "window"), "2 minutes")
    assert.strictEqual(defaults("concurrency", "admission", "target"), "10 seconds")
    assert.deepStrictEqual(defaults("fallback"), [])
  })

  it("has as defaults what gives the defaults", () => {
    const defaultsOf = (u: unknown): unknown => {
      if (!isGroup(u)) return undefined
      if ("default" in u) return u.default
      const options = [u, ...(Array.isArray(u.anyOf) ? u.anyOf : [])]
      const section = options.find((option): option is Group => isGroup(option) && isGroup(option.properties))
      if (section === undefined || !isGroup(section.properties)) return undefined
      const { $schema: _, ...properties } = section.properties
      return Object.fromEntries(Object.entries(properties).map(([key, field]) => [key, defaultsOf(field)]))
    }
    const written = defaultsOf(schema)
    assert.isTrue(accepts(written))
    assert.deepStrictEqual(Either.getOrThrow(Policy.decodeUnknownPatch(written)), Policy.defaults)
  })
})

describe("what it accepts", () => {
  it("files as people write them", () => {
    const files: ReadonlyArray<unknown> = [
      {},
      { $schema: "./policy.schema.json" },
      { timeouts: { load: "20 minutes", total: "none", gap: 5000, connect: " 1.5 seconds " } },
      { breaker: "off", budget: { pool: "off" }, throttle: {}, hedging: { after: "auto" } },
      { breaker: { model: { openFor: "10 seconds", window: { calls: "all" }, slowAfter: "off" }, host: "off" } },
      { budget: { pool: { cost: { transient: 5, throttling: 1 }, initial: "full" } } },
      { concurrency: { limit: 2, queue: "unbounded", admission: { target: "1 second" } } },
      { fallback: [{ model: "small" }, { host: "gpu", on: ["Timeout"] }] }
    ]
    for (const file of files) assert.isTrue(accepts(file), JSON.stringify(file))
  })

  it("not what no policy is", () => {
    const files: ReadonlyArray<unknown> = [
      null,
      [],
      "off",
      { retries: 1 },
      { timeouts: "off" },
      { timeouts: { gap: 0 } },
      { timeouts: { gap: "0 seconds" } },
      { timeouts: { gap: "-1 second" } },
      { timeouts: { gap: "5" } },
      { retry: { baseDelay: "auto" } },
      { retry: { attempts: 1.5 } },
      { breaker: { model: { strict: "yes" } } },
      { breaker: { modell: {} } },
      { hedging: { after: "none" } },
      { fallback: [{}] },
      { fallback: [{ model: " " }] },
      { fallback: [{ model: "a", on: [] }] },
      { fallback: {} }
    ]
    for (const file of files) assert.isFalse(accepts(file), JSON.stringify(file))
  })

  it.prop("every policy, and every patch", [anyPolicy, anyPatch], ([policy, patch]) => {
    assert.isTrue(accepts(JSON.parse(JSON.stringify(Policy.toJson(policy)))))
    assert.isTrue(accepts(JSON.parse(JSON.stringify(patch))))
  })

  const junk = FastCheck.oneof(
    FastCheck.constantFrom(-1, 0, 0.5, 1, 1.5, 3, 1001, 1e7, null, true, "", "x", "off", "on", "auto", "none", [], {}, [
      {}
    ]),
    FastCheck.constantFrom(
      "all",
      "full",
      "learned",
      "5 seconds",
      "0.0 seconds",
      "0.5 millis",
      "10",
      "-5 seconds",
      "1  day"
    ),
    FastCheck.tuple(FastCheck.nat(100), FastCheck.constantFrom("nano", "micros", "milli", "weeks", "years")).map(
      ([n, unit]) => `${n} ${unit}`
    )
  )

  /** Another value, or another key, at some place. */
  const spoil = (u: unknown, path: ReadonlyArray<number>, value: unknown): unknown => {
    const [at, ...rest] = path
    if (!isGroup(u) || at === undefined) return value
    const keys = [...Object.keys(u), "bogus"]
    const key = keys[at % keys.length] ?? "bogus"
    return { ...u, [key]: spoil(u[key], rest, value) }
  }

  it.prop(
    "exactly what a policy accepts",
    [anyPolicy, FastCheck.array(FastCheck.nat(30), { minLength: 1, maxLength: 4 }), junk],
    ([policy, path, value]) => {
      const json = spoil(JSON.parse(JSON.stringify(Policy.toJson(policy))), path, value)
      assert.strictEqual(accepts(json), isPolicy(json), JSON.stringify(json))
    },
    { fastCheck: { numRuns: 1000 } }
  )
})
