/**
 * The public names are frozen in `exports.txt`. After a change that is meant:
 *
 *     npx vitest run test/house/exports.test.ts --update
 */
import { assert, describe, expect, it } from "@effect/vitest"
import { listExports } from "../../scripts/list-exports.mjs"

/** The names of a module's values, with those inside its namespaces: `Policy.defaults`. */
const valuesOf = (module: object): ReadonlyArray<string> =>
  Object.entries(module)
    .flatMap(([namespace, members]) => Object.keys(Object(members)).map((member) => `${namespace}.${member}`))
    .sort()

const typeKinds = new Set(["interface", "type"])

/** The values among the names printed for one entry point. */
const valuesListed = (listing: string, entry: string): ReadonlyArray<string> =>
  (listing.split(/^(?=\S)/m).find((section) => section.startsWith(`${entry}\n`)) ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(": "))
    .filter(([, kinds]) => kinds?.split(", ").some((kind) => !typeKinds.has(kind)))
    .map(([name]) => name ?? "")
    .sort()

describe("the public names", () => {
  it("are the frozen ones", async () => {
    await expect(listExports()).toMatchFileSnapshot("./exports.txt")
  })

  it("are what a program gets", async () => {
    const listing = listExports()
    const modules = {
      "effect-ollama": await import("effect-ollama"),
      "effect-ollama/node": await import("effect-ollama/node"),
      "effect-ollama/ai": await import("effect-ollama/ai"),
      "effect-ollama/shared": await import("effect-ollama/shared"),
      "effect-ollama/testing": await import("effect-ollama/testing"),
      "effect-ollama/testing/node": await import("effect-ollama/testing/node")
    }
    for (const [entry, module] of Object.entries(modules)) {
      const listed = valuesListed(listing, entry)
      assert.isAbove(listed.length, 0, entry)
      assert.deepStrictEqual(valuesOf(module), listed, entry)
    }
  })
})
