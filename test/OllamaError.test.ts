/** Failures as values: encoded and decoded, printed in one line, and discreet wherever they are printed. */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FastCheck from "effect/FastCheck"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { OllamaError } from "effect-ollama"

const members = OllamaError.OllamaError.members

/** Values as they occur: durations are finite, and arguments of tool calls are JSON. */
const isOrdinary = (error: OllamaError.OllamaError): boolean => {
  const durations = [error.elapsed, ...error.attempts.map((attempt) => attempt.elapsed)]
  if (error._tag === "Timeout") durations.push(error.limit, error.predicted ?? Duration.zero)
  if (error._tag === "Overloaded") durations.push(error.retryAfter ?? Duration.zero)
  if (error._tag === "CircuitOpen") durations.push(error.retryAfter, error.lastFailure.elapsed)
  const calls = error.partial?.tool_calls ?? []
  return durations.every(Duration.isFinite) && calls.every((call) => isJson(call.function.arguments) && isJson(call))
}

const isJson = (value: unknown): boolean => {
  try {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(value)), value)
    return true
  } catch {
    return false
  }
}

describe("each class", () => {
  it("there are those of the documentation, and no other", () => {
    assert.deepStrictEqual(
      members.map((member) => member._tag),
      [
        "Timeout",
        "Unreachable",
        "Overloaded",
        "Blocked",
        "CircuitOpen",
        "Unauthorized",
        "ModelNotFound",
        "InvalidRequest",
        "LoadFailed",
        "ServerError",
        "StreamInterrupted",
        "ProtocolError",
        "MalformedOutput"
      ]
    )
  })

  for (const member of members) {
    const any: FastCheck.Arbitrary<OllamaError.OllamaError> = Arbitrary.make<OllamaError.OllamaError, unknown, never>(
      member as Schema.Schema<OllamaError.OllamaError, unknown>
    ).filter(isOrdinary)

    it.prop(
      `${member._tag}: comes back from its JSON as it was, and says all in one line`,
      [any],
      ([error]) => {
        const encoded = Schema.encodeSync(OllamaError.OllamaError)(error)
        const back = Schema.decodeUnknownSync(OllamaError.OllamaError)(JSON.parse(JSON.stringify(encoded)))
        assert.isTrue(back instanceof member)
        assert.isTrue(OllamaError.isOllamaError(back))
        assert.deepStrictEqual(Schema.encodeSync(OllamaError.OllamaError)(back), encoded)
        assert.deepStrictEqual(back.partial, error.partial)
        assert.strictEqual(back.message, error.message)
        assert.strictEqual(back.isRetryable, error.isRetryable)
        assert.notMatch(error.message, /[\r\n]/)
        assert.isTrue(error.message.endsWith(error.remedy.replace(/\s+/g, " ").trim()))
        assert.strictEqual(String(error), `${error._tag}: ${error.message}`)
      },
      { fastCheck: { numRuns: 15 } }
    )
  }

  it("can be yielded, caught by its tag, and told from other values", () => {
    const program = Effect.gen(function* () {
      return yield* new OllamaError.ModelNotFound({ endpoint: "/api/chat", model: "a" })
    }).pipe(Effect.catchTag("ModelNotFound", (error) => Effect.succeed(error.model)))
    assert.strictEqual(Effect.runSync(program), "a")
    for (const other of [new Error("a"), { _tag: "ModelNotFound" }, null, undefined, "ModelNotFound"]) {
      assert.isFalse(OllamaError.isOllamaError(other))
    }
  })

  it("is an Error, with a stack that names this file", () => {
    const error = new OllamaError.Unauthorized({})
    assert.instanceOf(error, Error)
    assert.include(error.stack ?? "", "OllamaError.test")
    assert.strictEqual(error.name, "Unauthorized")
  })

  it("an encoded duration is milliseconds", () => {
    const error = new OllamaError.Timeout({ phase: "gap", limit: Duration.seconds(2), elapsed: Duration.millis(1500) })
    const encoded = Schema.encodeSync(OllamaError.Timeout)(error)
    assert.strictEqual(encoded.limit, 2000)
    assert.strictEqual(encoded.elapsed, 1500)
  })
})

describe("as JSON, for logs", () => {
  it("has every field that may be shown, and what happened below", () => {
    const cause = { code: "ECONNRESET", name: "Error", message: "read ECONNRESET" }
    const error = new OllamaError.Unreachable({
      host: "http://h",
      reason: "reset",
      cause,
      elapsed: Duration.seconds(1)
    })
    assert.deepInclude(JSON.parse(JSON.stringify(error)), {
      _tag: "Unreachable",
      message: error.message,
      host: "http://h",
      reason: "reset",
      elapsed: 1000,
      cause
    })
  })
})

const secret = "what the model had said"
const partial = {
  text: secret,
  thinking: secret,
  tool_calls: [{ function: { name: "f", arguments: { a: secret } } }],
  chunks: 3
}
const talkative: ReadonlyArray<OllamaError.OllamaError> = [
  (own: object) => new OllamaError.Timeout({ ...own, phase: "gap", limit: Duration.seconds(1) }),
  (own: object) => new OllamaError.ServerError({ ...own, crashed: true }),
  (own: object) => new OllamaError.StreamInterrupted({ ...own }),
  (own: object) => new OllamaError.ProtocolError({ ...own, line: 4, excerpt: secret }),
  (own: object) =>
    new OllamaError.MalformedOutput({ ...own, text: secret, issues: [{ path: "a.b", message: "is missing" }] })
].map((make) => make({ host: "http://h", endpoint: "/api/chat", model: "m", partial }))

describe("what the model said, and what was read", () => {
  const shown: Readonly<Record<string, (error: OllamaError.OllamaError) => string>> = {
    "the message": (error) => error.message,
    String: (error) => String(error),
    "a template": (error) => `${error}`,
    JSON: (error) => JSON.stringify(error),
    "JSON inside something": (error) => JSON.stringify({ errors: [error] }, null, 2),
    "util.inspect": (error) => inspect(error, { depth: 20, showHidden: false }),
    "util.inspect inside something": (error) => inspect({ a: [error] }, { depth: 20 }),
    "the stack": (error) => error.stack ?? "",
    "Effect's inspection": (error) => Inspectable.toStringUnknown(error),
    "Cause.pretty": (error) => Cause.pretty(Cause.fail(error), { renderErrorCause: true }),
    "a Cause as JSON": (error) => JSON.stringify(Cause.fail(error)),
    "Object.entries": (error) => JSON.stringify(Object.entries(error)),
    "a spread": (error) => JSON.stringify({ ...error }),
    logs: (error) => {
      const lines: Array<string> = []
      const write = (format: Logger.Logger<unknown, string>) => Logger.map(format, (line) => void lines.push(line))
      for (const format of [Logger.stringLogger, Logger.logfmtLogger, Logger.jsonLogger]) {
        Effect.runSync(
          Effect.logError("failed", error, Cause.fail(error)).pipe(
            Effect.annotateLogs("error", error),
            Effect.provide(Logger.replace(Logger.defaultLogger, write(format)))
          )
        )
      }
      assert.lengthOf(lines, 3)
      return lines.join("\n")
    }
  }
  for (const [way, show] of Object.entries(shown)) {
    it(`is not in ${way}`, () => {
      for (const error of talkative) {
        const text = show(error)
        assert.notInclude(text, secret)
        assert.isNotEmpty(text)
      }
    })
  }

  it("is in the failure, for the program, and in its encoding", () => {
    for (const error of talkative) {
      assert.strictEqual(error.partial?.text, secret)
      assert.include(JSON.stringify(Schema.encodeSync(OllamaError.OllamaError)(error)), secret)
    }
  })

  it("stays out of sight when a failure was decoded", () => {
    for (const error of talkative) {
      const back = Schema.decodeSync(OllamaError.OllamaError)(Schema.encodeSync(OllamaError.OllamaError)(error))
      assert.notInclude(JSON.stringify(back) + inspect(back), secret)
      assert.strictEqual(back.partial?.text, secret)
    }
  })
})

describe("the message", () => {
  it("says what happened, where, how far it was, and what to do", () => {
    const error = new OllamaError.Timeout({
      host: "http://gpu-box:11434",
      endpoint: "/api/chat",
      model: "llama3.2",
      phase: "gap",
      limit: Duration.seconds(30),
      partial,
      attempts: [{ tag: "Overloaded", phase: "load", elapsed: Duration.zero }],
      remedy: "Do this"
    })
    assert.strictEqual(
      error.message,
      "no sign of the next chunk within 30 s (gap) on http://gpu-box:11434/api/chat (llama3.2), after 3 chunks, attempt 2. Do this"
    )
    const refused = new OllamaError.Unreachable({ host: "http://h:1", endpoint: "/api/tags", reason: "refused" })
    assert.strictEqual(
      refused.message,
      "no usable connection (refused) on http://h:1/api/tags. Start Ollama (`ollama serve`) and check the address in OLLAMA_HOST"
    )
  })

  it("has the server's own text, and the status", () => {
    const error = new OllamaError.ServerError({ endpoint: "/api/chat", status: 500, detail: "a\nb", crashed: false })
    assert.include(error.message, '[500]: "a b"')
  })
})
