/**
 * Checks that every public name says since when it is there and where it belongs: `@since` and `@category` in the
 * docstring of each export of a public module, `@since` in the first comment of the module.
 *
 *     node scripts/check-docs.mjs [--root <folder with src inside>]
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { entries, exportsOf } from "./lib/exports.mjs"
import { relative, root } from "./lib/paths.mjs"
import { runAsCommand } from "./lib/report.mjs"
import { lineOf } from "./lib/typescript.mjs"

const tagsOf = (node) => new Set(ts.getJSDocTags(node).map((tag) => tag.tagName.text))

/** A module says it in its first comment, every other export in its docstring. */
const docstring = ({ file, kind, name, node, source, target }, folder) => {
  if (kind === "module") {
    const [header] = ts.getLeadingCommentRanges(readFileSync(target, "utf8"), 0) ?? []
    const text = header === undefined ? "" : readFileSync(target, "utf8").slice(header.pos, header.end)
    return text.includes("@since") ? [] : [`${relative(target, folder)}:1 the module's first comment has no @since`]
  }
  const tags = tagsOf(node)
  const missing = ["since", "category"].filter((tag) => !tags.has(tag))
  if (missing.length === 0) return []
  const where = `${relative(file, folder)}:${lineOf(source, node)}`
  return [`${where} ${name} has no ${missing.map((tag) => `@${tag}`).join(" and no ")}`]
}

/** An overload is described once, by its first signature. */
const withoutOverloads = (exported) => {
  const seen = new Set()
  return exported.filter(({ kind, name }) => {
    if (kind !== "function") return true
    const isFirst = !seen.has(name)
    seen.add(name)
    return isFirst
  })
}

/**
 * The problems, one a line.
 *
 * @param {string} folder
 * @returns {ReadonlyArray<string>}
 */
export const checkDocs = (folder = root) => {
  const visited = new Set()
  const problems = (exported) =>
    withoutOverloads(exported).flatMap((one) => {
      const key = `${one.file}:${one.node.pos}:${one.name}`
      if (visited.has(key)) return []
      visited.add(key)
      return [...docstring(one, folder), ...problems(one.exports ?? [])]
    })
  return Object.values(entries).flatMap((entry) => problems(exportsOf(path.join(folder, entry))))
}

if (process.argv[1] === import.meta.filename) runAsCommand(checkDocs, root)
