/**
 * Looks at the site in Chromium, as a phone and as a desk have it: screenshots, and what no reader wants: a page wider
 * than its screen, an error in the console, a request to somebody else.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { createServer } from "node:http"
import * as path from "node:path"
import { chromium } from "playwright-core"
import { guides } from "./guides.mjs"

const screens = [
  { name: "phone", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  { name: "desk", viewport: { width: 1440, height: 900 } }
]

/** The largest pages of the reference, and its first. */
const pages = [
  "index",
  ...guides.map(({ url }) => url),
  ...["index", "OllamaClient", "OllamaError", "Policy", "node/OllamaNode", "testing/Fault"].map(
    (name) => `reference/${name}`
  )
]

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" }

const serve = (site) =>
  new Promise((resolve) => {
    const server = createServer(({ url }, response) => {
      const file = path.join(site, decodeURIComponent(new URL(url, "http://site").pathname))
      if (!file.startsWith(site) || !existsSync(file) || statSync(file).isDirectory())
        return response.writeHead(404).end()
      response.writeHead(200, { "content-type": types[path.extname(file)] ?? "application/octet-stream" })
      return response.end(readFileSync(file))
    })
    server.listen(0, "127.0.0.1", () => resolve(server))
  })

/** The elements that are wider than the screen and do not scroll by themselves. */
const tooWide = () => {
  const width = document.documentElement.clientWidth
  if (document.documentElement.scrollWidth <= width) return []
  const found = [...document.querySelectorAll("main *")].filter((element) => {
    const { right } = element.getBoundingClientRect()
    return right > width + 1 && !element.closest("pre, table, .vp-code-group")
  })
  return found.slice(0, 3).map((element) => `${element.tagName.toLowerCase()} ${element.textContent.slice(0, 60)}`)
}

const lookAt = async (context, origin, page, file) => {
  const problems = []
  const tab = await context.newPage()
  tab.on("pageerror", (error) => problems.push(`error: ${error.message}`))
  tab.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`)
  })
  tab.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) problems.push(`asks ${request.url()}`)
  })
  await tab.goto(`${origin}/${page}.html`, { waitUntil: "networkidle" })
  const isWide = await tab.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  if (isWide) problems.push(`wider than the screen: ${(await tab.evaluate(tooWide)).join(" | ")}`)
  await tab.screenshot({ path: file })
  await tab.close()
  return problems
}

/** Takes the pictures; gives what is wrong, one a line, and how many there are. */
export const look = async (site, pictures, executablePath) => {
  rmSync(pictures, { recursive: true, force: true })
  mkdirSync(pictures, { recursive: true })
  const server = await serve(site)
  const origin = `http://127.0.0.1:${server.address().port}`
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] })
  const problems = []
  try {
    for (const { name, ...screen } of screens) {
      const context = await browser.newContext({ ...screen, reducedMotion: "reduce" })
      for (const page of pages) {
        const file = path.join(pictures, `${page.replaceAll("/", ".")}.${name}.png`)
        const found = await lookAt(context, origin, page, file)
        problems.push(...found.map((problem) => `/${page}.html (${name}): ${problem}`))
      }
      await context.close()
    }
  } finally {
    await browser.close()
    server.close()
  }
  return { problems, pictures: pages.length * screens.length }
}
