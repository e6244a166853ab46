/** Another model, or another host, for a call that has failed before its first value. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type CallRecord, Chat, Fallback, type OllamaError, Policy } from "effect-ollama"
import { expectTag, failsAt, within } from "../../support/clock.js"
import {
  chat,
  embedding,
  failure,
  loaded,
  ps,
  refused,
  type Reply,
  request,
  silent,
  stream,
  token
} from "../../support/replies.js"
import { make, type Seen } from "../../support/server.js"

const modelOf = ({ json }: Seen): unknown => (Predicate.isRecord(json) ? json.model : undefined)

/** A server that answers by model, and by host where one is named: `host model`. */
const serverOf = (replies: Readonly<Record<string, Reply>>) =>
  make({
    "/api/chat": (seen) => {
      const model = String(modelOf(seen))
      return (
        replies[`${new URL(seen.url).hostname} ${model}`] ??
        replies[model] ??
        failure(404, `model '${model}' not found`)
      )
    },
    "/api/embed": (seen) => (new URL(seen.url).hostname === "spare" ? embedding : refused),
    "/api/ps": ps(loaded(), loaded("small:latest"), loaded("tiny:latest"))
  })

const crash = failure(500, "llama runner process has terminated: exit status 2")
const shed = failure(503, "server busy, please try again.  maximum pending requests exceeded")

const policyOf = (fallback: Policy.Patch["fallback"], rest: Policy.Patch = {}) =>
  Policy.make({ retry: { attempts: 1 }, ...rest, fallback })

describe("a fallback to another model", () => {
  it.scoped("answers, says which model it was, and is told in the record", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": crash, small: chat("from small") })
      const client = yield* server.connect({ policy: policyOf([{ model: "small" }]) })
      const records: Array<CallRecord.CallRecord> = []
      const answer = yield* client.chat(request, {
        onRecord: (record) => Effect.sync(() => void records.push(record))
      })
      assert.strictEqual(answer.message.content, "from small")
      yield* TestClock.adjust(0)
      const [record] = records
      assert.strictEqual(record?.model, "llama3.2")
      assert.deepStrictEqual(record?.servedBy, { host: "http://127.0.0.1:11434", model: "small" })
      assert.strictEqual(record?.outcome, "success")
      assert.deepStrictEqual(
        record?.decisions.map(({ what, why }) => [what, why]),
        [["fellBack", "ServerError: small"]]
      )
      assert.deepStrictEqual(
        record?.attempts.map(({ tag }) => tag),
        ["ServerError"]
      )
    })
  )

  it.scoped("goes on to the next one, and fails with the first failure, the others behind it", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": crash, small: shed, tiny: crash })
      const client = yield* server.connect({ policy: policyOf([{ model: "small" }, { model: "tiny" }]) })
      const exit = yield* Effect.exit(client.chat(request))
      assert.deepStrictEqual(server.at("/api/chat").map(modelOf), ["llama3.2", "small", "tiny"])
      const failures = Exit.isFailure(exit) ? [...Cause.failures(exit.cause)] : []
      assert.deepStrictEqual(
        failures.map(({ _tag, model }) => [_tag, model]),
        [
          ["ServerError", "llama3.2"],
          ["Overloaded", "small"],
          ["ServerError", "tiny"]
        ]
      )
      expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
    })
  )

  it.scoped("is chosen by its tags", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": crash, small: chat("small"), tiny: chat("tiny") })
      const client = yield* server.connect({
        policy: policyOf([
          { model: "small", on: ["Overloaded"] },
          { model: "tiny", on: ["ServerError"] }
        ])
      })
      assert.strictEqual((yield* client.chat(request)).message.content, "tiny")
    })
  )

  it.scoped("is not asked after a value, nor for a request that is wrong", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": stream(token("a")), small: chat("small"), bad: failure(400, "bad") })
      const client = yield* server.connect({ policy: policyOf([{ model: "small" }]) })
      expectTag(yield* Effect.flip(Stream.runDrain(client.chatStream(request))), "StreamInterrupted")
      expectTag(yield* Effect.flip(client.chat({ ...request, model: "bad" })), "InvalidRequest")
      assert.notInclude(server.at("/api/chat").map(modelOf), "small")
    })
  )

  it.scoped("is under the one clock of the whole call", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": silent, small: silent })
      const client = yield* server.connect({
        policy: policyOf([{ model: "small" }], { timeouts: { firstToken: "6 seconds", total: "10 seconds" } })
      })
      const error = yield* failsAt(client.chat(request), "10 seconds")
      assert.strictEqual(expectTag(error, "Timeout").phase, "firstToken")
      assert.deepStrictEqual(server.at("/api/chat").map(modelOf), ["llama3.2", "small"])
    })
  )

  it.scoped("streams, too", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": crash, small: chat("a", "b") })
      const client = yield* server.connect({ policy: policyOf([{ model: "small" }]) })
      const texts = yield* Stream.runCollect(Stream.map(client.chatStream(request), ({ message }) => message.content))
      assert.strictEqual([...texts].join(""), "ab")
    })
  )

  it.scoped("is not asked for vectors, which could not be compared", () =>
    Effect.gen(function* () {
      const server = serverOf({})
      const client = yield* server.connect({ policy: policyOf([{ model: "small", on: ["Unreachable"] }]) })
      expectTag(yield* Effect.flip(client.embed({ model: "nomic-embed-text", input: "x" })), "Unreachable")
      assert.strictEqual(server.at("/api/embed").length, 1)
    })
  )

  it.scoped("can be said for one call", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": crash, small: chat("small") })
      const client = yield* server.connect({ policy: policyOf([]) })
      const answer = yield* client.chat(request, { policy: { fallback: [{ model: "small" }] } })
      assert.strictEqual(answer.message.content, "small")
    })
  )
})

describe("a fallback to another host", () => {
  it.scoped("answers, without the credentials of the first", () =>
    Effect.gen(function* () {
      const server = serverOf({ "127.0.0.1 llama3.2": refused, "spare llama3.2": chat("from spare") })
      const client = yield* server.connect({
        policy: policyOf([{ host: "spare" }]),
        apiKey: Redacted.make("secret-key"),
        headers: { "x-team": "blue" }
      })
      assert.strictEqual((yield* client.chat(request)).message.content, "from spare")
      yield* client.embed({ model: "nomic-embed-text", input: "x" })
      for (const seen of server.seen.filter(({ url }) => url.startsWith("http://spare"))) {
        assert.notProperty(seen.headers, "authorization")
        assert.notProperty(seen.headers, "x-team")
      }
    })
  )

  it.scoped("has its own breakers, and the first host keeps its own", () =>
    Effect.gen(function* () {
      const server = serverOf({ "127.0.0.1 llama3.2": refused, "spare llama3.2": chat("from spare") })
      const client = yield* server.connect({ policy: policyOf([{ host: "spare" }]) })
      yield* Effect.replicateEffect(client.chat(request), 8)
      const own = server.at("/api/chat").filter(({ url }) => url.startsWith("http://127"))
      assert.strictEqual(own.length, 5)
    })
  )

  it.scoped("may be another model there", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": refused, "spare small": chat("small on spare") })
      const client = yield* server.connect({ policy: policyOf([{ host: "spare", model: "small" }]) })
      assert.strictEqual((yield* client.chat(request)).message.content, "small on spare")
    })
  )

  it.scoped("lists every attempt, and where it was made", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": refused })
      const client = yield* server.connect({ policy: policyOf([{ host: "spare" }], { retry: { attempts: 2 } }) })
      const exit = yield* within(Effect.exit(client.chat(request)), "1 minute")
      const failures: ReadonlyArray<OllamaError.OllamaError> = Exit.isFailure(exit)
        ? [...Cause.failures(exit.cause)]
        : []
      assert.deepStrictEqual(
        failures.at(-1)?.attempts.map(({ host }) => host),
        ["http://127.0.0.1:11434", "http://127.0.0.1:11434", "http://spare:11434"]
      )
    })
  )
})

describe("Fallback.make", () => {
  it.scoped("gives its entries to every call of an effect, and of a stream, that runs under it", () =>
    Effect.gen(function* () {
      const server = serverOf({ "llama3.2": crash, small: chat("from small") })
      const client = yield* server.connect({ policy: Policy.make({ retry: { attempts: 1 }, breaker: "off" }) })
      const fallback = yield* Fallback.make([{ model: "small" }])
      expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
      const answer = yield* fallback.run(client.chat(request))
      assert.strictEqual(answer.message.content, "from small")
      assert.strictEqual(
        yield* Stream.mkString(Chat.text(fallback.runStream(client.chatStream(request)))),
        "from small"
      )
    })
  )
})
