/**
 * Prints the public names of the package, one a line: entry point, path, kind. `test/house/exports.txt` freezes them.
 *
 *     node scripts/list-exports.mjs
 */
import * as path from "node:path"
import { entries, exportsOf } from "./lib/exports.mjs"
import { root } from "./lib/paths.mjs"

/** A name may be a value and a type at once: one line with both kinds. */
const linesOf = (exported, prefix) => {
  const names = new Map()
  for (const one of exported) names.set(one.name, [...(names.get(one.name) ?? []), one])
  return [...names]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, all]) => {
      const kinds = [...new Set(all.map(({ kind }) => kind))].join(", ")
      const inside = all.flatMap((one) => linesOf(one.exports ?? [], `${prefix}${name}.`))
      return kinds === "module" ? inside : [`${prefix}${name}: ${kinds}`, ...inside]
    })
}

/** The whole list. */
export const listExports = (folder = root) =>
  Object.entries(entries)
    .map(([name, file]) => `${[name, ...linesOf(exportsOf(path.join(folder, file)), "  ")].join("\n")}\n`)
    .join("")

if (process.argv[1] === import.meta.filename) process.stdout.write(listExports())
