/**
 * Compares the public API, as the built declarations have it, with the reports in `etc`, which are a part of every
 * change: what breaks programs is seen in the review, and cannot come in by mistake.
 *
 *     npm run api                 the differences; exit code 1 when there are some
 *     npm run api -- --update     writes the reports
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { ensure } from "./ensure.mjs"
import { root } from "./lib/paths.mjs"
import { runNode } from "./lib/run.mjs"

const folder = path.join(root, "etc")

const fileOf = (entry) => path.join(folder, `${entry.replaceAll("/", "-")}.api.txt`)

const main = async (args) => {
  if (!(await ensure())) return 1
  const built = await runNode(["scripts/build.mjs", "--if-stale", "--no-check"])
  if (built.code !== 0) {
    console.error(built.output.trim())
    return 1
  }
  const { differences, reports } = await import("./lib/api.mjs")
  const now = reports()
  if (args.includes("--update")) {
    mkdirSync(folder, { recursive: true })
    for (const [entry, report] of Object.entries(now)) writeFileSync(fileOf(entry), report)
    return 0
  }
  const problems = Object.entries(now).flatMap(([entry, report]) => {
    const before = existsSync(fileOf(entry)) ? readFileSync(fileOf(entry), "utf8") : ""
    return differences(before, report).map((problem) => `${entry}: ${problem}`)
  })
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) {
    console.error(
      "Remedy: a change that is meant is written down by npm run api -- --update, with a changeset that says what it breaks"
    )
  }
  return problems.length > 0 ? 1 : 0
}

process.exitCode = await main(process.argv.slice(2))
