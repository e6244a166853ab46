/**
 * Everything that can be said about the code without running it, in one command that says which step failed.
 *
 *     npm run check                      all steps, two at a time
 *     npm run check -- types lint        only these
 */
import { ensure } from "./ensure.mjs"
import { runNode, seconds } from "./lib/run.mjs"

const formatFlags = ["--log-level=warn", "--cache", "--cache-location=.cache/prettier"]

const packageProgram = (file) => `node_modules/${file}`

/** A check of our own, inside this process: they share the compiler's start. */
const own = (module, name) => async () => {
  const started = performance.now()
  const problems = (await import(module))[name]()
  return {
    code: problems.length > 0 ? 1 : 0,
    output: problems.join("\n"),
    seconds: (performance.now() - started) / 1000
  }
}

/** The slow ones first, so that two at a time end together. */
const steps = {
  types: () => runNode(["scripts/check-types.mjs"]),
  package: () => runNode(["scripts/check-package.mjs"]),
  consumers: () => runNode(["scripts/check-consumers.mjs"]),
  api: () => runNode(["scripts/api.mjs"]),
  size: () => runNode(["--import=tsx", "bench/size.ts"]),
  browser: () => runNode(["scripts/check-browser.mjs"]),
  lint: () => runNode([packageProgram("oxlint/bin/oxlint"), "--type-aware", "--deny-warnings", "--format=unix"]),
  format: () => runNode([packageProgram("prettier/bin/prettier.cjs"), "--check", ".", ...formatFlags]),
  dependencies: own("./check-dependencies.mjs", "checkDependencies"),
  patterns: own("./check-patterns.mjs", "checkPatterns"),
  docs: own("./check-docs.mjs", "checkDocs"),
  licences: own("./licences.mjs", "checkLicences")
}

const remedies = { format: "Remedy: npm run format" }

const indent = (text) => text.trim().replace(/^/gm, "    ")

const runStep = async (name) => {
  const { code, output, seconds: taken } = await steps[name]()
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${name.padEnd(14)}${seconds(taken)}`)
  if (code === 0) return []
  console.log(indent([output, remedies[name] ?? ""].join("\n")))
  return [name]
}

/** Runs the steps and prints their results; gives the names of those that failed. */
export const check = async (names = Object.keys(steps)) => {
  const waiting = [...names]
  const lane = async () => {
    const failed = []
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) failed.push(...(await runStep(name)))
    return failed
  }
  return (await Promise.all([lane(), lane()])).flat()
}

const main = async (names) => {
  const unknown = names.filter((name) => !(name in steps))
  if (unknown.length > 0) {
    console.error(`no such step: ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}`)
    return 1
  }
  if (!(await ensure())) return 1
  const failed = await check(names.length > 0 ? names : undefined)
  console.log(failed.length > 0 ? `\nFailed: ${failed.join(", ")}` : "\nAll checks passed")
  return failed.length > 0 ? 1 : 0
}

if (process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv.slice(2))
