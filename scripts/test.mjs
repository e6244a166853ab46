/**
 * `npm test`, right after `git clone`: installs what is missing, checks the code, runs all tests, all examples, the test
 * of the core on all platforms and a small simulation of the Fleet, and ends with one line that counts them. A step of the
 * check that fails counts as one failure, and so does a line of the simulation that nobody has explained.
 */
import { readFileSync, rmSync } from "node:fs"
import * as path from "node:path"
import { ensure } from "./ensure.mjs"
import { cache } from "./lib/paths.mjs"
import { runNode } from "./lib/run.mjs"

const nothing = { passed: 0, failed: 0, skipped: 0 }

const runCheck = async () => {
  const { check } = await import("./check.mjs")
  return { ...nothing, failed: (await check()).length }
}

const runTests = async () => {
  const report = path.join(cache, "tests.json")
  rmSync(report, { force: true })
  const { code } = await runNode(
    [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...process.argv.slice(2)
    ],
    { inherit: true }
  )
  try {
    const result = JSON.parse(readFileSync(report, "utf8"))
    const unloadable = result.testResults.filter(
      (file) => file.status === "failed" && file.assertionResults.length === 0
    )
    // An error outside of any test makes only the exit code say so.
    const failed = Math.max(result.numFailedTests + unloadable.length, code === 0 ? 0 : 1)
    return { passed: result.numPassedTests, failed, skipped: result.numPendingTests + result.numTodoTests }
  } catch (error) {
    console.error(`vitest left no report: ${error.message}`)
    return { ...nothing, failed: 1 }
  }
}

const runAllExamples = async () => {
  const { runExamples } = await import("./run-examples.mjs")
  return { ...nothing, ...(await runExamples()) }
}

const runOnPlatforms = async () => {
  const { runPlatforms } = await import("./platforms.mjs")
  return runPlatforms()
}

/** The rivals are compared by `npm run sim` alone. */
const simulated = ["Fleet", "clairvoyant greedy", "one line, no loads", "one line, no loads, shedding"]

const runSimulation = async () => {
  const { code } = await runNode(["--import=tsx", "bench/sim/main.ts", "--quick", "--policy", simulated.join(";")], {
    inherit: true
  })
  return code === 0 ? { ...nothing, passed: 1 } : { ...nothing, failed: 1 }
}

const main = async () => {
  const total = { ...nothing }
  const steps = {
    Check: runCheck,
    Tests: runTests,
    Examples: runAllExamples,
    Platforms: runOnPlatforms,
    Simulation: runSimulation
  }
  if (await ensure()) {
    for (const [title, step] of Object.entries(steps)) {
      console.log(`\n${title}`)
      const count = await step()
      for (const key of Object.keys(total)) total[key] += count[key]
    }
  } else total.failed = 1
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ""
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`)
  return total.failed > 0 ? 1 : 0
}

process.exitCode = await main()
