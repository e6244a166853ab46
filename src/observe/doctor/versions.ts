/** What a server of some version does not have yet, by the tags in which it came (Ollama's releases). */
import type { Machine } from "./facts.js"

type Version = readonly [major: number, minor: number, patch: number]

/** `undefined` for a development build, and for what is no version. */
export const parse = (text: string): Version | undefined => {
  const found = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text)
  if (found === null) return undefined
  const [major, minor, patch] = found.slice(1).map(Number)
  if (major === undefined || minor === undefined || patch === undefined) return undefined
  return major + minor + patch === 0 ? undefined : [major, minor, patch]
}

const isBefore = (a: Version, b: Version): boolean =>
  a[0] - b[0] < 0 || (a[0] === b[0] && (a[1] - b[1] < 0 || (a[1] === b[1] && a[2] < b[2])))

/** What came when. */
const features: ReadonlyArray<readonly [since: Version, what: string]> = [
  [[0, 9, 0], "thinking (think)"],
  [[0, 10, 0], "the size of the context in /api/ps"],
  [[0, 11, 0], "levels of thinking"],
  [[0, 12, 6], "truncate and shift of chat and generate"],
  [[0, 12, 10], "ids of tool calls"],
  [[0, 12, 11], "logprobs"],
  [[0, 16, 2], "/api/status"],
  [[0, 18, 0], "web search and web fetch"]
]

/** What was wrong until when, and matters to whoever waits for an answer. */
const defects: ReadonlyArray<readonly [fixed: Version, what: string]> = [
  [[0, 12, 6], "a failure before the first token comes with status 200"],
  [[0, 32, 15], "a tool call that the server cannot read may block its model for all later calls"]
]

const before = (
  version: Version,
  table: ReadonlyArray<readonly [since: Version, what: string]>
): ReadonlyArray<string> => table.filter(([since]) => isBefore(version, since)).map(([, what]) => what)

export interface Age {
  readonly missing: ReadonlyArray<string>
  readonly defects: ReadonlyArray<string>
}

/** What a server of this version lacks; nothing is known of a development build. */
export const age = (text: string): Age | undefined => {
  const version = parse(text)
  return version === undefined ? undefined : { missing: before(version, features), defects: before(version, defects) }
}

/** How a server is brought up to date. */
export const upgrades: Readonly<Record<Machine["os"], ReadonlyArray<string>>> = {
  linux: ["curl -fsSL https://ollama.com/install.sh | sh"],
  macos: ["Restart to update, in the menu of the Ollama icon; or: brew upgrade ollama"],
  windows: ["winget upgrade Ollama.Ollama"],
  browser: [],
  unknown: []
}
