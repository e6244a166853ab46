/** How long is waited: Polly, cockatiel, the AWS SDK, openai-node. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { Policy, Retry } from "effect-ollama"
import { ids, ofKind, optional } from "./cases.js"

const ran: Record<string, Array<string>> = { backoff: [], "retry-after": [] }

/** The first waits of a policy, with the dice as given. */
const waits = (retry: Retry.Retry, count: number, unit: (n: number) => number = () => 0): ReadonlyArray<number> => {
  const out: Array<number> = []
  let state = Retry.initial
  for (let n = 0; n < count; n++) {
    const [delay, next] = Retry.next(retry, state, unit(n))
    out.push(Duration.toMillis(delay))
    state = next
  }
  return out
}

/** A wait that no case reaches. */
const uncapped = Duration.toMillis("3650 days")

const retryOf = (patch: Retry.Patch): Retry.Retry => Policy.make({ retry: patch }).retry

const chance = FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe("delay-list", () => {
  const cases = ofKind(
    "backoff",
    "delay-list",
    Schema.Struct({
      config: Schema.Struct({
        kind: Schema.Literal("exponential", "linear"),
        baseMs: Schema.Number,
        factor: optional(Schema.Number),
        stepMs: optional(Schema.Number),
        capMs: Schema.NullOr(Schema.Number),
        jitter: Schema.Literal("none")
      }),
      // the quota of the first case belongs to the retry budget
      expect: Schema.Struct({ delaysMs: Schema.Array(Schema.Number) })
    })
  )
  for (const { config, expect, id, title } of cases) {
    ran["backoff"]?.push(id)
    it(`${id}: ${title}`, () => {
      if (config.stepMs !== undefined) assert.strictEqual(config.stepMs, config.baseMs)
      const retry = retryOf({
        backoff: config.kind,
        baseDelay: config.baseMs,
        factor: config.factor ?? 2,
        maxDelay: config.capMs ?? uncapped,
        jitter: config.jitter
      })
      assert.deepStrictEqual(waits(retry, expect.delaysMs.length), expect.delaysMs)
    })
  }
})

const property = ofKind(
  "backoff",
  "jitter-property",
  Schema.Struct({
    config: Schema.Struct({ kind: Schema.String, baseMs: optional(Schema.Number), capMs: optional(Schema.Number) }),
    property: Schema.Struct({
      floorMs: Schema.Number,
      attempts: optional(Schema.Array(Schema.Int)),
      baseMsRange: optional(Schema.Tuple(Schema.Number, Schema.Number)),
      cap: optional(Schema.Struct({ baseMs: Schema.Number, capMs: Schema.Number })),
      steps: optional(Schema.Int),
      longRun: optional(Schema.Struct({ baseMs: Schema.Number, capMs: Schema.Number, steps: Schema.Int }))
    })
  })
)

describe("jitter-property: decorrelated (Polly)", () => {
  for (const one of property.filter(({ config }) => config.kind === "decorrelatedV2")) {
    ran["backoff"]?.push(one.id)
    const { attempts = [], baseMsRange = [1, 1], cap, floorMs } = one.property
    const last = Math.max(...attempts)
    const wanted = new Set(attempts)

    it.prop(
      `${one.id}: never below the floor, never above base · 4 · 2^attempt, always finite`,
      [FastCheck.integer({ min: baseMsRange[0], max: baseMsRange[1] }), chance, FastCheck.boolean()],
      ([base, unit, alternates]) => {
        const retry = retryOf({ jitter: "decorrelated", baseDelay: base, maxDelay: uncapped })
        const all = waits(retry, last, (n) => (alternates && n % 2 === 0 ? 0 : unit))
        all.forEach((delay, i) => {
          if (!wanted.has(i + 1)) return
          assert.isTrue(Number.isFinite(delay))
          assert.isAtLeast(delay, floorMs)
          // Polly's attempts count from zero, as the exponent of its formula does
          assert.isAtMost(delay, Math.min(uncapped, base * 4 * 2 ** i))
        })
      },
      { fastCheck: { numRuns: 30 } }
    )

    it.prop(`${one.id}: never above the cap`, [chance], ([unit]) => {
      const { baseMs, capMs } = cap ?? assert.fail("the case has no cap")
      for (const delay of waits(
        retryOf({ jitter: "decorrelated", baseDelay: baseMs, maxDelay: capMs }),
        100,
        () => unit
      )) {
        assert.isAtMost(delay, capMs)
      }
    })
  }
})

describe("jitter-property: any kind (cockatiel)", () => {
  for (const one of property.filter(({ config }) => config.kind === "any")) {
    ran["backoff"]?.push(one.id)
    const { baseMs = 0, capMs = 0 } = one.config
    const { floorMs, longRun, steps = 0 } = one.property
    for (const jitter of ["none", "full", "equal", "decorrelated"] as const) {
      it.prop(
        `${one.id}, ${jitter}: within [0, min(cap, base · 2^k)]`,
        [FastCheck.infiniteStream(chance)],
        ([dice]) => {
          const units = [...dice.take(steps)]
          const all = waits(retryOf({ jitter, baseDelay: baseMs, maxDelay: capMs }), steps, (n) => units[n] ?? 0)
          all.forEach((delay, i) => {
            assert.isAtLeast(delay, floorMs)
            assert.isAtMost(delay, Math.min(capMs, baseMs * 2 ** (i + 1)))
          })
        }
      )

      it.prop(
        `${one.id}, ${jitter}: never NaN in a long run`,
        [chance],
        ([unit]) => {
          const { baseMs, capMs, steps } = longRun ?? assert.fail("the case has no long run")
          const all = waits(retryOf({ jitter, baseDelay: baseMs, maxDelay: capMs }), steps, () => unit)
          assert.isTrue(all.every((delay) => delay >= 0 && delay <= capMs))
        },
        { fastCheck: { numRuns: 20 } }
      )
    }
  }
})

describe("jitter-range: reference (openai-node)", () => {
  const cases = ofKind(
    "backoff",
    "jitter-range",
    Schema.Struct({
      config: Schema.Struct({ baseMs: Schema.Number, factor: Schema.Number, capMs: Schema.Number }),
      rows: Schema.Array(
        Schema.Struct({
          retryIndex: Schema.Int,
          expect: Schema.Struct({ minMs: Schema.Number, maxMs: Schema.Number })
        })
      )
    })
  )
  for (const { config, id, rows } of cases) {
    ran["backoff"]?.push(id)
    it(`${id}: the same upper ends; our equal jitter begins at half where theirs begins at three quarters`, () => {
      const retry = retryOf({
        jitter: "equal",
        baseDelay: config.baseMs,
        factor: config.factor,
        maxDelay: config.capMs
      })
      const upper = waits({ ...retry, jitter: "none" }, rows.length)
      const lower = waits(retry, rows.length, () => 0)
      for (const { expect, retryIndex } of rows) {
        assert.strictEqual(upper[retryIndex], expect.maxMs)
        assert.strictEqual(lower[retryIndex], expect.maxMs / 2)
        assert.isBelow(lower[retryIndex] ?? 0, expect.minMs)
      }
    })
  }
})

const delay = Schema.Union(
  Schema.Struct({ delayMs: Schema.NullOr(Schema.Number), toleranceMs: optional(Schema.Number) }),
  Schema.Literal("backoff")
)

describe("retry-after", () => {
  const clamp = ofKind(
    "retry-after",
    "retry-after-clamp",
    Schema.Struct({
      config: Schema.Struct({ backoffMs: Schema.Number, slackMs: Schema.Number }),
      rows: Schema.Array(
        Schema.Struct({ hintMs: Schema.NullOr(Schema.Number), expect: Schema.Struct({ delayMs: Schema.Number }) })
      )
    })
  )
  for (const { config, id, rows, title } of clamp) {
    ran["retry-after"]?.push(id)
    it(`${id}: ${title}`, () => {
      const retry = retryOf({ jitter: "none", baseDelay: config.backoffMs })
      for (const { expect, hintMs } of rows) {
        const hint = hintMs === null ? undefined : Duration.millis(hintMs)
        assert.strictEqual(Duration.toMillis(Retry.next(retry, Retry.initial, 0.5, hint)[0]), expect.delayMs)
      }
    })
  }

  const parse = ofKind(
    "retry-after",
    "retry-after-parse",
    Schema.Struct({
      config: Schema.Struct({ nowMs: Schema.Number }),
      rows: Schema.Array(
        Schema.Struct({
          header: Schema.NullOr(Schema.String),
          httpDateOffsetMs: optional(Schema.Number),
          isoOffsetMs: optional(Schema.Number),
          expect: Schema.Struct({ delayMs: Schema.NullOr(Schema.Number), toleranceMs: optional(Schema.Number) })
        })
      )
    })
  )
  for (const { config, id, rows, title } of parse) {
    ran["retry-after"]?.push(id)
    for (const row of rows) {
      it(`${id}: ${title}: ${row.header}`, () => {
        const header =
          row.httpDateOffsetMs !== undefined
            ? new Date(config.nowMs + row.httpDateOffsetMs).toUTCString()
            : row.isoOffsetMs !== undefined
              ? new Date(config.nowMs + row.isoOffsetMs).toISOString()
              : row.header
        const headers: Record<string, string> = header === null ? {} : { "retry-after": header }
        const found = Retry.retryAfter(headers, config.nowMs)
        const millis = found === undefined ? null : Duration.toMillis(found)
        if (row.expect.toleranceMs === undefined) assert.strictEqual(millis, row.expect.delayMs)
        else assert.approximately(millis ?? Number.NaN, row.expect.delayMs ?? Number.NaN, row.expect.toleranceMs)
      })
    }
  }

  const precedence = ofKind(
    "retry-after",
    "retry-after-precedence",
    Schema.Struct({
      rows: Schema.Array(
        Schema.Struct({ headers: Schema.Record({ key: Schema.String, value: Schema.String }), expect: delay })
      )
    })
  )
  for (const { id, rows, title } of precedence) {
    ran["retry-after"]?.push(id)
    for (const { expect, headers } of rows) {
      it(`${id}: ${title}: ${JSON.stringify(headers)}`, () => {
        const found = Retry.retryAfter(headers, 0, { maximum: "60 seconds" })
        if (expect === "backoff") assert.isUndefined(found)
        else assert.strictEqual(found === undefined ? null : Duration.toMillis(found), expect.delayMs)
      })
    }
  }
})

describe("the files", () => {
  it("every case was run", () => {
    for (const [family, seen] of Object.entries(ran)) assert.deepStrictEqual([...seen].sort(), [...ids(family)].sort())
  })
})
