/** `effect-ollama chat` as a process: what goes where, how it ends, and what the server notices. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Fault } from "effect-ollama/testing"
import * as Command from "./support/command.js"
import { policyFile, simulated } from "./support/server.js"

const decodeAsked = Schema.decodeUnknownSync(
  Schema.Struct({
    model: Schema.String,
    messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.String })),
    think: Schema.optional(Schema.Union(Schema.Boolean, Schema.String))
  })
)

/** What the server was asked last. */
const lastAsked = ({ server }: Effect.Effect.Success<ReturnType<typeof simulated>>) =>
  Effect.map(server.requests, (all) => decodeAsked(all.findLast(({ path }) => path === "/api/chat")?.json))

const endless = Array.from({ length: 100_000 }, (_, index) => ` word${index}`)

describe("chat", { timeout: 120_000 }, () => {
  it.scopedLive("writes the answer, and nothing else, to stdout; one line of figures to stderr", () =>
    Effect.gen(function* () {
      const scene = yield* simulated({ models: [{ name: "llama3.2", reply: "The sky is blue." }] })
      const { env } = scene
      const ended = yield* Command.run(["chat", "Why", "is it blue?", "--model", "llama3.2", "-s", "Be short."], {
        env
      })
      assert.strictEqual(ended.stdout, "The sky is blue.\n")
      assert.match(ended.stderr, /^first token .*, prompt .* \(\d+ tokens\), answer .* \(\d+ tokens\).*\n$/)
      assert.strictEqual(ended.code, 0)
      assert.deepStrictEqual((yield* lastAsked(scene)).messages, [
        { role: "system", content: "Be short." },
        { role: "user", content: "Why is it blue?" }
      ])
    })
  )

  it.scopedLive("takes what is piped to it after the words; --quiet says nothing on stderr", () =>
    Effect.gen(function* () {
      const scene = yield* simulated({ models: ["llama3.2", { name: "qwen3", loaded: true, reply: "Yes." }] })
      const ended = yield* Command.run(["chat", "-q", "Describe this:"], {
        env: scene.env,
        stdin: "line one\nline two\n"
      })
      assert.deepStrictEqual(ended, { code: 0, signal: null, stdout: "Yes.\n", stderr: "" })
      const asked = yield* lastAsked(scene)
      assert.deepStrictEqual(asked.messages, [{ role: "user", content: "Describe this:\n\nline one\nline two" }])
      assert.strictEqual(asked.model, "qwen3:latest", "the model that is in memory")
    })
  )

  it.scopedLive("thoughts go to stderr, so that a pipe gets the answer only", () =>
    Effect.gen(function* () {
      const scene = yield* simulated({
        models: [
          {
            name: "qwen3",
            capabilities: ["completion", "thinking"],
            reply: { thinking: "Hm, let me see.", content: "42" }
          }
        ]
      })
      const ended = yield* Command.run(["chat", "--think", "low", "How many?", "-qm", "qwen3"], { env: scene.env })
      assert.deepStrictEqual(ended, { code: 0, signal: null, stdout: "42\n", stderr: "Hm, let me see.\n\n" })
      const asked = yield* lastAsked(scene)
      assert.strictEqual(asked.think, "low")
      assert.deepStrictEqual(asked.messages, [{ role: "user", content: "How many?" }])
    })
  )

  it.scopedLive("Ctrl-C stops the server's work", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({
        models: [{ name: "llama3.2", loaded: true, reply: endless, tokenTime: "20 millis" }]
      })
      const command = yield* Command.start(["chat", "Tell me everything", "-m", "llama3.2"], { env })
      yield* command.says("stdout", "word3")
      yield* command.kill("SIGINT")
      const { code, stderr, stdout } = yield* command.ended
      assert.strictEqual(code, 130)
      assert.strictEqual(stderr, "")
      assert.match(stdout, /word3[^]*\n$/, "the line is ended")
      const call = (yield* server.requests).findLast(({ path }) => path === "/api/chat")
      assert.strictEqual((yield* server.ended(call?.index ?? -1)).how, "left")
    })
  )

  it.scopedLive("ends quietly when nobody reads on, and so does the server's work", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({
        models: [{ name: "llama3.2", loaded: true, reply: endless, tokenTime: "20 millis" }]
      })
      const command = yield* Command.start(["chat", "Tell me everything", "-m", "llama3.2"], { env })
      yield* command.says("stdout", "word3")
      yield* command.closeStdout
      const { code, stderr } = yield* command.ended
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      const call = (yield* server.requests).findLast(({ path }) => path === "/api/chat")
      assert.strictEqual((yield* server.ended(call?.index ?? -1)).how, "left")
    })
  )

  it.scopedLive("a failure is one message with its remedy, and an exit code for its cause", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({ models: [{ name: "llama3.2", loaded: true, promptTime: "1 hour" }] })
      const policy = yield* policyFile({ retry: { attempts: 1 }, timeouts: { firstToken: "200 millis" } })
      const ask = (...args: ReadonlyArray<string>) =>
        Command.run(["chat", "Hello", "--policy", policy, ...args], { env })

      const slow = yield* ask("-m", "llama3.2")
      assert.strictEqual(slow.code, 4)
      assert.match(
        slow.stderr,
        /^error: no sign of the first chunk within 200 ms .*\nto do: .*\n {7}`effect-ollama doctor`.*\n$/
      )

      const missing = yield* ask("-m", "nobody")
      assert.strictEqual(missing.code, 1)
      assert.match(
        missing.stderr,
        /^error: the model is not installed .*\nto do: .*\n.*`effect-ollama models pull nobody`\n$/
      )

      yield* server.inject(Fault.serverBusy({ times: 1 }))
      const busy = yield* ask("-m", "llama3.2")
      assert.strictEqual(busy.code, 5)
      assert.match(busy.stderr, /^error: overloaded \(server\)/)

      const refused = yield* server.stage(Fault.refused())
      const down = yield* ask("-m", "llama3.2", "--host", refused)
      assert.strictEqual(down.code, 3)
      assert.match(down.stderr, /^error: no usable connection \(refused\) on http:.*\nto do: Start Ollama/)

      const page = yield* server.stage(Fault.captivePortal({ times: 1 }))
      const blocked = yield* ask("-m", "llama3.2", "--host", page)
      assert.strictEqual(blocked.code, 6)
      assert.match(blocked.stderr, /^error: blocked \(captivePortal\)/)

      for (const { stdout } of [slow, missing, busy, down, blocked]) assert.strictEqual(stdout, "")
    })
  )

  it.scopedLive("what had arrived of an answer that breaks off is there, and the failure after it", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({ models: [{ name: "llama3.2", loaded: true, reply: ["One", " two"] }] })
      yield* server.inject(Fault.endAfter(1, { path: "/api/chat" }))
      const { code, stderr, stdout } = yield* Command.run(["chat", "Count", "-m", "llama3.2"], { env })
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "One\n")
      assert.match(stderr, /^error: the answer broke off .*, after 1 chunk\nto do: .*\n$/)
    })
  )
})
