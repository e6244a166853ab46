/**
 * Finds the TypeScript of the documentation (fenced `ts` blocks of the markdown pages and of `@example` in `src`) and
 * writes each block to a file of its own under `.cache/snippets`, on the lines it has in the page, for the type check.
 *
 *     node scripts/check-snippets.mjs        extracts them and type checks them alone
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { cache, filesUnder, relative, root } from "./lib/paths.mjs"

const folder = path.join(cache, "snippets")

/** Made of the docstrings, whose snippets are checked where they stand. */
const reference = path.join(root, "docs", "reference")

const pages = () => [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map((page) => path.join(root, page)),
  ...filesUnder(path.join(root, "docs"), [".md"]).filter((page) => !page.startsWith(reference)),
  ...filesUnder(path.join(root, "src"), [".ts"])
]

const open = /^(?:\s*\*)?\s*```(?:ts|typescript)(?:\s.*)?$/
const close = /^(?:\s*\*)?\s*```\s*$/

/** The blocks of one page: each the page's own lines with everything else blank. */
const blocksOf = (text, isCode) => {
  const lines = text.split("\n")
  const blocks = []
  let start
  for (const [index, line] of lines.entries()) {
    if (start === undefined) {
      if (open.test(line)) start = index + 1
    } else if (close.test(line)) {
      const code = lines.slice(start, index).map((inside) => (isCode ? inside.replace(/^\s*\* ?/, "") : inside))
      blocks.push("\n".repeat(start) + code.join("\n") + "\n")
      start = undefined
    }
  }
  return blocks
}

const read = (page) => {
  try {
    return readFileSync(page, "utf8")
  } catch (error) {
    if (error.code === "ENOENT") return ""
    throw error
  }
}

/** Writes the snippets; gives a map from each file written to the page it comes from. */
export const extractSnippets = () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const origins = new Map()
  for (const page of pages()) {
    for (const [index, block] of blocksOf(read(page), page.endsWith(".ts")).entries()) {
      const name = `${relative(page).replaceAll("/", ".").replace(/\.ts$/, "")}.${index + 1}.ts`
      const file = path.join(folder, name)
      writeFileSync(file, block)
      origins.set(file, page)
    }
  }
  return origins
}

if (process.argv[1] === import.meta.filename) {
  // not awaited here: that module imports this one
  void import("./check-types.mjs").then(({ checkTypes }) => {
    const snippets = extractSnippets()
    const problems = checkTypes({ snippets, only: true })
    for (const problem of problems) console.error(problem)
    console.error(`${snippets.size} snippets, ${problems.length} problems`)
    process.exitCode = problems.length > 0 ? 1 : 0
  })
}
