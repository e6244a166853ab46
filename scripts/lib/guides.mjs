/**
 * The programs of the guides whose output stands below them: a block `ts`, then a block `text [prints]`. A line `…` of
 * the output stands for any lines, and `…` inside of one for anything.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { bundle } from "./bundle.mjs"
import { cache, filesUnder, relative, root } from "./paths.mjs"
import { runNode } from "./run.mjs"

const folder = path.join(cache, "guides")

/** The fenced blocks of a page, in their order, with the line each begins on. */
export const blocks = (text) =>
  [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(({ 1: info, 2: content, index }) => ({
    info: info.trim(),
    content,
    line: text.slice(0, index).split("\n").length
  }))

export const pages = () => filesUnder(path.join(root, "docs", "guides"), [".md"])

/** Each program with the page it is in, its line there, and what it is said to print. */
export const programs = () =>
  pages().flatMap((page) => {
    const all = blocks(readFileSync(page, "utf8"))
    return all.flatMap(({ content, info }, index) => {
      const program = all[index - 1]
      if (info !== "text [prints]") return []
      if (!program?.info.startsWith("ts")) throw new Error(`${relative(page)}: no program prints the output there`)
      return {
        name: `${relative(page)}:${program.line}`,
        file: path.join(folder, `${path.basename(page, ".md")}.${program.line}.ts`),
        code: program.content,
        output: content.trimEnd()
      }
    })
  })

/** Writes and bundles them; gives them with the file to run. */
export const prepare = async () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const all = programs()
  for (const { code, file } of all) writeFileSync(file, code)
  const runnable = await bundle(all.map(({ file }) => file))
  return all.map((program, index) => ({ ...program, runnable: runnable[index] }))
}

/** What a program prints when it asks the server at `host`, which is called by Ollama's own address in it. */
export const run = async ({ runnable }, host) => {
  const { output } = await runNode([runnable], { env: { OLLAMA_HOST: host, NO_COLOR: "1" }, timeoutMillis: 60_000 })
  return output.trimEnd().replaceAll(host, "127.0.0.1:11434")
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Whether something that was printed is what a page says. */
export const matches = (printed, output) => {
  const lines = output
    .split("\n")
    .map((line) => (line.trim() === "…" ? "[^]*" : line.split("…").map(escape).join(".*")))
  return new RegExp(`^${lines.join("\n")}$`).test(printed)
}
