import { assert, describe, it } from "@effect/vitest"
import { differences } from "../../scripts/lib/api.mjs"
import { checkLicences, licences } from "../../scripts/licences.mjs"

const report = (...sections: ReadonlyArray<readonly [name: string, text: string]>) =>
  ["# effect-ollama", ...sections.map(([name, text]) => `## ${name}\n\n${text}`)].join("\n\n")

const before = report(
  ["Policy.make", "const make: (patch: Patch) => Policy;"],
  ["Retry.Retry", "interface Retry {\n    readonly attempts: number;\n}"]
)

describe("the report of the API", () => {
  it("says nothing of what is the same", () => {
    assert.deepStrictEqual(differences(before, before), [])
  })

  it("says what is gone, other and new", () => {
    const after = report(
      ["Retry.Retry", "interface Retry {\n    readonly attempts: number;\n    readonly jitter: Jitter;\n}"],
      ["Retry.make", "const make: () => Retry;"]
    )
    assert.deepStrictEqual(differences(before, after), [
      "removed Policy.make\n  - const make: (patch: Patch) => Policy;",
      "changed Retry.Retry\n  +     readonly jitter: Jitter;",
      "added Retry.make\n  + const make: () => Retry;"
    ])
  })

  it("sees another order, too", () => {
    assert.lengthOf(differences(report(["a", "one\ntwo"]), report(["a", "two\none"])), 1)
  })
})

describe("the licences of what is installed", () => {
  it("are all on the list", () => {
    assert.deepStrictEqual(checkLicences(), [])
    assert.include(
      licences().map(([licence]) => licence),
      "MIT"
    )
  })
})
