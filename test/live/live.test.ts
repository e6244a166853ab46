/**
 * The same calls against a real Ollama, where there is one: `OLLAMA_HOST=127.0.0.1:11434 npx vitest run test/live`.
 * `OLLAMA_TEST_MODEL` names the model; else it is the smallest one installed that can chat. Without OLLAMA_HOST all are
 * skipped.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Chat, JsonSchema, OllamaClient } from "effect-ollama"
import { createHash } from "node:crypto"
import { chatModel, failure, hello, host, installed, isGone, isLoaded, options, run } from "./server.js"
import { policies } from "./policies.js"

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`

describe.skipIf(host === undefined)("a real Ollama", { timeout: 600_000 }, () => {
  it.live("tells its version, its models, and what is in memory", () =>
    run(
      Effect.gen(function* () {
        assert.match((yield* OllamaClient.version()).version, /^\d+\.\d+\.\d+/)
        assert.isArray((yield* OllamaClient.list()).models)
        assert.isArray((yield* OllamaClient.running()).models)
      })
    )
  )

  it.live("chats, whole and as a stream, with the same answer", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        // thinking would use up the few tokens
        const request = { model, messages: hello, options, think: false }
        const whole = yield* OllamaClient.chat(request)
        const chunks = Chunk.toReadonlyArray(yield* Stream.runCollect(OllamaClient.chatStream(request)))
        assert.isAbove(whole.message.content.length, 0)
        assert.strictEqual(chunks.map((chunk) => chunk.message.content).join(""), whole.message.content)
        assert.isTrue(chunks.at(-1)?.done)
        assert.isAbove(whole.eval_count ?? 0, 0)
        assert.strictEqual(
          (yield* Chat.collect(OllamaClient.chatStream(request))).message.content,
          whole.message.content
        )
      })
    )
  )

  it.live("completes a prompt", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        const answer = yield* OllamaClient.generate({ model, prompt: "The sky is", options })
        assert.isTrue(answer.done)
      })
    )
  )

  it.live("loads a model, lists it, and lets it go; a cold model is not a timeout", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        yield* OllamaClient.unload({ model })
        yield* isGone(model)
        // the limit for a model in memory, far below a cold load: the load clock counts
        yield* OllamaClient.chat(
          { model, messages: hello, options },
          { policy: { timeouts: { firstToken: "1 second", load: "5 minutes" }, retry: { attempts: 1 } } }
        ).pipe(
          Effect.catchTag("Timeout", (timeout) =>
            // a prompt may take longer than a second on a slow machine, but only after the load
            timeout.phase === "firstToken" ? Effect.void : Effect.fail(timeout)
          )
        )
        yield* OllamaClient.load({ model, keep_alive: Duration.minutes(1) })
        assert.isTrue(yield* isLoaded(model))
      })
    )
  )

  it.live("stops the server's work when the stream is left: the next answer does not wait", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        yield* OllamaClient.load({ model })
        const long = OllamaClient.chatStream({
          model,
          messages: [{ role: "user", content: "Count from 1 to 1000, one number a line." }],
          options: { num_predict: 4000 }
        })
        yield* Stream.runDrain(Stream.take(long, 3))
        const [elapsed] = yield* Effect.timed(OllamaClient.chat({ model, messages: hello, options }))
        const pending = yield* Effect.fork(Stream.runDrain(long))
        yield* Fiber.interrupt(pending)
        const [again] = yield* Effect.timed(OllamaClient.chat({ model, messages: hello, options }))
        // 4,000 tokens would be in the way of each
        assert.isBelow(Duration.toSeconds(elapsed), 60)
        assert.isBelow(Duration.toSeconds(again), 60)
      })
    )
  )

  it.live("answers in the form of a schema, or says that it does not fit", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        const schema = Schema.Struct({ answer: Schema.String })
        const outcome = yield* Effect.either(
          OllamaClient.chatObject({ model, messages: hello, schema, options: { ...options, num_predict: 200 } })
        )
        if (outcome._tag === "Right") assert.isString(outcome.right.value.answer)
        else assert.strictEqual(outcome.left._tag, "MalformedOutput")
      })
    )
  )

  it.live("calls a tool, or says that the model cannot", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        const tool = JsonSchema.tool({
          name: "get_weather",
          description: "The weather of a city now",
          parameters: Schema.Struct({ city: Schema.String })
        })
        const outcome = yield* Effect.either(
          OllamaClient.chat({
            model,
            messages: [{ role: "user", content: "What is the weather in Paris?" }],
            tools: [tool],
            options: { ...options, num_predict: 200 }
          })
        )
        if (outcome._tag === "Right") assert.isTrue(outcome.right.done)
        else {
          assert.strictEqual(outcome.left._tag, "InvalidRequest")
          if (outcome.left._tag === "InvalidRequest") assert.strictEqual(outcome.left.issue, "unsupported")
        }
      })
    )
  )

  it.live("makes vectors, where a model for it is installed", () =>
    run(
      Effect.gen(function* () {
        const model = yield* installed("embedding")
        if (model === undefined) return yield* Effect.logWarning("no embedding model is installed: not tried")
        const { embeddings } = yield* OllamaClient.embed({ model, input: ["one", "two"] })
        assert.strictEqual(embeddings.length, 2)
        assert.strictEqual(embeddings[0]?.length, embeddings[1]?.length)
        yield* OllamaClient.load({ model })
      })
    )
  )

  it.live("names the cause of each mistake", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        const missing = yield* failure(OllamaClient.chat({ model: "no-such-model:1b", messages: hello }))
        assert.strictEqual(missing._tag, "ModelNotFound")
        const option = yield* failure(
          OllamaClient.chat({ model, messages: hello, options: JSON.parse('{"mirostat_x":1,"stop":[1]}') })
        )
        assert.strictEqual(option._tag, "InvalidRequest")
        const source = yield* failure(OllamaClient.copy({ source: "no-such-model:1b", destination: "other" }))
        assert.strictEqual(source._tag, "ModelNotFound")
        const registry = yield* failure(Stream.runDrain(OllamaClient.pull({ model: "!!!" })))
        assert.strictEqual(registry._tag, "InvalidRequest")
        const account = yield* Effect.either(OllamaClient.account())
        if (account._tag === "Left") assert.include(["Unauthorized", "Unreachable"], account.left._tag)
      })
    )
  )

  it.live("keeps blobs and names", () =>
    run(
      Effect.gen(function* () {
        const model = yield* chatModel
        const bytes = new TextEncoder().encode("effect-ollama live test")
        const digest = digestOf(bytes)
        yield* OllamaClient.uploadBlob({ digest, content: Stream.make(bytes.subarray(0, 5), bytes.subarray(5)) })
        assert.isTrue(yield* OllamaClient.hasBlob(digest))
        assert.isFalse(yield* OllamaClient.hasBlob(digestOf(new Uint8Array([1, 2, 3]))))
        const wrong = yield* failure(OllamaClient.uploadBlob({ digest: `sha256:${"0".repeat(64)}`, content: bytes }))
        assert.strictEqual(wrong._tag, "InvalidRequest")
        yield* OllamaClient.copy({ source: model, destination: "effect-ollama-live-test" })
        yield* OllamaClient.remove({ model: "effect-ollama-live-test" })
        yield* Stream.runDrain(
          OllamaClient.create({ model: "effect-ollama-live-test", from: model, system: "Be brief." })
        )
        yield* OllamaClient.remove({ model: "effect-ollama-live-test" })
      })
    )
  )

  describe("with policies", policies)
})
