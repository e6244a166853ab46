import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { OllamaError, Policy } from "effect-ollama"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { readFileSync } from "node:fs"
import { blocks, matches, pages, prepare, run } from "../../scripts/lib/guides.mjs"

const programs = await prepare()

/** What the guides ask that bring no simulator of their own. */
const server = OllamaSimulatorServer.layer({
  models: [{ name: "llama3.2", loaded: true }],
  reply: "Because blue light is scattered more than red."
})

const page = (name: string): string => {
  const file = pages().find((path: string) => path.endsWith(`${name}.md`))
  if (file === undefined) throw new Error(`there is no guide ${name}`)
  return readFileSync(file, "utf8")
}

describe("what the guides say", () => {
  it("is of every failure, and of every reason it can have", () => {
    const guide = page("failures")
    const { Blocked, InvalidRequest, Overloaded, Unreachable } = OllamaError
    const reasons = [Unreachable.fields.reason, Overloaded.fields.by, Blocked.fields.by, InvalidRequest.fields.issue]
    const missing = [
      ...OllamaError.OllamaError.members.map(({ _tag }) => `### ${_tag}\n`),
      ...OllamaError.Phase.literals.map((phase) => `\`${phase}\``),
      ...reasons.flatMap(({ literals }) => literals).map((reason) => `\`${reason}\``)
    ].filter((text) => !guide.includes(text))
    assert.deepStrictEqual(missing, [])
  })

  it.effect("is a policy wherever it is JSON", () =>
    Effect.gen(function* () {
      const json = blocks(page("policies")).filter(({ info }) => info === "json")
      assert.isAbove(json.length, 9)
      for (const { content } of json) yield* Policy.fromJson(JSON.parse(content))
    })
  )
})

describe("the programs of the guides", () => {
  it("are there", () => {
    assert.isAbove(programs.length, 10)
  })

  for (const program of programs) {
    it.live(`${program.name} prints what the guide says`, () =>
      Effect.gen(function* () {
        const { port } = yield* OllamaSimulatorServer.OllamaSimulatorServer
        const printed = yield* Effect.promise(() => run(program, `127.0.0.1:${port}`))
        if (!matches(printed, program.output)) assert.strictEqual(printed, program.output)
      }).pipe(Effect.provide(server))
    )
  }

  it("are not found right whatever they print", () => {
    assert.isTrue(matches("a 12 b\nx\ny\nend", "a … b\n…\nend"))
    assert.isFalse(matches("a 12 b\nx\ny", "a … b\n…\nend"))
    assert.isFalse(matches("a.b", "a-b"))
  })
})
