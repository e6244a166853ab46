/**
 * Makes sure that the packages of `package-lock.json` are installed, so that every command works right after
 * `git clone`. Runs `npm ci` when a package is missing or has another version, and otherwise costs a few milliseconds.
 * `node scripts/ensure.mjs` does it by hand.
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { root } from "./lib/paths.mjs"
import { runNpm } from "./lib/run.mjs"

const read = (folder, file) => {
  try {
    return JSON.parse(readFileSync(path.join(folder, file), "utf8")).packages
  } catch (error) {
    if (error.code === "ENOENT") return undefined
    throw error
  }
}

/** The first package that is not as the lock file wants it. Packages for other platforms are never installed. */
const firstMissing = (folder) => {
  const wanted = read(folder, "package-lock.json")
  if (wanted === undefined) throw new Error("package-lock.json is missing: is this a whole clone?")
  const installed = read(folder, "node_modules/.package-lock.json")
  if (installed === undefined) return "node_modules"
  return Object.keys(wanted).find(
    (name) =>
      name !== "" &&
      installed[name]?.version !== wanted[name].version &&
      !((wanted[name].optional === true || wanted[name].devOptional === true) && installed[name] === undefined)
  )
}

/** Installs what is missing in a folder that has a lock file; resolves to why that did not work, if it did not. */
export const install = async (folder, options = {}) => {
  if (firstMissing(folder) === undefined) return undefined
  console.error("Installing (once)…")
  // No package needs its lifecycle scripts: esbuild's finds its binary without.
  const flags = ["--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
  const exact = await runNpm(["ci", ...flags], { cwd: folder, ...options })
  // `npm ci` refuses a lock file that lacks a package of some other platform; `npm install` follows it as far as it goes.
  const result =
    exact.code === 0 ? exact : await runNpm(["install", "--no-save", ...flags], { cwd: folder, ...options })
  return result.code === 0 ? undefined : result.output.trim().split("\n").slice(0, 10).join("\n")
}

/**
 * The same in the repository or in a folder of it, where nothing can be done without. Resolves to true when it worked or
 * nothing was to do; prints why when it did not work.
 */
export const ensure = async (folder = root) => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`effect-ollama needs Node 20.19 or later, this is ${process.versions.node}.`)
    return false
  }
  const reason = await install(folder)
  if (reason === undefined) return true
  console.error(
    `npm could not install the packages:\n${reason}\nRemedy: check the network and the registry, then: npm ci`
  )
  return false
}

if (process.argv[1] === import.meta.filename) process.exitCode = (await ensure()) ? 0 : 1
