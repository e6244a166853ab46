/** The guides in the order in which they are read, for the sidebar and for llms.txt. */
import { readFileSync } from "node:fs"

const names = [
  "getting-started",
  "failures",
  "policies",
  "slow-calls",
  "fleet",
  "testing",
  "from-ollama-js",
  "effect-ai"
]

/** Title and description stand in the page itself. */
const read = (name) => {
  const text = readFileSync(new URL(`../guides/${name}.md`, import.meta.url), "utf8")
  const [, description = ""] = /^description: (.+)$/m.exec(text) ?? []
  const [, title = name] = /^# (.+)$/m.exec(text) ?? []
  return { title, description, url: `guides/${name}` }
}

export const guides = names.map(read)
