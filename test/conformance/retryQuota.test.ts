/** What retries cost and what they are paid back: the AWS SDK, before and since revision 2.1. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { OllamaError, Policy, RetryBudget } from "effect-ollama"
import { within } from "../support/clock.js"
import { ids, ofKind, optional } from "./cases.js"

const ran: Array<string> = []

const decode = Schema.decodeUnknown(RetryBudget.RetryBudget)

/** The quota alone. */
const quota = (pool: object) => Effect.flatMap(decode({ share: 1, floor: 1, deposit: "off", pool }), RetryBudget.make)

const transient = new OllamaError.Unreachable({ reason: "reset" })
const throttling = new OllamaError.Overloaded({ by: "server" })

describe("quota-sequence", () => {
  const Cost = Schema.Record({ key: Schema.String, value: Schema.Number })
  const cases = ofKind(
    "retry-quota",
    "quota-sequence",
    Schema.Struct({
      config: Schema.Struct({
        maxAttempts: Schema.Int,
        initialQuota: Schema.Number,
        maxQuota: Schema.Number,
        cost: Cost,
        baseMs: Cost,
        capMs: Schema.Number,
        jitter: Schema.Literal(1),
        refundOnSuccessAfterRetry: Schema.Literal("cost of the last retry"),
        refundOnFirstTrySuccess: Schema.Number
      }),
      steps: Schema.Array(
        Schema.Struct({
          reply: Schema.Union(Schema.Struct({ status: Schema.Int }), Schema.Struct({ kind: Schema.String })),
          expect: Schema.Struct({
            outcome: Schema.Literal("retry", "success", "quota-exhausted", "attempts-exhausted"),
            quotaAfter: Schema.Number,
            delayMs: optional(Schema.Number)
          })
        })
      )
    })
  )

  for (const { config, id, steps, title } of cases) {
    ran.push(id)
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        // all failures of a case are of one kind: `transient` since revision 2.1, `server` before
        const kind = config.cost["server"] === undefined ? "transient" : "server"
        const cost = config.cost[kind] ?? assert.fail("no cost")
        const baseDelay = config.baseMs[kind] ?? assert.fail("no base")
        const budget = yield* quota({
          size: config.maxQuota,
          initial: config.initialQuota,
          cost: { transient: cost, throttling: config.cost["throttling"] ?? cost },
          perSuccess: config.refundOnFirstTrySuccess,
          refund: "lastRetry",
          charge: "retries",
          threshold: 0
        })
        const { retry } = Policy.make({
          // a random chance of 1 is the whole wait
          retry: { attempts: config.maxAttempts, baseDelay, factor: 2, maxDelay: config.capMs, jitter: "none" }
        })

        const found: Array<{ outcome: string; quotaAfter: number; delayMs?: number }> = []
        const tokens = Effect.map(budget.state, ({ tokens }) => tokens ?? assert.fail("no pool"))
        let at = 0
        let sentAt = 0
        /** Before an attempt that is a retry: what was paid for it, and how long it waited. */
        const retried = Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          found.push({ outcome: "retry", quotaAfter: yield* tokens, delayMs: now - sentAt })
        })
        while (at < steps.length) {
          let attempts = 0
          const attempt = Effect.gen(function* () {
            if (attempts++ > 0) yield* retried
            sentAt = yield* Clock.currentTimeMillis
            const { reply } = steps[at++] ?? assert.fail("one attempt too many")
            const isGood = "status" in reply && reply.status === 200
            return yield* isGood ? Effect.void : transient
          })
          const result = yield* within(Effect.either(budget.retry(attempt, retry)))
          const outcome = Either.isRight(result)
            ? "success"
            : attempts === config.maxAttempts
              ? "attempts-exhausted"
              : "quota-exhausted"
          found.push({ outcome, quotaAfter: yield* tokens })
        }
        assert.deepStrictEqual(
          found,
          steps.map(({ expect }) => expect)
        )
      })
    )
  }
})

describe("the quota of the delay list (backoff.json)", () => {
  const cases = ofKind(
    "backoff",
    "delay-list",
    Schema.Struct({
      config: Schema.Struct({ baseMs: Schema.Number, capMs: Schema.NullOr(Schema.Number) }),
      expect: Schema.Struct({
        delaysMs: Schema.Array(Schema.Number),
        quotaAfter: optional(Schema.Number),
        costPerRetry: optional(Schema.Number),
        initialQuota: optional(Schema.Number)
      })
    })
  ).filter(({ expect }) => expect.quotaAfter !== undefined)

  it("is there", () => {
    assert.isNotEmpty(cases)
  })

  for (const { config, expect, id, title } of cases) {
    it.scoped(`${id}: ${title}`, () =>
      Effect.gen(function* () {
        const budget = yield* quota({
          ...RetryBudget.poolDefaults,
          size: expect.initialQuota,
          cost: { transient: 14, throttling: expect.costPerRetry }
        })
        const { retry } = Policy.make({
          retry: {
            attempts: expect.delaysMs.length + 1,
            baseDelay: config.baseMs,
            maxDelay: config.capMs ?? assert.fail("no cap"),
            jitter: "none"
          }
        })
        const sent: Array<number> = []
        const attempt = Effect.flatMap(Clock.currentTimeMillis, (now) => {
          sent.push(now)
          return throttling
        })
        yield* within(Effect.flip(budget.retry(attempt, retry)))
        assert.deepStrictEqual(
          sent.slice(1).map((time, i) => time - (sent[i] ?? Number.NaN)),
          [...expect.delaysMs]
        )
        assert.strictEqual((yield* budget.state).tokens, expect.quotaAfter)
      })
    )
  }
})

describe("the file", () => {
  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("retry-quota")].sort())
  })
})
