import { assert, describe, it } from "@effect/vitest"
import { checkLinks } from "../../docs/builder/links.mjs"
import { problemsIn } from "./folder.js"

const check = (site: Readonly<Record<string, string>>) => problemsIn(site, (folder) => checkLinks(folder).problems)

const page = `<h2 id="four-causes">Four causes</h2><img src="/sim.svg">`

describe("links of the documentation site", () => {
  it("are right when page and place are there", () => {
    const index = `
      <a href="/guides/failures.html#four-causes">a</a> <a href="guides/failures.html">b</a> <a href="/guides/">c</a>
      <a href="#top" id="top">d</a> <a href="https://example.com/none">e</a> <a href="mailto:me@example.com">f</a>`
    const site = { "index.html": index, "guides/failures.html": page, "guides/index.html": "", "sim.svg": "" }
    assert.deepStrictEqual(check(site), [])
  })

  it("are dead when the page, the picture or the place is not", () => {
    const index = `<a href="/guides/none.html">a</a> <a href="guides/failures.html#five-causes">b</a> <a href="#c">c</a>`
    assert.sameMembers(
      [...check({ "index.html": index, "guides/failures.html": page })],
      [
        "/index.html: no page for /guides/none.html",
        "/index.html: no such place as guides/failures.html#five-causes",
        "/index.html: no such place as #c",
        "/guides/failures.html: no page for /sim.svg"
      ]
    )
  })
})
