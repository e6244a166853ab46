/**
 * Writes what the package is made with as a bill of materials, `sbom.cdx.json` (CycloneDX) and `sbom.spdx.json` (SPDX),
 * from the lock file. A release has both. Packages for development are in it and marked as such: parts of them are
 * bundled into the command `effect-ollama`.
 *
 *     npm run sbom [-- <folder>]      by default .cache/sbom
 */
import { mkdirSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { cache, relative } from "./lib/paths.mjs"
import { runNpm } from "./lib/run.mjs"

const formats = { cyclonedx: "sbom.cdx.json", spdx: "sbom.spdx.json" }

const main = async (folder = path.join(cache, "sbom")) => {
  mkdirSync(folder, { recursive: true })
  for (const [format, name] of Object.entries(formats)) {
    const { code, output, stdout } = await runNpm(["sbom", "--package-lock-only", `--sbom-format=${format}`])
    if (code !== 0) {
      console.error(output.trim())
      return code
    }
    const { components, packages } = JSON.parse(stdout)
    const file = path.join(folder, name)
    writeFileSync(file, stdout)
    console.log(`${relative(file)}: ${(components ?? packages).length} packages`)
  }
  return 0
}

process.exitCode = await main(...process.argv.slice(2))
