/** What all commands have in common: help, version, usage, colours, secrets. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import manifest from "../../package.json" with { type: "json" }
import * as Command from "./support/command.js"
import { simulated } from "./support/server.js"

describe("the command", { timeout: 120_000 }, () => {
  it.live("--help is the page of a command, as wide and as coloured as it may be", () =>
    Effect.gen(function* () {
      const top = yield* Command.run(["--help"])
      assert.deepStrictEqual({ code: top.code, stderr: top.stderr }, { code: 0, stderr: "" })
      assert.include(top.stdout, "\nUsage\n  effect-ollama <command> [options]\n")
      const chat = yield* Command.run(["chat", "--model", "x", "-h"], { env: { COLUMNS: "30", FORCE_COLOR: "1" } })
      assert.include(chat.stdout, "\u001b[1mUsage\u001b[22m\n  effect-ollama chat\n    [options] [<prompt>...]\n")
    })
  )

  it.live("--version is that of the package", () =>
    Effect.gen(function* () {
      const ended = yield* Command.run(["chat", "--version"])
      assert.deepStrictEqual(ended, { code: 0, signal: null, stdout: `${manifest.version}\n`, stderr: "" })
      assert.strictEqual(manifest.bin["effect-ollama"], "dist/cli/effect-ollama.js")
    })
  )

  it.live("a wrong command line is one message, the page that helps, and 64", () =>
    Effect.gen(function* () {
      const ours = yield* Command.run(["chat", "hi", "--modle", "x"])
      assert.deepStrictEqual(ours, {
        code: 64,
        signal: null,
        stdout: "",
        stderr: "error: unknown option --modle; did you mean --model?\nto do: effect-ollama chat --help\n"
      })
      // what only the parser of @effect/cli knows
      const parsed = yield* Command.run(["models", "show"])
      assert.deepStrictEqual(parsed, {
        code: 64,
        signal: null,
        stdout: "",
        stderr: "error: Missing argument <model>\nto do: effect-ollama models show --help\n"
      })
      const unasked = yield* Command.run(["chat"])
      assert.strictEqual(unasked.code, 64)
      assert.match(unasked.stderr, /^error: nothing to ask: .*\nto do: effect-ollama chat --help\n$/)
    })
  )

  it.scopedLive("failures are coloured where that is wanted, and no secret is printed", () =>
    Effect.gen(function* () {
      const { server } = yield* simulated()
      yield* server.down
      const env = {
        OLLAMA_HOST: server.url.replace("://", "://somebody:hunter2@"),
        OLLAMA_API_KEY: "sk-hidden",
        OLLAMA_POLICY_RETRY_ATTEMPTS: "1"
      }
      const plain = yield* Command.run(["models", "list", "--log-level", "debug"], { env })
      assert.strictEqual(plain.code, 3)
      assert.notInclude(plain.stderr, "\u001b")
      const forced = yield* Command.run(["models", "list"], { env: { ...env, FORCE_COLOR: "1" } })
      assert.match(forced.stderr, /^\u001b\[31merror:\u001b\[39m /)
      for (const { stderr, stdout } of [plain, forced]) assert.notMatch(stderr + stdout, /hunter2|sk-hidden/)
    })
  )

  it.scopedLive("the key of the environment does not go to another server", () =>
    Effect.gen(function* () {
      const { server } = yield* simulated()
      const show = ["models", "show", "llama3.2", "--host", server.url]
      yield* Command.run(show, { env: { OLLAMA_API_KEY: "sk-mine" } })
      yield* Command.run(show, { env: { OLLAMA_API_KEY: "sk-other", OLLAMA_HOST: "https://ollama.com" } })
      const keys = (yield* server.requests).map(({ headers }) => headers["authorization"])
      assert.deepStrictEqual(keys, ["Bearer sk-mine", undefined])
    })
  )
})
