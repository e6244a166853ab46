import { assert, describe, it } from "@effect/vitest"
import { checkDependencies } from "../../scripts/check-dependencies.mjs"
import { type Files, problemsIn } from "./folder.js"

const check = (files: Files) => problemsIn(files, checkDependencies)

const sound = {
  "src/index.ts": `export * as OllamaClient from "./OllamaClient.js"`,
  "src/OllamaClient.ts": `import * as Policy from "./policy/Policy.js"\nexport const defaults = Policy.defaults`,
  "src/policy/Policy.ts": `import * as Duration from "effect/Duration"\nexport const defaults = Duration.zero`
}

describe("the direction of imports", () => {
  it("accepts imports that point down", () => {
    assert.deepStrictEqual(check(sound), [])
  })

  it.each([
    ["a policy that knows the client", "src/policy/Retry.ts", "../OllamaClient.js", "policy may import only"],
    [
      "an internal module that knows a policy",
      "src/internal/pipeline.ts",
      "../policy/Policy.js",
      "internal may import"
    ],
    ["a wire schema that knows a policy", "src/api/Chat.ts", "../policy/Policy.js", "api may import only"],
    ["a simulator that knows the client", "src/testing/index.ts", "../OllamaClient.js", "testing may import only"],
    ["the barrel of the package", "src/policy/Retry.ts", "../index.js", "the barrel src/index.ts"],
    ["the barrel of Effect", "src/policy/Retry.ts", "effect", `the barrel "effect"`],
    ["the barrel of the platform", "src/OllamaConfig.ts", "@effect/platform", `the barrel "@effect/platform"`],
    ["a Node module in the core", "src/OllamaConfig.ts", "node:fs", "imports node:fs"],
    ["a Node module in the simulator in memory", "src/testing/index.ts", "node:http", "imports node:http"],
    ["the Node platform in the core", "src/OllamaConfig.ts", "@effect/platform-node/NodeHttpClient", "not a package"],
    ["a package nobody agreed to", "src/node/index.ts", "left-pad", "not a package that node may use"],
    ["a module that is not there", "src/policy/Retry.ts", "./Gone.js", "does not exist"],
    ["a room that is not on the plan", "src/cellar/Wine.ts", "effect/Effect", "belongs to no room"]
  ])("refuses %s", (_, file, specifier, problem) => {
    const problems = check({ ...sound, [file]: `import * as It from "${specifier}"\nexport const it = It` })
    assert.lengthOf(problems, 1)
    assert.include(problems[0], file)
    assert.include(problems[0], problem)
  })

  it("sees a re-export, a dynamic import and a type in a type", () => {
    const problems = check({
      ...sound,
      "src/policy/Retry.ts": [
        `export * from "../OllamaClient.js"`,
        `export const load = () => import("../OllamaClient.js")`,
        `export type Client = import("../OllamaClient.js").Client`
      ].join("\n")
    })
    assert.deepStrictEqual(
      problems.filter((problem) => problem.includes("may import only")).map((problem) => problem.split(" ")[0]),
      ["src/policy/Retry.ts:1", "src/policy/Retry.ts:2", "src/policy/Retry.ts:3"]
    )
  })

  it("lets only the server of the simulator use Node, and nobody in memory reach it", () => {
    const server = {
      "src/testing/index.ts": `export const engine = 1`,
      "src/testing/node.ts": `export * as OllamaSimulatorServer from "./OllamaSimulatorServer.js"`,
      "src/testing/OllamaSimulatorServer.ts": `export { listen } from "./internal/listen.js"`,
      "src/testing/internal/listen.ts": `export { createServer as listen } from "node:http"`
    }
    assert.deepStrictEqual(check(server), [])
    const reached = check({ ...server, "src/testing/index.ts": `export { listen } from "./internal/listen.js"` })
    assert.deepStrictEqual(reached, [
      "src/testing/internal/listen.ts:1 imports node:http: only node, cli and the simulator's server"
    ])
  })

  it("refuses modules that load each other, not types that name each other", () => {
    const pair = (kind: string) => ({
      "src/policy/Retry.ts": `import ${kind} * as Budget from "./Budget.js"\nexport type A = typeof Budget`,
      "src/policy/Budget.ts": `import * as Retry from "./Retry.js"\nexport type B = typeof Retry`
    })
    assert.deepStrictEqual(check(pair("type")), [])
    assert.deepStrictEqual(check(pair("")), [
      "src/policy/Budget.ts is in a circle: src/policy/Budget.ts -> src/policy/Retry.ts -> src/policy/Budget.ts"
    ])
  })
})
