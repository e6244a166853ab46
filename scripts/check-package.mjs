/**
 * Packs the package and asks publint and are-the-types-wrong whether the result can be used as `exports` says, by Node
 * and by bundlers; then Node loads every entry point. Builds first when `dist` is old, without a type check.
 *
 *     node scripts/check-package.mjs
 */
import { mkdirSync, rmSync } from "node:fs"
import * as path from "node:path"
import { entries } from "./lib/exports.mjs"
import { cache, filesUnder } from "./lib/paths.mjs"
import { runNode, runNpm } from "./lib/run.mjs"

const folder = path.join(cache, "pack")

const main = async () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const tarball = () => filesUnder(folder, [".tgz"])[0]
  const steps = [
    () => runNode(["scripts/build.mjs", "--if-stale", "--no-check"]),
    () => runNpm(["pack", "--ignore-scripts", "--loglevel=error", `--pack-destination=${folder}`]),
    () => runNode(["node_modules/publint/src/cli.js", "run", tarball(), "--strict"]),
    () =>
      runNode([
        "node_modules/@arethetypeswrong/cli/dist/index.js",
        tarball(),
        "--profile=esm-only",
        "--no-definitely-typed",
        "--no-emoji"
      ]),
    () =>
      runNode([
        "--input-type=module",
        "--eval",
        Object.keys(entries)
          .map((name) => `import "${name}"`)
          .join("\n")
      ])
  ]
  for (const step of steps) {
    const { code, output } = await step()
    if (code !== 0) {
      console.error(output.trim())
      return code
    }
  }
  return 0
}

process.exitCode = await main()
