/** The words of a command line before they are parsed, and the pages of `--help`. */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Arguments from "../../src/cli/arguments.js"
import { family } from "../../src/cli/commands.js"
import * as Help from "../../src/cli/help.js"
import * as Columns from "../../src/cli/terminal/columns.js"
import * as Style from "../../src/cli/terminal/Style.js"
import * as Tree from "../../src/cli/tree.js"

const tree = Tree.of(family)

const all = (node: Tree.Node): ReadonlyArray<Tree.Node> => [node, ...node.commands.flatMap(all)]

const page = (width: number, ...words: ReadonlyArray<string>) =>
  Help.page(Arguments.commandOf(tree, words), width).map((line) => Style.render(line, false))

describe("the words of a command line", () => {
  it("name a command", () => {
    const name = (...words: ReadonlyArray<string>) => Arguments.commandOf(tree, words).path.join(" ")
    assert.strictEqual(name(), "effect-ollama")
    assert.strictEqual(name("models"), "effect-ollama models")
    assert.strictEqual(name("models", "--host", "x", "list"), "effect-ollama models")
    assert.strictEqual(name("models", "list", "--json"), "effect-ollama models list")
    assert.strictEqual(name("--", "models"), "effect-ollama")
  })

  it("that make no sense are told of", () => {
    const problem = (...words: ReadonlyArray<string>) =>
      Option.getOrUndefined(Option.map(Arguments.problemOf(tree, words), ({ message }) => message))
    assert.strictEqual(problem(), "effect-ollama needs a command: doctor, chat, watch, models, policy")
    assert.strictEqual(problem("chatt"), "effect-ollama has no command chatt; did you mean chat?")
    assert.strictEqual(problem("models", "lsit"), "effect-ollama models has no command lsit; did you mean list?")
    assert.strictEqual(problem("policy", "frobnicate"), "effect-ollama policy has no command frobnicate")
    assert.strictEqual(problem("chat", "hi", "--modle", "x"), "unknown option --modle; did you mean --model?")
    assert.strictEqual(problem("chat", "-x"), "unknown option -x")
    assert.strictEqual(problem("chat", "hi", "--model"), "--model needs a value")
    assert.isUndefined(problem("chat", "hi", "--model", "--odd-name"))
    assert.isUndefined(problem("chat", "--", "--not-an-option"))
    assert.isUndefined(problem("chat", "- a list", "-", "-5"))
    assert.isUndefined(problem("models", "load", "x", "--keep-alive", "-1", "--log-level=debug"))
  })

  it("are made those that the parser knows", () => {
    const normal = (...words: ReadonlyArray<string>) => Arguments.normal(tree, words)
    assert.deepStrictEqual(normal("chat", "-qm", "x"), ["chat", "-q", "-m", "x"])
    assert.deepStrictEqual(normal("chat", "-mqwen3:8b"), ["chat", "-m", "qwen3:8b"])
    assert.deepStrictEqual(normal("chat", "-qz"), ["chat", "-qz"])
    assert.deepStrictEqual(normal("chat", "--think", "why"), ["chat", "--think=yes", "why"])
    assert.deepStrictEqual(normal("chat", "--think", "high", "why"), ["chat", "--think", "high", "why"])
    assert.deepStrictEqual(normal("chat", "--think=low"), ["chat", "--think=low"])
    assert.deepStrictEqual(normal("chat", "--", "--think", "-qm"), ["chat", "--", "--think", "-qm"])
  })
})

describe("--help", () => {
  it("says of every command, option and argument what it is", () => {
    for (const node of all(tree)) {
      assert.notStrictEqual(node.description, "", node.path.join(" "))
      for (const { description, label } of [...node.options, ...node.arguments]) {
        assert.notStrictEqual(description, "", `${node.path.join(" ")} ${label}`)
      }
    }
  })

  it("has the names of all commands, exit codes and the environment on its first page", () => {
    const top = page(100).join("\n")
    for (const word of [
      "doctor",
      "chat",
      "watch",
      "models list|pull|show|load|unload|remove",
      "policy print|check|explain"
    ]) {
      assert.include(top, `\n  ${word}`)
    }
    assert.match(top, /\n {2}0 +all is well\n[^]*\n {2}3 +the server is down[^]*\n {2}130 +ended by Ctrl-C/)
    assert.include(top, "OLLAMA_HOST")
  })

  it("writes arguments as manual pages do", () => {
    const usage = (...words: ReadonlyArray<string>) => page(100, ...words).find((line) => line.includes("[options]"))
    assert.strictEqual(usage("chat"), "  effect-ollama chat [options] [<prompt>...]")
    assert.strictEqual(usage("policy", "check"), "  effect-ollama policy check [options] <file>...")
    assert.strictEqual(usage("models", "show"), "  effect-ollama models show [options] <model>")
  })

  it("fits any width down to 20 columns", () => {
    for (const node of all(tree)) {
      for (const width of [20, 40, 60, 80, 200]) {
        for (const line of page(width, ...node.path.slice(1))) {
          assert.isAtMost(Columns.columns(line), Math.min(width, 100), `${node.path.join(" ")}: ${line}`)
        }
      }
    }
  })
})
