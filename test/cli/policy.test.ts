/** `effect-ollama policy` as a process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Command from "./support/command.js"
import { folder } from "./support/server.js"

describe("policy", { timeout: 120_000 }, () => {
  it.scopedLive(
    "print gives the policy in force: the file, under the variables; a file that is named counts alone",
    () =>
      Effect.gen(function* () {
        const path = yield* folder({
          "one.json": `{"retry":{"attempts":7},"timeouts":{"load":"2 minutes"}}`,
          "two.json": `{"retry":{"attempts":2}}`
        })
        const env = { OLLAMA_POLICY_FILE: `${path}/one.json`, OLLAMA_POLICY_RETRY_FACTOR: "3" }
        const print = (...args: ReadonlyArray<string>) =>
          Effect.map(Command.run(["policy", "print", ...args], { env }), ({ stdout }): unknown => JSON.parse(stdout))
        assert.containSubset(yield* print(), { retry: { attempts: 7, factor: 3 }, timeouts: { load: 120_000 } })
        assert.containSubset(yield* print("--policy", `${path}/two.json`), {
          retry: { attempts: 2, factor: 2 },
          timeouts: { load: "auto" }
        })
        // what is printed is a policy that can be checked
        const printed = yield* Command.run(["policy", "print"], { env })
        const checked = yield* Command.run(["policy", "check", "-"], { stdin: printed.stdout })
        assert.deepStrictEqual(checked, { code: 0, signal: null, stdout: "-: good\n", stderr: "" })
      })
  )

  it.scopedLive("check names every problem with its file and field, and its exit code says what it is", () =>
    Effect.gen(function* () {
      const path = yield* folder({
        "good.json": `{"retry":{"attempts":2}}`,
        "bad.json": `{"retry":{"attempts":0,"jiter":"full"},"timeouts":{"load":"-5 seconds"}}`,
        "text.json": "retry: 3"
      })
      const check = (...args: ReadonlyArray<string>) => Command.run(["policy", "check", ...args])
      const bad = yield* check(`${path}/good.json`, `${path}/bad.json`, `${path}/text.json`)
      assert.strictEqual(bad.code, 65)
      assert.strictEqual(bad.stdout, `${path}/good.json: good\n`)
      const problems = bad.stderr.trimEnd().split("\n")
      for (const field of ["retry.attempts", "retry.jiter", "timeouts.load"]) {
        assert.isTrue(
          problems.some((line) => line.startsWith(`${path}/bad.json: ${field}: `)),
          field
        )
      }
      assert.match(problems.at(-1) ?? "", /text\.json: not JSON/)

      const missing = yield* check(`${path}/none.json`)
      assert.deepStrictEqual(
        { code: missing.code, stderr: missing.stderr },
        { code: 66, stderr: `${path}/none.json: not found\n` }
      )

      const json = yield* check("--json", `${path}/bad.json`)
      assert.strictEqual(json.code, 65)
      const report: unknown = JSON.parse(json.stdout)
      assert.containSubset(report, { file: `${path}/bad.json`, valid: false })
    })
  )

  it.live("variables that are wrong are named", () =>
    Effect.gen(function* () {
      const env = { OLLAMA_POLICY_RETRY_ATTEMPTS: "many", OLLAMA_POLICY_TIMEOUTS_LOAD: "-1 second" }
      const { code, stderr } = yield* Command.run(["policy", "print"], { env })
      assert.strictEqual(code, 78)
      assert.match(stderr, /^error: OLLAMA_POLICY_TIMEOUTS_LOAD: .*\n {7}OLLAMA_POLICY_RETRY_ATTEMPTS: /)
    })
  )
})
