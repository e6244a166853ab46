/**
 * Builds the documentation site into `docs/.vitepress/dist`: the reference from the docstrings, the guides, llms.txt; and
 * looks after every link. Its tools have a package.json of their own in `docs`, installed here when they are missing.
 *
 *     npm run docs                  builds and checks
 *     npm run docs -- --look        and looks at the pages in Chromium, at the width of a phone and of a desk
 *     npm run docs -- --serve       and shows the site on loopback
 */
import { rmSync } from "node:fs"
import * as path from "node:path"
import { ensure } from "./ensure.mjs"
import { chromium } from "./lib/chromium.mjs"
import { cache, relative, root } from "./lib/paths.mjs"
import { runNode, seconds } from "./lib/run.mjs"

const docs = path.join(root, "docs")
const site = path.join(docs, ".vitepress", "dist")
const started = performance.now()

const builder = (name) => import(path.join(docs, "builder", `${name}.mjs`))

/** A step fails with what it printed. */
const tool = async (file, args = []) => {
  const { code, output } = await runNode([path.join("node_modules", file), ...args], { cwd: docs })
  if (code !== 0) throw new Error(output.trim())
}

/** The entry points of the package, for TypeDoc: a new one has its pages without a word here. */
const entryPoints = async () => {
  const { entries } = await import("./lib/exports.mjs")
  return Object.values(entries).flatMap((entry) => ["--entryPoints", path.join(root, entry)])
}

const orFail = (problems) => {
  if (problems.length > 0) throw new Error(problems.join("\n"))
}

const lookAround = async () => {
  const browser = chromium()
  if (browser === undefined) return "not looked at: no Chromium here (apt-get install chromium, or CHROMIUM=path)"
  const folder = path.join(cache, "docs-look")
  const { look } = await builder("look")
  const { pictures, problems } = await look(site, folder, browser)
  orFail(problems)
  return `${pictures} pictures in ${relative(folder)}, none wider than its screen`
}

const main = async (flags) => {
  if (!(await ensure()) || !(await ensure(docs))) return 1
  rmSync(site, { recursive: true, force: true })
  rmSync(path.join(docs, "reference"), { recursive: true, force: true })
  await tool("typedoc/bin/typedoc", await entryPoints())
  await tool("vitepress/bin/vitepress.js", ["build"])
  const pages = (await builder("llms")).writeLlms(docs, site)
  const { count, problems } = (await builder("links")).checkLinks(site)
  orFail(problems)
  const looked = flags.includes("--look") ? [await lookAround()] : []
  const facts = [
    `${pages} pages`,
    `${count.inside} links, none dead`,
    ...looked,
    seconds((performance.now() - started) / 1000)
  ]
  console.log(`${relative(site)}: ${facts.join("; ")}`)
  if (!flags.includes("--serve")) return 0
  return (
    await runNode([path.join("node_modules", "vitepress/bin/vitepress.js"), "preview"], { cwd: docs, inherit: true })
  ).code
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
