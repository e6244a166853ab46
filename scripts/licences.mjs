/**
 * The licences of everything that is installed to make, test and document the package, from its lock files; one that is
 * not on the list below fails. The package itself depends on nothing but its peers; what is bundled into the command
 * `effect-ollama` is in `dist/cli/LICENSES.txt`, with the texts.
 *
 *     npm run licences            a line for each licence, with its packages
 */
import { existsSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { root } from "./lib/paths.mjs"

/** Those that let the package be used, changed and handed on under MIT. */
const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MPL-2.0",
  "Python-2.0",
  "Unlicense"
])

const folders = [".", "platforms", "docs"]

/** A choice is allowed when one side of it is. */
const isAllowed = (licence) =>
  licence
    .replace(/[()]/g, "")
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((one) => allowed.has(one.trim())))

const nameOf = (key) => key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length)

const inFolder = (folder) => {
  const lock = path.join(root, folder, "package-lock.json")
  if (!existsSync(lock)) return []
  const { packages } = JSON.parse(readFileSync(lock, "utf8"))
  return Object.entries(packages)
    .filter(([key, { link }]) => key.includes("node_modules/") && link !== true)
    .map(([key, { license, version }]) => ({
      name: `${nameOf(key)}@${version}`,
      licence: license ?? said(folder, key)
    }))
}

/** Node itself is under MIT; the packages that hold it do not all say so. */
const known = [[/^node2\d-(x64|arm64)$/, "MIT"]]

/** What is known, or what the package itself says, where the lock file does not. */
const said = (folder, key) => {
  const [, licence] = known.find(([name]) => name.test(nameOf(key))) ?? []
  if (licence !== undefined) return licence
  const file = path.join(root, folder, key, "package.json")
  const license = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).license : undefined
  return typeof license === "string" ? license : "none"
}

/** By licence, the packages. */
export const licences = () => {
  const found = new Map()
  for (const { licence, name } of folders.flatMap(inFolder))
    found.set(licence, (found.get(licence) ?? new Set()).add(name))
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([licence, names]) => [licence, [...names].toSorted()])
}

/** The packages whose licence is not allowed, one a line. */
export const checkLicences = () =>
  licences()
    .filter(([licence]) => !isAllowed(licence))
    .flatMap(([licence, names]) => names.map((name) => `${name} has the licence ${licence}, which is not allowed`))

if (process.argv[1] === import.meta.filename) {
  for (const [licence, names] of licences()) console.log(`${licence} (${names.length})\n    ${names.join(" ")}`)
  const problems = checkLicences()
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}
