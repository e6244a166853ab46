/**
 * How TypeDoc writes the reference: one page for each module, at the place its import has, with a signature and the
 * docstring for each name and no more. Types of parameters are in the signature, and `@since` is the same everywhere.
 */
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import { Comment, Converter, ReferenceType, ReflectionKind, UnionType } from "typedoc"
import { MarkdownPageEvent, MarkdownTheme, MarkdownThemeContext, ModuleRouter } from "typedoc-plugin-markdown"
import ts from "typescript"

const pageKinds = [ReflectionKind.Module, ReflectionKind.Namespace]

/** The folders of `src` as a reader knows them; what is in no folder is the client. */
const groups = {
  policy: "Policies",
  fleet: "Several hosts",
  observe: "Observation",
  record: "Observation",
  api: "Requests and answers"
}

/** `src/ai/index.ts` is `effect-ollama/ai`: TypeDoc knows it as `ai`. */
const importName = (name) =>
  ["effect-ollama", name.replace(/^(?:src|index)\/?|\/?index$/g, "")].filter(Boolean).join("/")

const moduleOf = (reflection) => (reflection.kindOf(ReflectionKind.Module) ? reflection : moduleOf(reflection.parent))

/** The names from the module to the page: `["OllamaLanguageModel", "Config"]`. */
const namesOf = (reflection) =>
  reflection.kindOf(ReflectionKind.Module) ? [] : [...namesOf(reflection.parent), reflection.name]

class Router extends ModuleRouter {
  getIdealBaseName(reflection) {
    const page = pageKinds.includes(reflection.kind) ? reflection : reflection.parent
    if (!pageKinds.includes(page.kind)) return super.getIdealBaseName(reflection)
    const folder = moduleOf(page).name.replace(/^effect-ollama\/?/, "")
    const names = namesOf(page)
    const file = names.length > 0 ? names.join(".") : folder === "" ? "effect-ollama" : "index"
    return [folder, file].filter(Boolean).join("/")
  }
  // an entry point is a part of the first page, and everything else of the page of its module
  shouldWritePage(reflection) {
    return reflection.kindOf(ReflectionKind.Namespace)
  }
}

const nothing = () => ""

class Context extends MarkdownThemeContext {
  constructor(...options) {
    super(...options)
    const { memberTitle, unionType } = this.partials
    // the members of a union are told of in its docstring
    this.helpers = { ...this.helpers, hasUsefulTypeDetails: () => false }
    this.partials = {
      ...this.partials,
      constructor: nothing,
      hierarchy: nothing,
      inheritance: nothing,
      signatureReturns: nothing,
      sources: nothing,
      // a line for each, where they are objects (`forceCollapse` writes them out)
      unionType: (model) =>
        model.types.filter(({ type }) => type === "reflection").length > 2
          ? model.types.map((type) => `<br>\\| ${this.partials.someType(type, { forceCollapse: true })}`).join(" ")
          : unionType(model),
      memberTitle: (model) => memberTitle(model).replace(/\(\)(~*)$/, "$1"),
      pageTitle: () => titleOf(this.page.model)
    }
  }
}

class Theme extends MarkdownTheme {
  getRenderContext(page) {
    return new Context(this, page, this.application.options)
  }
}

const titleOf = (reflection) => {
  if (reflection.kindOf(ReflectionKind.Project)) return "Reference"
  const names = namesOf(reflection)
  return names.length > 0 ? names.join(".") : reflection.name
}

/** The files that modules and namespaces are made of. */
const files = new WeakMap()

const groupOf = (reflection) => {
  const folder = /\/src\/([^/]+)\//.exec(files.get(reflection)?.fileName ?? "")?.[1]
  return groups[folder] ?? "Client"
}

/** The first comment of a file, which says what the module is for; TypeDoc looks for it only in entry points. */
const headerOf = ({ text }) => {
  const [, header = ""] = /^\s*\/\*\*([^]*?)\*\//.exec(text) ?? []
  const lines = header.split("\n").map((line) => line.replace(/^\s*\* ?/, ""))
  const tags = lines.findIndex((line) => line.startsWith("@"))
  return lines
    .slice(0, tags === -1 ? lines.length : tags)
    .join("\n")
    .trim()
}

const summaryOf = ({ comment }) =>
  (comment?.summary ?? [])
    .map(({ text }) => text)
    .join("")
    .split(/\n\s*\n/)[0]
    .replace(/\s+/g, " ")
    .trim()

/** The types that were written, in the place of what the compiler made of them: names, with links. */
const asWritten = (context, signature, declaration) => {
  if (!signature.kindOf(ReflectionKind.CallSignature) || declaration === undefined) return
  const rewrite = (scope, reflection, node) => {
    if (node?.type === undefined) return
    if (reflection.type !== undefined) context.project.removeTypeReflections(reflection.type)
    reflection.type = context.converter.convertType(scope, node.type)
  }
  const inside = context.withScope(signature)
  rewrite(inside, signature, declaration)
  for (const [index, parameter] of (signature.parameters ?? []).entries()) {
    rewrite(inside.withScope(parameter), parameter, declaration.parameters[index])
  }
}

const isForeign = (node) => node.getSourceFile().fileName.includes("node_modules")

const withoutUndefined = (type) => {
  if (!(type instanceof UnionType)) return type
  const types = type.types.filter(({ name }) => name !== "undefined")
  return types.length === 1 ? types[0] : new UnionType(types)
}

/** The same for the fields of an interface. */
const fieldAsWritten = (context, reflection) => {
  const node = context.getSymbolFromReflection(reflection)?.declarations?.find(ts.isPropertySignature)
  if (reflection.parent.kindOf(ReflectionKind.Class)) return
  if (node?.type === undefined || reflection.type === undefined || isForeign(node)) return
  context.project.removeTypeReflections(reflection.type)
  const type = context.converter.convertType(context.withScope(reflection), node.type)
  reflection.type = reflection.flags.isOptional ? withoutUndefined(type) : type
}

/** `type Retry = typeof Retry.Type`: what a reader wants to see are its fields. */
const expandAlias = (context, reflection) => {
  const node = context.getSymbolFromReflection(reflection)?.declarations?.find(ts.isTypeAliasDeclaration)
  if (node !== undefined && ts.isTypeQueryNode(node.type)) reflection.comment?.modifierTags.add("@useDeclaredType")
}

/** The type of a schema is longer than the page; the type beside it has the same name and says what it holds. */
const shortenSchema = (variable, project) => {
  const alias = variable.parent.children.find(
    (other) => other !== variable && other.name === variable.name && other.kindOf(ReflectionKind.SomeType)
  )
  if (alias === undefined) return
  variable.type = ReferenceType.createBrokenReference("Schema", project, "effect")
  variable.type.typeArguments = [ReferenceType.createResolvedReference(alias.name, alias, project)]
}

const isFailure = (reflection) =>
  reflection.kindOf(ReflectionKind.Class) && reflection.children?.some(({ name }) => name === "isRetryable")

/** What is not to be called, or comes with every class of Effect. */
const withoutNoise = (reflection, project) => {
  const seen = new Set()
  for (const child of Array.from(reflection.children ?? [])) {
    const isOurs = child.sources?.some(({ fullFileName }) => !fullFileName.includes("node_modules"))
    const isNoise =
      !isOurs || child.kindOf(ReflectionKind.Constructor) || child.name === "[TypeId]" || seen.has(child.name)
    seen.add(child.name)
    if (isNoise) project.removeReflection(child)
  }
}

/** The fields that every failure has are told of once, with the first one. */
const shareFields = (failures, project) => {
  const [first, ...others] = failures
  if (first === undefined) return
  const names = others.map(({ children }) => new Set(children.map(({ name }) => name)))
  const shared = new Set(
    first.children.map(({ name }) => name).filter((name) => name !== "_tag" && names.every((all) => all.has(name)))
  )
  for (const failure of others) {
    for (const child of Array.from(failure.children)) if (shared.has(child.name)) project.removeReflection(child)
    const note = ` Beside its own fields it has those of every failure, which are listed with \`${first.name}\`.`
    failure.comment.summary.push({ kind: "text", text: note })
  }
}

const tidy = (project) => {
  for (const reflection of project.getReflectionsByKind(ReflectionKind.Class)) withoutNoise(reflection, project)
  for (const reflection of project.getReflectionsByKind(ReflectionKind.Variable)) shortenSchema(reflection, project)
  for (const reflection of project.getReflectionsByKind(ReflectionKind.Namespace)) {
    shareFields(reflection.children?.filter(isFailure) ?? [], project)
  }
}

/** What is written of each page beside it: for the sidebar, the first page, and llms.txt. */
const pagesOf = (project, router) =>
  project.children.map((module) => ({
    module: module.name,
    summary: summaryOf(module),
    pages: module.children
      .filter(({ kind }) => kind === ReflectionKind.Namespace)
      .map((reflection) => ({
        title: titleOf(reflection),
        group: groupOf(reflection),
        url: router.getFullUrl(reflection).replace(/\.md$/, ""),
        summary: summaryOf(reflection)
      }))
  }))

const indexOf = (modules) => [
  "# Reference",
  "Every public name, from the docstrings. The type of a schema is shortened to `Schema<A>`; its fields are in the type of the same name.",
  ...modules.flatMap(({ module, pages, summary }) => [
    `## ${module}`,
    summary,
    pages.map(({ summary, title, url }) => `- [${title}](./${url}.md): ${summary}`).join("\n")
  ])
]

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-")

/** Names have the plain anchors (`#chat`); the titles of pages and categories keep out of their way. */
const withAnchors = (contents) =>
  contents.replace(/^(#{1,2}) (?!.*\{#)(.+)$/gm, (_, level, text) =>
    level === "#" ? `# ${text} {#the-module}` : `## ${text} {#all-${slug(text)}}`
  )

/** Called by TypeDoc. */
export const load = (app) => {
  app.renderer.defineRouter("effect-ollama", Router)
  app.renderer.defineTheme("effect-ollama", Theme)
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, asWritten)
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Property)) fieldAsWritten(context, reflection)
    if (reflection.kindOf(ReflectionKind.TypeAlias)) expandAlias(context, reflection)
    if (!pageKinds.includes(reflection.kind)) return
    const file = context.getSymbolFromReflection(reflection)?.declarations?.find(ts.isSourceFile)
    if (file === undefined) return
    files.set(reflection, file)
    reflection.comment = new Comment([{ kind: "text", text: headerOf(file) }])
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children) module.name = importName(module.name)
    tidy(project)
  })
  app.renderer.on(MarkdownPageEvent.END, (page) => {
    page.contents = page.contents && withAnchors(page.contents)
  })
  app.renderer.postRenderAsyncJobs.push(async ({ outputDirectory, project }) => {
    const modules = pagesOf(project, app.renderer.router).toSorted((a, b) => a.module.localeCompare(b.module))
    const write = (name, text) => writeFileSync(path.join(outputDirectory, name), `${text}\n`)
    write("pages.json", JSON.stringify(modules, undefined, 2))
    write("index.md", indexOf(modules).join("\n\n"))
  })
}
