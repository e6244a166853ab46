/** Completions, in the shells that there are. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { family } from "../../src/cli/commands.js"
import * as Completions from "../../src/cli/completions.js"
import * as Tree from "../../src/cli/tree.js"
import { environment } from "./support/command.js"

const has = (program: string): boolean => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** What a shell prints for a program that has the completions in the variable `script`. */
const lines = (shell: string, program: string): ReadonlyArray<string> => {
  const script = Completions.script(shell, Tree.of(family)) ?? ""
  return execFileSync(shell, ["-c", program], { env: environment({ script }), encoding: "utf8" })
    .trimEnd()
    .split("\n")
}

describe("completions", () => {
  it.skipIf(!has("bash"))("in bash", () => {
    const found = lines(
      "bash",
      `eval "$script"
      t() { COMP_WORDS=(effect-ollama "$@"); COMP_CWORD=$#; _effect_ollama 2> /dev/null; echo "\${COMPREPLY[*]}"; }
      t ""; t models l; t chat --th; t chat --think = h; t chat "a prompt" --po; t policy check package.j`
    )
    assert.deepStrictEqual(found, [
      "doctor chat watch models policy",
      "list load",
      "--think",
      "high",
      "--policy",
      "package.json"
    ])
  })

  it.skipIf(!has("zsh"))("in zsh", () => {
    const found = lines(
      "zsh",
      `compdef() { }; eval "$script"
      _describe() { local name=\${@[-1]}; print -- \${(P)name%%:*}; }; _files() { print -- files; }
      compset() { PREFIX=\${PREFIX#*=}; }; compadd() { print -- \${(M)@:#$PREFIX*}; }
      t() { words=(effect-ollama "$@"); CURRENT=$(( $# + 1 )); PREFIX=\${@[-1]}; _effect_ollama; }
      t ""; t models ""; t chat --think=h; t policy check pa`
    )
    assert.deepStrictEqual(found, [
      "doctor chat watch models policy",
      "list pull show load unload remove",
      "high",
      "files"
    ])
  })

  it.skipIf(!has("fish"))("in fish", () => {
    const found = lines(
      "fish",
      `echo $script | string collect | source
      for line in "models l" "chat --thin" "chat --think h" "policy check package.j"
        complete -C "effect-ollama $line" | string replace -r '\\t.*' ''
      end
      true`
    )
    assert.deepStrictEqual(found, ["list", "load", "--think", "high", "package.json"])
  })

  it("there is none for other shells", () => {
    assert.isUndefined(Completions.script("toString", Tree.of(family)))
  })
})
