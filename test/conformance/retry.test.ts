/** Which failures are sent again, and how often: gRPC, openai-node, the AWS SDK, and Ollama's own wording. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CircuitBreaker, Fallback, type OllamaClient, type OllamaError, Policy, Retry, Throttle } from "effect-ollama"
import { within } from "../support/clock.js"
import { broken, chat, end, errorLine, failure, json, request, type Reply, stream, token } from "../support/replies.js"
import { make } from "../support/server.js"
import { ids, ofKind, optional } from "./cases.js"

const ran: Record<string, Array<string>> = { retry: [], "retry-predicate": [] }

const fast = Policy.make({ retry: { attempts: 4, baseDelay: 10, jitter: "none" } })

describe("attempt cap (retry.json)", () => {
  const cases = ofKind(
    "retry",
    "attempt-cap",
    Schema.Struct({
      config: Schema.Struct({
        maxAttempts: Schema.Int,
        backoffMs: Schema.Number,
        retryable: Schema.Array(Schema.String)
      }),
      calls: Schema.Array(
        Schema.Struct({
          serverOutcomes: Schema.Array(Schema.String),
          expect: Schema.Struct({ outcome: Schema.String, attempts: Schema.Int })
        })
      )
    })
  )
  for (const one of cases) {
    const isRetryable = (outcome: string) => one.config.retryable.includes(outcome)
    const reply = (outcome: string): Reply =>
      outcome === "OK" ? chat("a") : isRetryable(outcome) ? failure(503, "server busy") : failure(500, "some failure")
    ran["retry"]?.push(one.id)
    for (const { expect, serverOutcomes } of one.calls) {
      it.scoped(`${one.id}: ${serverOutcomes.join(", ")}`, () =>
        Effect.gen(function* () {
          const server = make({ "/api/chat": serverOutcomes.map(reply) })
          const { backoffMs, maxAttempts } = one.config
          const client = yield* server.connect({
            policy: Policy.make({ retry: { attempts: maxAttempts, baseDelay: backoffMs, jitter: "none" } })
          })
          const result = yield* within(Effect.either(client.chat(request)))
          const outcome = Either.isRight(result)
            ? "OK"
            : result.left._tag === "Overloaded"
              ? one.config.retryable[0]
              : "Internal"
          assert.strictEqual(outcome, expect.outcome)
          assert.strictEqual(server.at("/api/chat").length, expect.attempts)
        })
      )
    }
  }
})

describe("http-retryable (retry-predicate.json): a rule of another library as a user's own `while`", () => {
  const cases = ofKind(
    "retry-predicate",
    "http-retryable",
    Schema.Struct({
      rows: Schema.Array(
        Schema.Struct({
          status: Schema.Int,
          headers: optional(Schema.Record({ key: Schema.String, value: Schema.String })),
          expect: Schema.Boolean
        })
      )
    })
  )

  /** openai-node's rule by status, which is not ours: a 500 of Ollama's may be a bad option. */
  const byStatus = (error: OllamaError.OllamaError): boolean => {
    const status = error.status ?? 0
    return status === 408 || status === 409 || status === 429 || status >= 500
  }

  /**
   * What cannot be expressed, and why: a failure keeps what the server said in its body, its status and Retry-After, and
   * no other header, because proxies put credentials and cookies into them. Ollama itself sends no such header. Whoever
   * needs it reads it in `transformClient`, where the response is whole.
   */
  const notExpressed = (row: { readonly headers?: Readonly<Record<string, string>> }): boolean =>
    row.headers?.["x-should-retry"] !== undefined

  for (const one of cases) {
    ran["retry-predicate"]?.push(one.id)
    for (const row of one.rows) {
      const title = `${one.id}: ${row.status} ${JSON.stringify(row.headers ?? {})}`
      const decision = (transform: boolean) =>
        Effect.gen(function* () {
          const overrides: Array<boolean> = []
          const server = make({ "/api/version": [failure(row.status, "x", row.headers), json({ version: "1" })] })
          const client = yield* server.connect({
            policy: Policy.none,
            ...(transform ? { transformClient: listen(overrides) } : {})
          })
          yield* client
            .version()
            .pipe(Effect.retry({ times: 1, while: (error) => overrides.at(-1) ?? byStatus(error) }), Effect.either)
          return server.seen.length === 2
        })
      if (notExpressed(row)) {
        it.scoped(`${title}: not from the failure, which keeps no such header`, () =>
          Effect.gen(function* () {
            assert.notStrictEqual(yield* decision(false), row.expect)
          })
        )
        it.scoped(`${title}: by a transformed client that listens to the header`, () =>
          Effect.gen(function* () {
            assert.strictEqual(yield* decision(true), row.expect)
          })
        )
      } else {
        it.scoped(title, () =>
          Effect.gen(function* () {
            assert.strictEqual(yield* decision(false), row.expect)
          })
        )
      }
    }
  }
})

/** Remembers what x-should-retry said. */
const listen =
  (overrides: Array<boolean>): NonNullable<OllamaClient.Options["transformClient"]> =>
  (client) =>
    HttpClient.tap(client, (response) =>
      Effect.sync(() => {
        const override = response.headers["x-should-retry"]
        if (override !== undefined) overrides.push(override === "true")
      })
    )

describe("node-error-codes (retry-predicate.json)", () => {
  const cases = ofKind(
    "retry-predicate",
    "node-error-codes",
    Schema.Struct({
      rows: Schema.Array(Schema.Struct({ code: Schema.String, expect: Schema.Literal("transient") }))
    })
  )
  for (const one of cases) {
    ran["retry-predicate"]?.push(one.id)
    for (const { code } of one.rows) {
      it.scoped(`${one.id}: ${code} is sent again by default`, () =>
        Effect.gen(function* () {
          const server = make({ "/api/chat": [broken(code), chat("a")] })
          const client = yield* server.connect()
          yield* within(client.chat(request))
          assert.strictEqual(server.at("/api/chat").length, 2)
        })
      )
    }
  }
})

describe("ollama-error (retry-predicate.json)", () => {
  const cases = ofKind(
    "retry-predicate",
    "ollama-error",
    Schema.Struct({
      rows: Schema.Array(
        Schema.Struct({
          status: Schema.Int,
          error: optional(Schema.String),
          midStream: optional(Schema.Struct({ error: Schema.String })),
          afterTokens: optional(Schema.Boolean),
          streamEndsWithoutDone: optional(Schema.Boolean),
          expect: Schema.Struct({
            tag: Schema.String,
            retrySameHost: Schema.Union(Schema.Boolean, Schema.String),
            retryOtherHost: Schema.Union(Schema.Boolean, Schema.String),
            countsForBreaker: Schema.Union(Schema.Boolean, Schema.String),
            countsForThrottle: Schema.Boolean
          })
        })
      )
    })
  )
  const tags: Readonly<Record<string, string>> = {
    BadRequest: "InvalidRequest",
    StreamFailed: "ServerError",
    StreamTruncated: "StreamInterrupted"
  }
  for (const one of cases) {
    ran["retry-predicate"]?.push(one.id)
    for (const row of one.rows) {
      const name = row.error ?? row.midStream?.error ?? "ends without done"
      const isCut = row.streamEndsWithoutDone === true
      const first: Reply = isCut
        ? stream(token("a"))
        : row.midStream !== undefined
          ? stream(token("a"), errorLine(row.midStream.error))
          : failure(row.status, row.error ?? "")
      it.scoped(`${one.id}: ${row.status} ${name}`, () =>
        Effect.gen(function* () {
          const server = make({ "/api/chat": [first, stream(token("b"), end())] })
          const client = yield* server.connect({ policy: fast })
          const result = yield* within(Effect.either(Stream.runCollect(client.chatStream(request))))
          const isAgain = row.expect.retrySameHost === "after backoff"
          assert.strictEqual(server.at("/api/chat").length, isAgain ? 2 : 1)
          assert.strictEqual(Either.isLeft(result), !isAgain)
          const again = make({ "/api/chat": first })
          const alone = yield* again.connect({ policy: Policy.none })
          const error = yield* within(Effect.flip(Stream.runDrain(alone.chatStream(request))))
          // 499 is what a proxy says of a caller that left; our own caller leaving is interruption and no failure
          const wanted = row.expect.tag === "Cancelled" ? "ServerError" : (tags[row.expect.tag] ?? row.expect.tag)
          assert.strictEqual(error._tag, wanted)
          assert.strictEqual(Retry.sameHost(error) === "no", !isAgain)
          // a token was delivered, where that makes a difference
          assert.strictEqual(Fallback.applies({ host: "other" }, error), row.expect.retryOtherHost === true)
          const counts = row.expect.countsForBreaker
          assert.strictEqual(CircuitBreaker.judgeGeneration(error) === "failure", counts !== false)
          assert.notStrictEqual(CircuitBreaker.judgeReachability(error), "failure")
          assert.strictEqual(Throttle.isRejection(error), row.expect.countsForThrottle)
        })
      )
      if (isCut) {
        it.scoped(`${one.id}: ends without done before a token: sent again`, () =>
          Effect.gen(function* () {
            assert.strictEqual(row.expect.retrySameHost, "only if no token was delivered")
            const server = make({ "/api/chat": [stream(), stream(token("b"), end())] })
            const client = yield* server.connect({ policy: fast })
            yield* within(client.chat(request))
            assert.strictEqual(server.at("/api/chat").length, 2)
          })
        )
      }
    }
  }
})

describe("the files", () => {
  it("every case was run", () => {
    for (const [family, seen] of Object.entries(ran)) assert.deepStrictEqual([...seen].sort(), [...ids(family)].sort())
  })
})
