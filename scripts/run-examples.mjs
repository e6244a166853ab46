/**
 * Runs every example against the simulator and looks at how it ends.
 *
 *     node scripts/run-examples.mjs [name…]
 *
 * Each `examples/*.ts` says in its first lines what is to be seen:
 *
 *     // expect: ^Hello          a regular expression for the last line it prints
 *     // expect-exit: 1          its exit code, when that is not 0
 *     // args: "Hello" --model x its arguments, if it needs any
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { ensure } from "./ensure.mjs"
import { filesUnder, relative, root } from "./lib/paths.mjs"
import { runNode, seconds } from "./lib/run.mjs"

const limitMillis = 60_000

/** The declarations in the comment lines at the top of an example. */
const readDeclarations = (file) => {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, 20)
  const find = (key) => lines.map((line) => line.match(`^(?://| \\*) ${key}: (.*)$`)?.[1].trim()).find(Boolean)
  const args = find("args")?.match(/"[^"]*"|\S+/g) ?? []
  const expect = find("expect")
  return {
    args: args.map((arg) => arg.replace(/^"|"$/g, "")),
    exitCode: Number(find("expect-exit") ?? 0),
    lastLine: expect === undefined ? undefined : new RegExp(expect)
  }
}

/** What is wrong with the way an example ended, if anything. */
const problemOf = (result, { exitCode, lastLine }) => {
  if (result.timedOut) return `still running after ${limitMillis / 1000} s`
  if (result.code !== exitCode) return `ended with exit code ${result.code}, not ${exitCode}`
  const last = result.stdout.trimEnd().split("\n").at(-1)
  return lastLine.test(last) ? undefined : `its last line is ${JSON.stringify(last)}, not ${lastLine}`
}

const runExample = async ({ file, program }) => {
  const name = relative(file)
  const declarations = readDeclarations(file)
  if (declarations.lastLine === undefined) {
    console.log(`FAIL ${name}\n    says nothing about what is to be seen: add a line \`// expect: <regex>\``)
    return false
  }
  const result = await runNode(["--enable-source-maps", program, ...declarations.args], {
    env: { EFFECT_OLLAMA_SIMULATOR: "1" },
    timeoutMillis: limitMillis
  })
  const problem = problemOf(result, declarations)
  console.log(`${problem === undefined ? "ok  " : "FAIL"} ${name.padEnd(40)}${seconds(result.seconds)}`)
  if (problem === undefined) return true
  console.log(`    ${problem}\n${result.output.trim().replace(/^/gm, "    | ")}`)
  return false
}

/** Runs the examples, two at a time; gives how many passed and failed. */
export const runExamples = async (names = []) => {
  const all = filesUnder(path.join(root, "examples"), [".ts"]).filter((file) => !relative(file).includes("/_"))
  const files = names.length === 0 ? all : all.filter((file) => names.some((name) => file.includes(name)))
  const { bundle } = await import("./lib/bundle.mjs")
  const programs = await bundle(files)
  const waiting = files.map((file, index) => ({ file, program: programs[index] }))
  const count = { passed: 0, failed: 0 }
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      count[(await runExample(next)) ? "passed" : "failed"]++
    }
  }
  await Promise.all([lane(), lane()])
  return count
}

if (process.argv[1] === import.meta.filename) {
  const count = (await ensure()) ? await runExamples(process.argv.slice(2)) : { passed: 0, failed: 1 }
  console.log(`${count.passed} passed, ${count.failed} failed`)
  process.exitCode = count.failed > 0 ? 1 : 0
}
