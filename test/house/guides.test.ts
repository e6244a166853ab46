import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { matches, prepare, run } from "../../scripts/lib/guides.mjs"

const programs = await prepare()

/** What the guides ask that bring no simulator of their own. */
const server = OllamaSimulatorServer.layer({
  models: [{ name: "llama3.2", loaded: true }],
  reply: "Because blue light is scattered more than red."
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
