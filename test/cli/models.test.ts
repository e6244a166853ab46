/** `effect-ollama models` as a process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Command from "./support/command.js"
import { simulated } from "./support/server.js"

const installed = (server: Effect.Effect.Success<ReturnType<typeof simulated>>["server"]) =>
  Effect.map(server.state, ({ residents }) => residents.map(({ name }) => name))

describe("models", { timeout: 120_000 }, () => {
  it.scopedLive("list says what is installed, and what of it is in memory", () =>
    Effect.gen(function* () {
      const { env } = yield* simulated({
        models: [{ name: "llama3.2", loaded: true, gpu: 1 }, { name: "qwen3", size: 5_200_000_000 }, "all-minilm"]
      })
      const { code, stderr, stdout } = yield* Command.run(["models", "list"], { env })
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      const lines = stdout.trimEnd().split("\n")
      assert.match(lines[0] ?? "", /^NAME +SIZE +IN MEMORY +MODIFIED +PARAMETERS +QUANTIZATION +CAN$/)
      assert.match(
        lines[1] ?? "",
        /^llama3\.2:latest +2\.0 GB +GPU, 5 min left +\d+ \w+ ago +3\.2B +Q4_K_M +completion, tools$/
      )
      assert.match(lines[2] ?? "", /^qwen3:latest +5\.2 GB +\d+ \w+ ago +3\.2B/)
      assert.strictEqual(lines.length, 4)

      const json: unknown = JSON.parse((yield* Command.run(["models", "list", "--json"], { env })).stdout)
      assert.containSubset(json, [
        { name: "llama3.2:latest", running: { size_vram: 2_016_000_000 } },
        { name: "qwen3:latest", running: null },
        { name: "all-minilm:latest" }
      ])
    })
  )

  it.scopedLive("pull tells of its progress in lines where there is no terminal; --json gives the server's own", () =>
    Effect.gen(function* () {
      const { env } = yield* simulated({ registry: ["tinyllama", "nomic-embed-text"] })
      const plain = yield* Command.run(["models", "pull", "tinyllama"], { env })
      assert.deepStrictEqual({ code: plain.code, stdout: plain.stdout }, { code: 0, stdout: "" })
      assert.match(
        plain.stderr,
        /^pulling manifest\npulling \w+ 0%, 0 B \/ 2\.0 GB\n[^]*pulling \w+ 100%, 2\.0 GB\nverifying sha256 digest\nwriting manifest\nsuccess\n✓ tinyllama is there \(2\.0 GB, .*\)\n$/
      )
      const json = yield* Command.run(["models", "pull", "nomic-embed-text", "--json"], { env })
      const lines = json.stdout
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line))
      assert.deepStrictEqual([lines[0], lines.at(-1)], [{ status: "pulling manifest" }, { status: "success" }])
      assert.strictEqual(json.stderr, "")

      const missing = yield* Command.run(["models", "pull", "nobody"], { env })
      assert.strictEqual(missing.code, 1)
      assert.match(missing.stderr, /error: .*file does not exist/)
    })
  )

  it.scopedLive("a pull that is stopped says how to go on", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({ pullTime: "1 hour" })
      const command = yield* Command.start(["models", "pull", "tinyllama"], { env })
      yield* command.says("stderr", "0 B / 693 MB")
      yield* command.kill("SIGINT")
      const { code, stderr } = yield* command.ended
      assert.strictEqual(code, 130)
      assert.match(stderr, /\nStopped\. The same command goes on where this one was\.\n$/)
      assert.strictEqual((yield* server.ended(0)).how, "left")
    })
  )

  it.scopedLive("show, load, unload and remove do so", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({ models: [{ name: "llama3.2", gpu: 0.5 }, "qwen3"] })
      const models = (...args: ReadonlyArray<string>) => Command.run(["models", ...args], { env })
      const shown = yield* models("show", "llama3.2")
      assert.match(
        shown.stdout,
        /^llama3\.2\n {2}architecture +llama\n {2}parameters +3\.2B\n[^]*context length +4,096\n/
      )

      const loaded = yield* models("load", "llama3.2", "--keep-alive", "10m")
      assert.match(loaded.stderr, /^✓ llama3\.2 is in memory after .*, 50% GPU, 10 min left\n$/)
      assert.deepStrictEqual(yield* installed(server), ["llama3.2:latest"])
      const unloaded = yield* models("unload", "llama3.2", "qwen3")
      assert.strictEqual(unloaded.stderr, "✓ llama3.2 leaves memory\n✓ qwen3 leaves memory\n")
      assert.deepStrictEqual(yield* installed(server), [])

      const removed = yield* models("remove", "llama3.2", "nobody")
      assert.strictEqual(removed.code, 1)
      assert.match(removed.stderr, /^✓ llama3\.2 is removed\nerror: the model is not installed .*nobody/)
      assert.notInclude(removed.stderr, "models pull")
    })
  )
})
