/**
 * Scripts that complete commands, options and their values in a shell, out of the tree of commands. Those of @effect/cli
 * do not fit a command whose name has a dash, nor commands inside of commands.
 */
import { everywhere, type Node, type Parameter } from "./tree.js"

const all = (node: Node): ReadonlyArray<Node> => [node, ...node.commands.flatMap(all)]

const nameOf = ({ path }: Node): string => path.at(-1) ?? ""

const at = ({ path }: Node): string => path.join(" ")

/** In single quotes, for any shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The first sentence of a description, short enough for a list. */
const summary = ({ description }: { readonly description: string }): string =>
  description.split(/[.;:](?: |$)/)[0] ?? description

/** What concerns the whole command is completed at its beginning only. */
const optionsOf = (node: Node): ReadonlyArray<Parameter> => [
  ...node.options,
  ...everywhere.filter(({ names }) => node.path.length === 1 || names.includes("--help"))
]

/** Options with a value, each once for each of its names: `effect-ollama chat --think`. */
const values = (root: Node): ReadonlyArray<readonly [patterns: string, value: Parameter["value"]]> =>
  all(root).flatMap((node) =>
    optionsOf(node)
      .filter(({ takesValue }) => takesValue)
      .map(({ names, value }) => [names.map((name) => quoted(`${at(node)},${name}`)).join("|"), value] as const)
  )

const steps = (root: Node): string =>
  all(root)
    .slice(1)
    .map((node) => quoted(at(node)))
    .join("|")

const takesFile = (node: Node): boolean => node.arguments.some(({ value }) => value === "file")

const bash = (
  root: Node
): string => `# Completions of effect-ollama for bash: eval "$(effect-ollama --completions bash)"
_effect_ollama() {
  local at=effect-ollama cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${steps(root)}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  # --option=value comes as three words
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  case "$at,$prev" in
${values(root)
  .map(([patterns, value]) => {
    const reply =
      value === "file"
        ? `compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur"))`
        : value === "any"
          ? ":"
          : `COMPREPLY=($(compgen -W ${quoted(value.join(" "))} -- "$cur"))`
    return `    ${patterns}) ${reply}; return ;;`
  })
  .join("\n")}
  esac
  case "$at" in
${all(root)
  .map((node) => {
    const options = optionsOf(node).flatMap(({ names }) => names)
    const commands = node.commands.map(nameOf)
    const files = takesFile(node) ? ` compopt -o filenames; COMPREPLY+=($(compgen -f -- "$cur"));` : ""
    return `    ${quoted(at(node))})
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W ${quoted(options.join(" "))} -- "$cur")); else COMPREPLY=($(compgen -W ${quoted(commands.join(" "))} -- "$cur"));${files} fi ;;`
  })
  .join("\n")}
  esac
}
complete -F _effect_ollama effect-ollama
`

/** `name:description`, as _describe wants them. */
const described = (name: string, text: string): string => quoted(`${name.replaceAll(":", "\\:")}:${text}`)

const zsh = (root: Node): string => `#compdef effect-ollama
# Completions of effect-ollama for zsh: a file _effect-ollama in a folder of $fpath, or: eval "$(effect-ollama --completions zsh)"
_effect_ollama() {
  local at=effect-ollama prev=\${words[CURRENT-1]} word
  local -a commands options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      (${steps(root)}) at="$at $word" ;;
    esac
  done
  if [[ $PREFIX == --*=* ]]; then prev=\${PREFIX%%=*}; compset -P '*='; fi
  case "$at,$prev" in
${values(root)
  .map(([patterns, value]) => {
    const reply =
      value === "file" ? "_files" : value === "any" ? "_message value" : `compadd -- ${value.map(quoted).join(" ")}`
    return `    (${patterns}) ${reply}; return ;;`
  })
  .join("\n")}
  esac
  case "$at" in
${all(root)
  .map((node) => {
    const options = optionsOf(node).flatMap((option) => option.names.map((name) => described(name, summary(option))))
    const commands = node.commands.map((child) => described(nameOf(child), summary(child)))
    return `    (${quoted(at(node))})
      commands=(${commands.join(" ")})
      options=(${options.join(" ")})${takesFile(node) ? "\n      [[ $PREFIX == -* ]] || _files" : ""} ;;`
  })
  .join("\n")}
  esac
  if [[ $PREFIX == -* ]]; then _describe -o option options; elif (( $#commands )); then _describe command commands; fi
}
if [[ $funcstack[1] == _effect-ollama ]]; then _effect_ollama "$@"; else compdef _effect_ollama effect-ollama; fi
`

/** Single quotes of fish know one escape more. */
const fishQuoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`

const fishOption = (node: Node, { description, names, takesValue, value }: Parameter): string => {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(" ")
  const kind = value === "file" ? " -r -F" : value === "any" ? " -x" : ` -x -a ${fishQuoted(value.join(" "))}`
  const text = fishQuoted(summary({ description }))
  return `complete -c effect-ollama -n ${fishQuoted(`__effect_ollama_at ${fishQuoted(at(node))}`)} ${flags}${takesValue ? kind : ""} -d ${text}`
}

const fish = (root: Node): string => `# Completions of effect-ollama for fish: effect-ollama --completions fish | source
function __effect_ollama_at
  set -l at effect-ollama
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${all(root)
        .slice(1)
        .map((node) => fishQuoted(at(node)))
        .join(" ")}
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c effect-ollama -f
${all(root)
  .flatMap((node) => [
    ...node.commands.map(
      (child) =>
        `complete -c effect-ollama -n ${fishQuoted(`__effect_ollama_at ${fishQuoted(at(node))}`)} -a ${nameOf(child)} -d ${fishQuoted(summary(child))}`
    ),
    ...(takesFile(node)
      ? [`complete -c effect-ollama -n ${fishQuoted(`__effect_ollama_at ${fishQuoted(at(node))}`)} -F`]
      : []),
    ...optionsOf(node).map((option) => fishOption(node, option))
  ])
  .join("\n")}
`

const scripts: Readonly<Record<string, (root: Node) => string>> = { bash, fish, zsh }

/** The script for a shell, if it is one that there is a script for. */
export const script = (shell: string, root: Node): string | undefined =>
  Object.hasOwn(scripts, shell) ? scripts[shell]?.(root) : undefined
