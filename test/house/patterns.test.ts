import { assert, describe, it } from "@effect/vitest"
import { checkPatterns } from "../../scripts/check-patterns.mjs"
import { type Files, problemsIn } from "./folder.js"

const check = (files: Files) => problemsIn(files, checkPatterns)

describe("what the rules of the house forbid", () => {
  it.each([
    ["const at = Date.now()", "Date.now"],
    ["const at = new Date()", "the wall clock"],
    ["const at = Date()", "the wall clock"],
    ["const at = performance.now()", "performance.now"],
    ["const dice = Math.random()", "Math.random"],
    ["setTimeout(() => {}, 1)", "setTimeout"],
    ["globalThis.setInterval(() => {}, 1)", "setInterval"],
    ["const schedule = setTimeout", "setTimeout"],
    ["console.log(1)", "console"],
    ["const env = process.env", "process"],
    ["const bytes = Buffer.from('')", "Buffer"],
    ["type Timer = NodeJS.Timeout", "NodeJS"],
    ["const x = 1 as any", "`any`"],
    ["const x: any = 1", "`any`"],
    ["const x = 1 as unknown as string", "through `unknown`"],
    ["const x = (1 as unknown) as string", "through `unknown`"],
    ["// @ts-ignore", "@ts-ignore"],
    ["// @ts-expect-error", "@ts-expect-error"],
    ["/* eslint-disable */", "eslint-disable"],
    ["// oxlint-disable-next-line no-console", "oxlint-disable"],
    ["// TODO later", "TODO"]
  ])("finds %s", (code, problem) => {
    const problems = check({ "src/policy/Retry.ts": `export {}\n${code}\n` })
    assert.isAtLeast(problems.length, 1)
    for (const found of problems) assert.match(found, /^src\/policy\/Retry\.ts:2 /)
    assert.include(problems.join("\n"), problem)
  })

  it("leaves alone what only looks like it", () => {
    const code = [
      `/** Like Date.now() and Math.random(), but not them: as any reader sees. */`,
      `export const text = "console.log(new Date())"`,
      `export const later = new Date(0)`,
      `export const options = { process: 1, console: 2 }`,
      `export const own = options.process + options.console`,
      `export interface Clock { readonly setTimeout: number; readonly now: unknown }`
    ]
    assert.deepStrictEqual(check({ "src/OllamaConfig.ts": code.join("\n") }), [])
  })

  it("allows the machine's clock and Node at the edges, and nothing that silences the compiler there", () => {
    const code = "export const at = [Date.now(), process.env, setTimeout]\nexport const x = at as any\n"
    const edges = ["src/node/OllamaNode.ts", "src/cli/main.ts", "src/testing/OllamaSimulatorServer.ts"]
    const problems = check(Object.fromEntries(edges.map((file) => [file, code])))
    assert.deepStrictEqual(
      [...problems].sort(),
      edges.flatMap((file) => [`${file}:2 asserts \`any\``, `${file}:2 uses the type \`any\``]).sort()
    )
  })

  it("finds a file that has grown too long, wherever it is", () => {
    const lines = (count: number) => "export const a = 1\n".repeat(count)
    const problems = check({ "test/long.test.ts": lines(401), "src/api/Chat.ts": lines(400) })
    assert.deepStrictEqual(problems, [
      "test/long.test.ts has 401 lines, more than 400: split it, or list it as a table"
    ])
  })
})
