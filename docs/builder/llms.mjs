/** llms.txt (what there is, with links to each page as Markdown) and llms-full.txt (all of it), as llmstxt.org has them. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { guides } from "./guides.mjs"

const summary =
  "An SDK for Ollama in TypeScript, built on Effect 3: every call is an Effect or a Stream, every failure is typed and names cause and remedy, and the remedies (a clock for each phase, retries, breakers, several hosts) are plain values."

/** Markdown without what only a browser wants. */
const plain = (text) =>
  text
    .replace(/^---\n[^]*?\n---\n+/, "")
    .replace(/ \{#[^}]*\}$/gm, "")
    .replace(/<a id="[^"]*"><\/a> ?/g, "")
    .replace(/<\/?div[^>]*>\n*/g, "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .trim()

const item = ({ description, summary, title, url }) => `- [${title}](/${url}.md): ${description ?? summary}`

/** Writes both files into the site, and each page as Markdown beside its HTML. */
export const writeLlms = (docs, site) => {
  const entries = JSON.parse(readFileSync(path.join(docs, "reference", "pages.json"), "utf8"))
  const reference = entries.map(({ module, pages }) => ({
    module,
    pages: pages.map((page) => ({ ...page, url: `reference/${page.url}` }))
  }))
  const index = [
    "# effect-ollama",
    `> ${summary}`,
    `## Guides\n\n${guides.map(item).join("\n")}`,
    ...reference.map(({ module, pages }) => `## Reference: ${module}\n\n${pages.map(item).join("\n")}`)
  ]
  const pages = [...guides, ...reference.flatMap(({ pages }) => pages)]
  const texts = pages.map(({ url }) => {
    const file = path.join(docs, `${url}.md`)
    const copy = path.join(site, `${url}.md`)
    mkdirSync(path.dirname(copy), { recursive: true })
    copyFileSync(file, copy)
    return plain(readFileSync(file, "utf8"))
  })
  writeFileSync(path.join(site, "llms.txt"), `${index.join("\n\n")}\n`)
  writeFileSync(path.join(site, "llms-full.txt"), `${[...index.slice(0, 2), ...texts].join("\n\n")}\n`)
  return pages.length
}
