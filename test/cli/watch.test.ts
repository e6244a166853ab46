/** `effect-ollama watch` as a process, where there is no terminal. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Command from "./support/command.js"
import { simulated } from "./support/server.js"

const loaded = { models: [{ name: "llama3.2", loaded: true, gpu: 1, reply: "Yes." }, "qwen3"] }

describe("watch", { timeout: 120_000 }, () => {
  it.scopedLive("--once prints how the servers are, and says it by its exit code", () =>
    Effect.gen(function* () {
      const one = yield* simulated(loaded)
      const other = yield* simulated()
      const hosts = ["--host", one.server.url, "--host", other.server.url]
      const both = yield* Command.run(["watch", "--once", ...hosts])
      assert.deepStrictEqual({ code: both.code, stderr: both.stderr }, { code: 0, stderr: "" })
      const [first = "", second = ""] = both.stdout.split("\n")
      assert.match(
        first,
        /^20\S+Z http:\/\/127\.0\.0\.1:\d+ healthy 0\.33\.0-simulator .*; llama3\.2:latest 2\.0 GB GPU 5 min left$/
      )
      assert.match(second, /^20\S+Z http:\/\/127\.0\.0\.1:\d+ healthy 0\.33\.0-simulator [^;]*$/)

      yield* other.server.down
      const down = yield* Command.run(["watch", "--once", "--json", ...hosts])
      assert.strictEqual(down.code, 3)
      const report: unknown = JSON.parse(down.stdout)
      assert.containSubset(report, {
        hosts: [
          { status: "healthy", models: [{ model: "llama3.2:latest" }] },
          { status: "unreachable", models: [] }
        ]
      })
    })
  )

  it.scopedLive("shows the fleet of the environment, where no host is named", () =>
    Effect.gen(function* () {
      const one = yield* simulated(loaded)
      const other = yield* simulated()
      const env = { OLLAMA_HOSTS: `${one.server.url}, ${other.server.url}` }
      const both = yield* Command.run(["watch", "--once"], { env })
      assert.deepStrictEqual({ code: both.code, stderr: both.stderr }, { code: 0, stderr: "" })
      for (const { server } of [one, other]) assert.include(both.stdout, `${server.url} healthy`)
    })
  )

  it.scopedLive("--probe measures by a call of one token, of a model in memory only", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated(loaded)
      const once = yield* Command.run(["watch", "--once", "--probe", "llama3.2"], { env })
      assert.match(once.stdout, /llama3\.2:latest .*first token \d+ ms\n$/)
      const calls = (yield* server.requests).filter(({ path }) => path === "/api/generate")
      assert.containSubset(
        calls.map(({ json }) => json),
        [{ options: { num_predict: 1 } }]
      )
      yield* Command.run(["watch", "--once", "--probe", "qwen3"], { env })
      assert.deepStrictEqual(yield* server.loaded, ["llama3.2:latest"])
    })
  )

  it.scopedLive("prints a line for each interval, until it is stopped", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated(loaded)
      const command = yield* Command.start(["watch", "--every", "100ms"], { env })
      yield* command.says("stdout", "healthy")
      yield* server.down
      yield* command.says("stdout", "unreachable")
      yield* command.kill("SIGINT")
      const { code, stderr, stdout } = yield* command.ended
      assert.deepStrictEqual({ code, stderr }, { code: 130, stderr: "" })
      assert.notInclude(stdout, "\u001b")
    })
  )

  it.scopedLive("--json gives one object a line, and ends when nobody reads it", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated(loaded)
      const command = yield* Command.start(["watch", "--every", "100ms", "--json"], { env })
      yield* command.says("stdout", "\n{")
      yield* command.closeStdout
      const { code, stderr, stdout } = yield* command.ended
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      const [line = ""] = stdout.split("\n")
      const report: unknown = JSON.parse(line)
      assert.containSubset(report, { hosts: [{ host: server.url, status: "healthy" }], troubles: [] })
    })
  )
})
