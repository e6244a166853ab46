/** What is looked at before the options are parsed: which command it is, whether its help is asked for, what is unknown. */
import * as Option from "effect/Option"
import { UsageError } from "./failure.js"
import { everywhere, type Node, type Parameter } from "./tree.js"

/** Of what comes before `--`. */
const isOption = (word: string): boolean => /^--?[a-z][\w-]*(=.*)?$/is.test(word)

const beforeDashes = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  return end === -1 ? words : words.slice(0, end)
}

/** The command that the words name, as far as they name one. */
export const commandOf = (root: Node, words: ReadonlyArray<string>): Node => {
  let node = root
  for (const word of beforeDashes(words)) {
    if (isOption(word)) continue
    const next = node.commands.find(({ path }) => path.at(-1) === word)
    if (next === undefined) return node
    node = next
  }
  return node
}

export const asks = (words: ReadonlyArray<string>, ...names: ReadonlyArray<string>): boolean =>
  beforeDashes(words).some((word) => names.includes(word))

/** The value of an option of everywhere. */
export const valueOf = (words: ReadonlyArray<string>, name: string): string | undefined => {
  const before = beforeDashes(words)
  const index = before.findIndex((word) => word === name || word.startsWith(`${name}=`))
  const word = before[index]
  return word === undefined ? undefined : word === name ? (before[index + 1] ?? "") : word.slice(name.length + 1)
}

const optionsOf = (node: Node): ReadonlyArray<Parameter> => [...everywhere, ...node.options]

/** `-qm name` as `-q -m name`, `-mname` as `-m name`: the parser knows only one option in a word. */
const apart = (node: Node, word: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let rest = word.slice(1)
  while (rest !== "") {
    const name = `-${rest[0]}`
    const option = optionsOf(node).find(({ names }) => names.includes(name))
    if (option === undefined) return [word]
    found.push(name)
    rest = rest.slice(1)
    if (option.takesValue && rest !== "") return [...found, rest]
  }
  return found
}

const levels = new Set(["yes", "no", "low", "medium", "high", "max"])

/** The words as the parser wants them. `--think` alone means yes, as for `ollama run`. */
export const normal = (root: Node, words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const node = commandOf(root, words)
  const before = beforeDashes(words)
  const after = words.slice(before.length)
  return [
    ...before.flatMap((word, index) => {
      if (word === "--think" && !levels.has(before[index + 1] ?? "")) return ["--think=yes"]
      return /^-[a-z]{2}/i.test(word) ? apart(node, word) : [word]
    }),
    ...after
  ]
}

/** How many letters have to be changed, added or left out to make one word of the other. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const change = (row[j] ?? 0) + (letter === b[j] ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

const like = (word: string, known: ReadonlyArray<string>): string => {
  const [best] = known
    .filter((name) => name.length > 2)
    .map((name) => ({ name, far: distance(word.toLowerCase(), name) }))
    .filter(({ far, name }) => far <= (name.length < 4 ? 1 : 2))
    .toSorted((a, b) => a.far - b.far)
  return best === undefined ? "" : `; did you mean ${best.name}?`
}

const unknownOption = (node: Node, words: ReadonlyArray<string>): string | undefined => {
  const known = optionsOf(node)
  const names = known.flatMap(({ names }) => names)
  const find = (name: string) => known.find(({ names }) => names.includes(name))
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ""
    if (!isOption(word)) continue
    const [name = ""] = word.split("=")
    const option = find(name)
    if (option === undefined) return `unknown option ${name}${like(name, names)}`
    if (option.takesValue && !word.includes("=")) {
      const value = words[index + 1]
      if (value === undefined) return `${name} needs a value`
      index += 1
    }
  }
  return undefined
}

/** What is wrong with the words, as far as it can be seen before they are parsed. */
export const problemOf = (root: Node, words: ReadonlyArray<string>): Option.Option<UsageError> => {
  const node = commandOf(root, words)
  const before = beforeDashes(words)
  const rest = before.filter((word) => !isOption(word)).slice(node.path.length - 1)
  const option = unknownOption(node, before)
  const wrong = (message: string) => Option.some(new UsageError({ message }))
  if (option !== undefined) return wrong(option)
  if (node.commands.length === 0) return Option.none()
  const commands = node.commands.map(({ path }) => path.at(-1) ?? "")
  const [first] = rest
  return first === undefined
    ? wrong(`${node.path.join(" ")} needs a command: ${commands.join(", ")}`)
    : wrong(`${node.path.join(" ")} has no command ${first}${like(first, commands)}`)
}
