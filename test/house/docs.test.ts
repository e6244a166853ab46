import { assert, describe, it } from "@effect/vitest"
import { checkDocs } from "../../scripts/check-docs.mjs"
import { problemsIn } from "./folder.js"

const check = (policy: string) =>
  problemsIn({ "src/index.ts": `export * as Retry from "./policy/Retry.js"`, "src/policy/Retry.ts": policy }, checkDocs)

const documented = `/** Retry. @since 0.1.0 */\nimport type * as Effect from "effect/Effect"\n`

describe("docstrings of the public names", () => {
  it("accepts @since and @category on each", () => {
    const code = `${documented}/**\n * @since 0.1.0\n * @category models\n */\nexport type Retry = Effect.Effect<void>\n`
    assert.deepStrictEqual(check(code), [])
  })

  it("finds the name without them", () => {
    const code = `${documented}/** @since 0.1.0 */\nexport const none: unknown = 1\nexport interface Retry {}\n`
    assert.deepStrictEqual(check(code), [
      "src/policy/Retry.ts:4 none has no @category",
      "src/policy/Retry.ts:5 Retry has no @since and no @category"
    ])
  })

  it("finds the module without @since", () => {
    const code = `/**\n * @since 0.1.0\n * @category models\n */\nexport const none = 1\n`.replace(
      "/**",
      "/* a */\n/**"
    )
    assert.deepStrictEqual(check(code), ["src/policy/Retry.ts:1 the module's first comment has no @since"])
  })
})
