/**
 * Looks after every link inside the site as a browser would: is there a page, and on it a place with this name?
 * Links to other sites are only counted, because a build needs no network.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import * as path from "node:path"

const decode = (text) =>
  decodeURIComponent(
    text
      .replace(/&amp;/g, "&")
      .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
  )

const attributes = (html, names) =>
  [...html.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, "g"))].map(([, value]) => decode(value))

const isElsewhere = (href) => /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(href)

/** The file that a server gives for an address. */
const fileOf = (site, address) => {
  const file = path.join(site, address)
  return existsSync(file) && statSync(file).isDirectory() ? path.join(file, "index.html") : file
}

/** What is wrong, one a line, and how many links there are. `site` is the folder that is served. */
export const checkLinks = (site) => {
  const pages = readdirSync(site, { recursive: true }).filter((file) => file.endsWith(".html"))
  const texts = new Map(pages.map((page) => [path.join(site, page), readFileSync(path.join(site, page), "utf8")]))
  const names = new Map([...texts].map(([file, html]) => [file, new Set(attributes(html, "id|name"))]))
  const problems = new Set()
  const count = { inside: 0, outside: 0 }
  for (const [file, html] of texts) {
    const from = `/${path.relative(site, file)}`
    for (const href of attributes(html, "href|src")) {
      if (isElsewhere(href)) {
        count.outside++
        continue
      }
      count.inside++
      const [address, place] = href.split("#")
      const target = address === "" ? file : fileOf(site, new URL(address.split("?")[0], `http://site${from}`).pathname)
      if (!existsSync(target)) problems.add(`${from}: no page for ${href}`)
      else if (place && !names.get(target)?.has(place)) problems.add(`${from}: no such place as ${href}`)
    }
  }
  return { problems: [...problems], count }
}
