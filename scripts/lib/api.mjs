/**
 * What the published declarations say of the public API, as text: of each entry point every exported name with its
 * declaration, without comments; and the declarations that are not exported, but are reached from those that are.
 */
import * as path from "node:path"
import ts from "typescript"
import { entries } from "./exports.mjs"
import { relative, root } from "./paths.mjs"

const declarationFile = (source) => path.join(root, "dist", source.replace(/^src\//, "").replace(/\.ts$/, ".d.ts"))

const printer = ts.createPrinter({ removeComments: true })

/**
 * The compiler writes the members of unions and of inferred objects in the order in which it met them, which differs from
 * build to build: here they are sorted.
 */
const sorted = (source) => (context) => (root) => {
  const text = (node) => printer.printNode(ts.EmitHint.Unspecified, node, source)
  const byText = (nodes) =>
    nodes
      .map((node) => [text(node), node])
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, node]) => node)
  const visit = (node) => {
    const visited = ts.visitEachChild(node, visit, context)
    if (ts.isUnionTypeNode(visited)) return ts.factory.createUnionTypeNode(byText(visited.types))
    // the order of signatures has a meaning, that of properties has none
    const isSortable = ts.isTypeLiteralNode(visited) && visited.members.every(ts.isPropertySignature)
    return isSortable ? ts.factory.createTypeLiteralNode(byText(visited.members)) : visited
  }
  return ts.visitNode(root, visit)
}

const print = (statement) => {
  const source = statement.getSourceFile()
  const { transformed } = ts.transform(statement, [sorted(source)])
  return printer.printNode(ts.EmitHint.Unspecified, transformed[0], source)
}

/** The statement that a declaration is a part of: of `const a`, the whole `export declare const a: …`. */
const statementOf = (declaration) => {
  if (ts.isVariableDeclaration(declaration)) return declaration.parent.parent
  return declaration
}

const isOurs = (declaration) => {
  const file = declaration.getSourceFile().fileName
  return file.startsWith(path.join(root, "dist") + path.sep)
}

const resolved = (checker, symbol) =>
  (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol

/** Reports one program: the entry points share its types. */
export const reports = () => {
  const files = Object.fromEntries(Object.entries(entries).map(([name, source]) => [name, declarationFile(source)]))
  const program = ts.createProgram(Object.values(files), {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    types: ["node"],
    skipLibCheck: true,
    noEmit: true
  })
  const checker = program.getTypeChecker()
  // what one entry point has said is not said again by the others
  const said = new Set()
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, reportOf(checker, program.getSourceFile(file), name, said)])
  )
}

const textOf = (symbol) => {
  const texts = (symbol.declarations ?? []).filter(isOurs).map((declaration) => print(statementOf(declaration)))
  return [...new Set(texts)].join("\n").replace(/^(export )?(declare )?/gm, "")
}

/** The symbols of our own declarations that a declaration names. */
const named = (checker, symbol) => {
  const found = new Set()
  const visit = (node) => {
    if (ts.isIdentifier(node)) {
      const at = checker.getSymbolAtLocation(node)
      const target = at === undefined ? undefined : resolved(checker, at)
      const isWhole =
        target?.declarations?.some(
          (declaration) =>
            isOurs(declaration) &&
            !ts.isSourceFile(declaration) &&
            (ts.isSourceFile(statementOf(declaration).parent) || ts.isModuleBlock(statementOf(declaration).parent))
        ) === true
      if (isWhole) found.add(target)
    }
    ts.forEachChild(node, visit)
  }
  for (const declaration of symbol.declarations ?? []) if (isOurs(declaration)) visit(statementOf(declaration))
  return found
}

const isModule = (symbol) =>
  (symbol.flags & ts.SymbolFlags.ValueModule) !== 0 && symbol.declarations?.some(ts.isSourceFile)

const reportOf = (checker, source, entry, said) => {
  const blocks = new Map()
  const seen = new Set()
  const collect = (module, prefix) => {
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = resolved(checker, exported)
      const name = `${prefix}${exported.name}`
      if (isModule(symbol)) collect(symbol, `${name}.`)
      else {
        seen.add(symbol)
        // what comes from another package is named, and its declaration is that package's affair
        blocks.set(name, textOf(symbol) || `${symbol.name} of another package`)
      }
    }
  }
  collect(checker.getSymbolAtLocation(source), "")
  const inner = new Map()
  const waiting = [...seen]
  for (let symbol = waiting.pop(); symbol !== undefined; symbol = waiting.pop()) {
    for (const target of named(checker, symbol)) {
      if (seen.has(target) || said.has(target) || isModule(target)) continue
      seen.add(target)
      waiting.push(target)
      const [declaration] = target.declarations
      const file = relative(declaration.getSourceFile().fileName, path.join(root, "dist")).replace(/\.d\.ts$/, "")
      inner.set(`${file}#${target.name}`, textOf(target))
    }
  }
  for (const symbol of seen) said.add(symbol)
  return written(entry, blocks, inner)
}

const byName = (map) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))

const written = (entry, blocks, inner) =>
  [
    `# ${entry}`,
    ...byName(blocks).map(([name, text]) => `## ${name}\n\n${text}`),
    "# not exported, but a part of the above",
    ...byName(inner).map(([name, text]) => `## ${name}\n\n${text}`)
  ].join("\n\n") + "\n"

/** The sections of a report by their names. */
const sections = (report) =>
  new Map(
    report
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const end = section.indexOf("\n")
        return [section.slice(0, end), section.slice(end).split(/^# /m)[0].trim()]
      })
  )

const indented = (sign, text) => text.replace(/^/gm, `  ${sign} `)

/** Lines that only one of two texts has, in their order. */
const changedLines = (before, after) => {
  const [old, now] = [before.split("\n"), after.split("\n")]
  const gone = old.filter((line) => !now.includes(line))
  const come = now.filter((line) => !old.includes(line))
  if (gone.length + come.length === 0) return indented("+", after)
  return [...gone.map((line) => indented("-", line)), ...come.map((line) => indented("+", line))].join("\n")
}

/** What differs between two reports, one problem for each name. */
export const differences = (before, after) => {
  const [old, now] = [sections(before), sections(after)]
  const problems = []
  for (const [name, text] of old) {
    const other = now.get(name)
    if (other === undefined) problems.push(`removed ${name}\n${indented("-", text)}`)
    else if (other !== text) problems.push(`changed ${name}\n${changedLines(text, other)}`)
  }
  for (const [name, text] of now) if (!old.has(name)) problems.push(`added ${name}\n${indented("+", text)}`)
  return problems
}
