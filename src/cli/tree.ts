/** The commands as a tree of data: what `--help` shows, and what words a command line may have. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Descriptor from "@effect/cli/CommandDescriptor"
import * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Span from "@effect/cli/HelpDoc/Span"

/** An option or an argument. */
export interface Parameter {
  /** `-m, --model name`, `<prompt>...` */
  readonly label: string
  /** `-m`, `--model`; none for an argument. */
  readonly names: ReadonlyArray<string>
  readonly takesValue: boolean
  /** What its value is: one of some words, a file, or anything. */
  readonly value: ReadonlyArray<string> | "file" | "any"
  readonly description: string
}

export interface Node {
  /** `effect-ollama models list`, in words. */
  readonly path: ReadonlyArray<string>
  readonly description: string
  readonly arguments: ReadonlyArray<Parameter>
  readonly options: ReadonlyArray<Parameter>
  readonly commands: ReadonlyArray<Node>
}

const config = CliConfig.make({ showBuiltIns: false })

const spanText = (span: Span.Span): string => {
  switch (span._tag) {
    case "Text":
      return span.value
    case "URI":
      return span.value
    case "Sequence":
      return spanText(span.left) + spanText(span.right)
    default:
      return spanText(span.value)
  }
}

/** What stands under each heading. */
const sections = (doc: HelpDoc.HelpDoc): ReadonlyArray<HelpDoc.HelpDoc> =>
  HelpDoc.isSequence(doc) ? [...sections(doc.left), ...sections(doc.right)] : [doc]

/** What @effect/cli says of itself of every option and argument. */
const standard =
  /^(A user-defined piece of text\.|A true or false value\.|An integer\.|A floating point number\.|One of the following: .*|This (setting|option|argument) (is|may|must) .*)$/

const paragraphs = (doc: HelpDoc.HelpDoc): ReadonlyArray<string> => {
  if (HelpDoc.isSequence(doc)) return [...paragraphs(doc.left), ...paragraphs(doc.right)]
  return HelpDoc.isParagraph(doc) ? [spanText(doc.value)] : []
}

/** `[<file>]`, `<file>...`, as manual pages write what may be absent or repeated. */
const argumentLabel = (text: string, said: ReadonlyArray<string>): string => {
  const label = text.replace(/ 1\+$/, "...")
  return said.some((one) => /optional|zero or more/.test(one)) ? `[${label}]` : label
}

/** `yes | no`, `file` or `<file>...` in a label. */
const valueOf = (label: string, names: ReadonlyArray<string>): Parameter["value"] => {
  const last = names.at(-1)
  const text = last === undefined ? label : label.slice(label.lastIndexOf(last) + last.length).trim()
  if (text.includes("|")) return text.split("|").map((word) => word.trim())
  return /^<?file\b/.test(text) ? "file" : "any"
}

const parameter = ([span, doc]: readonly [Span.Span, HelpDoc.HelpDoc]): Parameter => {
  const text = spanText(span).replace(/^\((.*)\)$/, "$1")
  const names = text.match(/(?<!\S)--?[a-z][a-z-]*/g) ?? []
  const said = paragraphs(doc)
  return {
    label: names.length > 0 ? text : argumentLabel(text, said),
    names,
    takesValue: names.length > 0 && /--[a-z-]+ \S/.test(text),
    value: valueOf(text, names),
    description: said.filter((one) => !standard.test(one)).join(" ")
  }
}

const parametersOf = (all: ReadonlyArray<HelpDoc.HelpDoc>): ReadonlyArray<Parameter> =>
  all.flatMap((doc) => (HelpDoc.isDescriptionList(doc) ? doc.definitions.map(parameter) : []))

/** A command and those inside it: @effect/cli does not tell of more than one level. */
export interface Family {
  readonly name: string
  readonly descriptor: Descriptor.Command<unknown>
  readonly children: ReadonlyArray<Family>
}

/** What every command understands, besides its own options. */
export const everywhere: ReadonlyArray<Parameter> = [
  {
    label: "-h, --help",
    names: ["-h", "--help"],
    takesValue: false,
    value: "any",
    description: "This text; after a command, that of the command"
  },
  { label: "--version", names: ["--version"], takesValue: false, value: "any", description: "The version" },
  {
    label: "--completions shell",
    names: ["--completions"],
    takesValue: true,
    value: ["bash", "zsh", "fish"],
    description: "A script that completes commands and options: bash, zsh or fish"
  },
  {
    label: "--log-level level",
    names: ["--log-level"],
    takesValue: true,
    value: ["debug", "info", "warning", "error", "none"],
    description: "What is logged to stderr: debug, info, warning (the default), error, none"
  }
]

/** The tree of a command and those inside it. */
export const of = ({ children, descriptor, name }: Family, parents: ReadonlyArray<string> = []): Node => {
  const path = [...parents, name]
  const all = sections(Descriptor.getHelp(descriptor, config))
  const parameters = parametersOf(all)
  return {
    path,
    description: all.filter(HelpDoc.isParagraph).map(({ value }) => spanText(value))[0] ?? "",
    arguments: parameters.filter(({ names }) => names.length === 0),
    options: parameters.filter(({ names }) => names.length > 0),
    commands: children.map((child) => of(child, path))
  }
}
