/**
 * Publishes the version of `package.json`, when the registry does not have it: checks everything, builds anew, publishes with a
 * provenance statement and sets the tag. For the workflow `release`, which alone may publish.
 *
 *     npm run release [-- --dry-run]      shows what would be published
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { ensure } from "./ensure.mjs"
import { root } from "./lib/paths.mjs"
import { run, runNode, runNpm } from "./lib/run.mjs"

const { name, version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))
const shown = { inherit: true }

const isPublished = async () => {
  const { code, output } = await runNpm(["view", `${name}@${version}`, "version"])
  if (code === 0) return output.trim() === version
  if (/E404/.test(output)) return false
  throw new Error(output.trim())
}

const main = async (args) => {
  const isRehearsal = args.includes("--dry-run")
  if (!isRehearsal && process.env.GITHUB_ACTIONS !== "true") {
    console.error("Only the workflow release publishes, as provenance says where a package was made. Remedy: --dry-run")
    return 1
  }
  if (!(await ensure())) return 1
  if (await isPublished()) {
    console.log(`${name}@${version} is published`)
    return 0
  }
  const steps = [
    ...(isRehearsal ? [] : [() => runNode(["scripts/test.mjs"], shown)]),
    () => runNode(["scripts/build.mjs"], shown),
    () =>
      runNpm(
        ["publish", "--ignore-scripts", "--access=public", ...(isRehearsal ? ["--dry-run"] : ["--provenance"])],
        shown
      ),
    // the words by which the action of changesets knows that there is something new
    ...(isRehearsal ? [] : [() => run("git", ["tag", `v${version}`], shown)])
  ]
  for (const step of steps) {
    const { code } = await step()
    if (code !== 0) return code
  }
  if (!isRehearsal) console.log(`New tag: v${version}`)
  return 0
}

process.exitCode = await main(process.argv.slice(2))
