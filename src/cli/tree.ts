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
  if (!HelpDoc.isParagraph(doc)) return []
  const text = spanText(doc.value)
  return standard.test(text) ? [] : [text]
}

const parameter = ([span, doc]: readonly [Span.Span, HelpDoc.HelpDoc]): Parameter => {
  const label = spanText(span).replace(/^\((.*)\)$/, "$1")
  const names = label.match(/(?<!\S)--?[a-z][a-z-]*/g) ?? []
  return {
    label,
    names,
    takesValue: names.length > 0 && /--[a-z-]+ \S/.test(label),
    description: paragraphs(doc).join(" ")
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
