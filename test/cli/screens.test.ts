/** The command on a real terminal (tmux): what is on the screen, and what keys do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { simulated } from "./support/server.js"
import * as Terminal from "./support/terminal.js"

const long = Array.from({ length: 400 }, (_, index) => ` word${index}`)

const Asked = Schema.decodeUnknownSync(
  Schema.Struct({ messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.String })) })
)

describe.skipIf(!Terminal.hasTmux)("on a terminal (tmux)", { timeout: 120_000 }, () => {
  it.scopedLive("chat is a conversation, and Ctrl-C stops an answer but not the conversation", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({
        models: [
          { name: "llama3.2", loaded: true, reply: ({ text }) => (text === "long" ? long : `I heard ${text}.`) }
        ],
        tokenTime: "20 millis"
      })
      const calls = Effect.map(server.requests, (all) => all.filter(({ path }) => path === "/api/chat"))
      const terminal = yield* Terminal.open(["chat", "--model", "llama3.2"], { env, columns: 120 })
      yield* terminal.shows(/>>>/)
      yield* terminal.press("Hello", "Enter")
      yield* terminal.shows(/I heard Hello\.\nfirst token .* tokens a second\n>>>/)

      yield* terminal.press("long", "Enter")
      yield* terminal.shows(/word3 /)
      yield* terminal.press("C-c")
      yield* terminal.shows(/Stopped\.\n>>>/)
      const { how } = yield* server.ended((yield* calls).at(-1)?.index ?? -1)
      assert.strictEqual(how, "left")

      yield* terminal.paste("one\ntwo")
      yield* terminal.shows(/>>> one\n\.\.\. two/)
      yield* terminal.press("Enter")
      yield* terminal.shows(/I heard one\ntwo\.\nfirst token .*\n>>>$/)
      const { messages } = Asked((yield* calls).at(-1)?.json)
      assert.deepStrictEqual(
        messages.map(({ role }) => role),
        ["user", "assistant", "user", "assistant", "user"]
      )
      assert.include(messages[3]?.content, "word3", "what was seen of an answer belongs to the conversation")
      assert.strictEqual(messages[4]?.content, "one\ntwo")

      yield* terminal.press("draft", "C-c")
      yield* terminal.shows(/>>> draft\n>>>$/)
      yield* terminal.press("C-d")
      yield* terminal.shows(/exit 0$/)
    })
  )

  it.scopedLive("while a model is loaded it says so, until the answer comes", () =>
    Effect.gen(function* () {
      const { env } = yield* simulated({ models: [{ name: "llama3.2", reply: "Warm.", loadTime: "4 seconds" }] })
      const terminal = yield* Terminal.open(["chat", "--model", "llama3.2", "-q"], { env, columns: 160 })
      yield* terminal.shows(/>>>/)
      yield* terminal.press("Hello", "Enter")
      yield* terminal.shows(/waiting for llama3\.2, [^:\n]*: .*[Ll]oad/)
      yield* terminal.shows(/>>> Hello\nWarm\.\n>>>$/)
      yield* terminal.press("C-d")
      yield* terminal.shows(/exit 0$/)
    })
  )

  it.scopedLive("a failure in a conversation is said, and the conversation goes on", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({ models: [{ name: "llama3.2", reply: "Back." }] })
      const terminal = yield* Terminal.open(["chat", "--model", "llama3.2", "-q"], { env, columns: 120 })
      yield* terminal.shows(/>>>/)
      yield* server.down
      yield* terminal.press("Hello", "Enter")
      yield* terminal.shows(/error: no usable connection \(refused\)[^]*to do: Start Ollama[^]*>>>$/)
      yield* server.up
      yield* terminal.press("Hello", "Enter")
      yield* terminal.shows(/>>> Hello\nBack\.\n>>>$/)
      yield* terminal.press("/bye", "Enter")
      yield* terminal.shows(/exit 0$/)
    })
  )

  it.scopedLive("a pull has a bar for its layer, drawn in place, also in 20 columns", () =>
    Effect.gen(function* () {
      const { env } = yield* simulated({ pullTime: "3 seconds" })
      const terminal = yield* Terminal.open(["models", "pull", "tinyllama"], { env })
      yield* terminal.shows(
        /^pulling manifest\npulling [0-9a-f]{12} +\d+% ▕█+.*▏ \d+ MB \/ \d+ MB {2}\d.* MB\/s {2}\d+ s left$/
      )
      const last = yield* terminal.shows(/✓ tinyllama is there \(.*MB, .* s\)\nexit 0$/)
      assert.strictEqual(last.match(/pulling [0-9a-f]{12}/g)?.length, 1)

      const narrow = yield* Terminal.open(["models", "pull", "tinyllama"], { env, columns: 20 })
      const screen = yield* narrow.shows(/exit 0$/)
      assert.match(screen, /^pulling manifest\npulling 25b0c… 100%\nverifying sha256 d…\nwriting manifest\nsuccess\n/)
    })
  )

  it.scopedLive("watch fills the screen, follows its size, and leaves the terminal as it was", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({ models: [{ name: "llama3.2", loaded: true, gpu: 1 }, "qwen3"] })
      const terminal = yield* Terminal.open(["watch", "--every", "100ms"], { env, columns: 100 })
      const wide = yield* terminal.shows(/llama3\.2:latest +2\.0 GB +GPU/)
      assert.match(wide, /HOST +STATE +VERSION +ANSWERS IN +CALLS +BREAKER\n127\.0\.0\.1:\d+ +healthy/)
      yield* terminal.resize(20, 12)
      const narrow = yield* terminal.shows(/^HOST +STATE\n127\.0\.0\.1:… +healthy\nMODEL[^]*llama3/m)
      assert.isTrue(narrow.split("\n").length <= 12)
      yield* terminal.resize(100, 24)
      yield* server.down
      yield* terminal.shows(/down[^]*: .*refused/)
      yield* server.up
      yield* terminal.shows(/healthy[^]*No model is in memory/)
      yield* terminal.press("q")
      const left = yield* terminal.shows(/exit 0/)
      assert.strictEqual(left, "exit 0")
    })
  )

  it.scopedLive("the demonstration shows every column", () =>
    Effect.gen(function* () {
      const terminal = yield* Terminal.open(["watch", "--demo", "--every", "500ms"], { columns: 140 })
      yield* terminal.shows(
        /MODEL +HOST +MEMORY +ON +LEAVES +IN FLIGHT +QUEUE +TOKENS\/S +FIRST TOKEN +BREAKER\n[^]*[▁▂▃▄▅▆▇█]+ +closed/
      )
      yield* terminal.press("C-c")
      yield* terminal.shows(/^exit 0/)
    })
  )
})
