import { existsSync, readFileSync } from "node:fs"
import { defineConfig } from "vitepress"
import { guides } from "../builder/guides.mjs"

const pages = new URL("../reference/pages.json", import.meta.url)

const link = ({ title, url }) => ({ text: title, link: `/${url}` })

/** The modules of an entry point: by what they are for, where there are many. */
const modules = ({ pages }) => {
  const groups = new Map()
  for (const { group, title, url } of pages) {
    groups.set(group, [...(groups.get(group) ?? []), link({ title, url: `reference/${url}` })])
  }
  return groups.size === 1 ? [...groups.values()][0] : [...groups].map(([text, items]) => ({ text, items }))
}

const reference = () =>
  existsSync(pages)
    ? JSON.parse(readFileSync(pages, "utf8")).map((entry) => ({ text: entry.module, items: modules(entry) }))
    : []

export default defineConfig({
  title: "effect-ollama",
  description: "Ollama in TypeScript with Effect: typed failures, a clock for each phase, remedies as values",
  lang: "en",
  cleanUrls: false,
  srcExclude: ["**/node_modules/**"],
  // ours looks at anchors too, and fails with a list
  ignoreDeadLinks: false,
  // no icon: a browser asks for one otherwise
  head: [
    ["link", { rel: "icon", href: "data:," }],
    ["meta", { name: "theme-color", content: "#3451b2" }]
  ],
  markdown: { toc: { level: [2, 3] } },
  themeConfig: {
    nav: [
      { text: "Guides", link: "/guides/getting-started", activeMatch: "/guides/" },
      { text: "Reference", link: "/reference/", activeMatch: "/reference/" }
    ],
    sidebar: {
      "/": [{ text: "Guides", items: guides.map(link) }],
      "/reference/": [{ text: "Overview", link: "/reference/" }, ...reference()]
    },
    outline: { level: [2, 3] },
    search: { provider: "local" },
    footer: { message: "MIT. Built from the sources of this version, with npm run docs." }
  }
})
