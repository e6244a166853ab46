/**
 * gRPC's rules of commitment. Read for Ollama: what is delivered is delivered to the caller, so headers commit nothing
 * (case 05 is read as: a chunk was delivered); an unreadable pushback forbids a retry where it is given as a value
 * (`Retry.pushback`), while an unreadable Retry-After header counts as none; and a body that cannot be replayed is an
 * upload from a Stream.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type OllamaClient, type OllamaError, Policy, Retry } from "effect-ollama"
import { within } from "../support/clock.js"
import {
  digest,
  empty,
  end,
  errorLine,
  failure,
  problem,
  request,
  type Reply,
  stream,
  token
} from "../support/replies.js"
import { make } from "../support/server.js"
import { ids, ofKind, optional } from "./cases.js"

const cases = ofKind(
  "stream-commit",
  "stream-commit",
  Schema.Struct({
    config: Schema.Struct({
      maxAttempts: Schema.Int,
      backoffMs: Schema.Number,
      retryable: Schema.Array(Schema.String)
    }),
    attemptsSeenByServer: Schema.Array(Schema.String),
    expect: Schema.Struct({ attempts: Schema.Int, messages: optional(Schema.Int), outcome: Schema.String }),
    requestBytes: optional(Schema.Int)
  })
)

const message = token("one")

/** What the server of a case does in an attempt. */
const replies: Readonly<Record<string, Reply>> = {
  // what may be sent again, and what may not
  Unavailable: failure(503, "server busy"),
  Internal: failure(500, "some failure"),
  "message+OK": stream(message, end()),
  "message+Unavailable": stream(message, errorLine("server busy")),
  "headers+Unavailable": stream(message, { broken: problem("ECONNRESET") })
}

const byName = (name: string): Reply => {
  const reply = replies[name.replace(/^pushback:.*\+/, "")]
  return reply ?? assert.fail(`nothing is written down for ${name}`)
}

/** The failure that the words of a case stand for. */
const isOutcome = (outcome: string, error: OllamaError.OllamaError): boolean =>
  outcome === "Internal"
    ? error._tag === "ServerError" && !error.isRetryable
    : error._tag === "Overloaded" || (error.partial !== undefined && error.isRetryable)

const policyOf = (config: (typeof cases)[number]["config"]) =>
  Policy.make({ retry: { attempts: config.maxAttempts, baseDelay: config.backoffMs, jitter: "none" } })

const ran = new Set<string>()

const run = (
  one: (typeof cases)[number],
  collect: (client: OllamaClient.Service, delivered: Ref.Ref<number>) => Effect.Effect<unknown, OllamaError.OllamaError>
) =>
  Effect.gen(function* () {
    const server = make({ "/api/chat": one.attemptsSeenByServer.map(byName) })
    const client = yield* server.connect({ policy: policyOf(one.config) })
    const delivered = yield* Ref.make(0)
    const result = yield* within(Effect.either(collect(client, delivered)))
    const isHeaders = one.attemptsSeenByServer.some((name) => name.startsWith("headers"))
    assert.strictEqual(server.at("/api/chat").length, one.expect.attempts)
    // in the reading of case 05 the message is what was delivered instead of headers
    const messages = isHeaders ? 1 : one.expect.messages
    if (messages !== undefined && messages > 0) assert.isAtLeast(yield* Ref.get(delivered), messages)
    else assert.strictEqual(yield* Ref.get(delivered), 0)
    if (one.expect.outcome === "OK") assert.isTrue(Either.isRight(result))
    else if (Either.isLeft(result)) assert.isTrue(isOutcome(one.expect.outcome, result.left), String(result.left))
    else assert.fail("succeeded, where it had to fail")
  })

const isPushback = (one: (typeof cases)[number]) => one.attemptsSeenByServer.some((name) => name.startsWith("pushback"))

describe("stream-commit", () => {
  for (const one of cases) {
    ran.add(one.id)
    if (isPushback(one)) {
      it.effect(`${one.id}: ${one.title} (a pushback given as a value)`, () =>
        Effect.gen(function* () {
          const [attempt = ""] = one.attemptsSeenByServer
          const values = [...attempt.matchAll(/pushback:([^,+]*)/g)].map((match) => match[1] ?? "")
          assert.strictEqual(Retry.pushback(values), "forbidden")
          // a user's own program, whose server speaks of pushback
          const attempts = yield* Ref.make(0)
          const program = Effect.zipRight(
            Ref.update(attempts, (n) => n + 1),
            Effect.fail("Unavailable")
          )
          const exit = yield* program.pipe(
            Effect.retry({
              schedule: Schedule.recurs(one.config.maxAttempts - 1),
              while: () => Retry.pushback(values) !== "forbidden"
            }),
            Effect.exit
          )
          assert.isTrue(Exit.isFailure(exit))
          assert.strictEqual(yield* Ref.get(attempts), one.expect.attempts)
        })
      )
    } else if (one.requestBytes !== undefined) {
      it.scoped(`${one.id}: ${one.title} (an upload from a Stream)`, () =>
        Effect.gen(function* () {
          const path = `/api/blobs/${digest}`
          const server = make({ [path]: [...one.attemptsSeenByServer.map(byName), empty(201)] })
          const client = yield* server.connect({ policy: policyOf(one.config) })
          const content = Stream.make(new Uint8Array(one.requestBytes ?? 0))
          const error = yield* within(Effect.flip(client.uploadBlob({ digest, content })))
          assert.isTrue(isOutcome(one.expect.outcome, error), String(error))
          assert.strictEqual(server.at(path).length, one.expect.attempts)
        })
      )
    } else {
      it.scoped(`${one.id}: ${one.title}`, () => {
        return run(one, (client, delivered) =>
          Stream.runForEach(client.chatStream(request), () => Ref.update(delivered, (n) => n + 1))
        )
      })

      it.scoped(`${one.id}, folded`, () =>
        run(one, (client, delivered) =>
          client.chat(request).pipe(
            Effect.tapBoth({
              onSuccess: () => Ref.set(delivered, 1),
              onFailure: (error) => Ref.set(delivered, error.partial?.chunks ?? 0)
            })
          )
        )
      )
    }
  }

  // the counterpart to the reading of case 05: headers alone commit nothing
  it.scoped("a stream whose headers came and whose connection then broke is sent again", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [stream({ broken: problem("ECONNRESET") }), stream(message, end())] })
      const client = yield* server.connect()
      assert.strictEqual(Chunk.size(yield* within(Stream.runCollect(client.chatStream(request)))), 2)
      assert.strictEqual(server.at("/api/chat").length, 2)
    })
  )

  it("every case was run", () => {
    assert.deepStrictEqual([...ran].sort(), [...ids("stream-commit")].sort())
  })
})
