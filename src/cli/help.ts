/** `--help`, as lines for any width. */
import * as ExitCodes from "./exitCodes.js"
import * as Columns from "./terminal/columns.js"
import * as Style from "./terminal/Style.js"
import { everywhere, type Node, type Parameter } from "./tree.js"

type Entry = readonly [label: string, text: string]

const examples: Readonly<Record<string, ReadonlyArray<string>>> = {
  "effect-ollama": [
    'effect-ollama chat "Why is the sky blue?" --model llama3.2',
    "effect-ollama models pull llama3.2",
    "effect-ollama policy check ollama-policy.json"
  ],
  "effect-ollama chat": [
    'effect-ollama chat "Why is the sky blue?"',
    'git diff | effect-ollama chat "Describe this change" > message.txt',
    "effect-ollama chat --model qwen3 --think"
  ],
  "effect-ollama policy": ["OLLAMA_POLICY_RETRY_ATTEMPTS=5 effect-ollama policy print"],
  "effect-ollama policy check": [`echo '{"retry":{"attempts":0}}' | effect-ollama policy check -`]
}

const variables: ReadonlyArray<Entry> = [
  ["OLLAMA_HOST", "the server; OLLAMA_API_KEY the key for it"],
  ["OLLAMA_POLICY_FILE", "a policy as JSON; OLLAMA_POLICY and OLLAMA_POLICY_… change it"],
  ["HTTP_PROXY", "and HTTPS_PROXY, NO_PROXY: as for Ollama itself"],
  ["NO_COLOR", "no colours; FORCE_COLOR=1 colours also in pipes"]
]

/** The labels beside the texts; above them where there is not room for both. */
const list = (title: string, entries: ReadonlyArray<Entry>, width: number): ReadonlyArray<Style.Line> => {
  if (entries.length === 0) return []
  const widest = Math.max(...entries.map(([label]) => Columns.columns(label)))
  const beside = width >= 60
  const label = Math.min(widest, 26)
  const indent = beside ? label + 4 : 4
  const lines = entries.flatMap(([name, text]) => {
    const described = text === "" ? [] : Columns.wrap(text, width - indent)
    const [first, ...rest] = described
    const fits = beside && Columns.columns(name) <= label
    const named = Columns.wrap(name, width - 2).map((part) => Style.line("  ", Style.span(part, "cyan")))
    return [
      ...(fits ? [Style.line("  ", Style.span(Columns.padEnd(name, label), "cyan"), `  ${first ?? ""}`)] : named),
      ...(fits ? rest : described).map((part) => Style.line(" ".repeat(indent), part))
    ]
  })
  return [Style.line(""), Style.line(Style.span(title, "bold")), ...lines]
}

const entryOf = ({ description, label }: Parameter): Entry => [label, description]

/** Commands with those inside them, so that one page shows all. */
const commandEntries = (node: Node): ReadonlyArray<Entry> =>
  node.commands.map((child) => [
    [child.path.at(-1), child.commands.map(({ path }) => path.at(-1)).join("|")]
      .filter((part) => part !== "")
      .join(" "),
    child.description
  ])

const usageOf = (node: Node): string =>
  [
    node.path.join(" "),
    ...(node.commands.length > 0 ? ["<command>"] : []),
    "[options]",
    ...node.arguments.map(({ label }) => label)
  ].join(" ")

const indented = (texts: ReadonlyArray<string>, width: number): ReadonlyArray<Style.Line> =>
  texts.flatMap((text) =>
    Columns.wrap(text, width - 4).map((part, index) => Style.line(index === 0 ? "  " : "    ", part))
  )

/** The page of a command. */
export const page = (node: Node, columns: number): ReadonlyArray<Style.Line> => {
  const width = Math.min(columns, 100)
  const name = node.path.join(" ")
  const isRoot = node.path.length === 1
  const shown = examples[name] ?? []
  return [
    ...Columns.wrap(node.description, width).map((text) => Style.line(text)),
    Style.line(""),
    Style.line(Style.span("Usage", "bold")),
    ...indented([usageOf(node)], width),
    ...list("Commands", commandEntries(node), width),
    ...list("Arguments", node.arguments.map(entryOf), width),
    ...list("Options", [...node.options, ...(isRoot ? everywhere : [])].map(entryOf), width),
    ...(isRoot ? list("Environment", variables, width) : []),
    ...(isRoot
      ? list(
          "Exit codes",
          ExitCodes.meanings.map(([code, text]) => [String(code), text]),
          width
        )
      : []),
    ...(shown.length === 0
      ? []
      : [Style.line(""), Style.line(Style.span("Examples", "bold")), ...indented(shown, width)]),
    ...(isRoot
      ? []
      : [Style.line(""), ...indented(["effect-ollama --help lists environment and exit codes."], width + 2)])
  ]
}
