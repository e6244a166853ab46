/** The public names of the package, read from the source without types. */
import { existsSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { parse } from "./typescript.mjs"

/** The entry points of the package, by the name a program imports. */
export const entries = {
  "effect-ollama": "src/index.ts",
  "effect-ollama/node": "src/node/index.ts",
  "effect-ollama/ai": "src/ai/index.ts",
  "effect-ollama/shared": "src/shared/index.ts",
  "effect-ollama/testing": "src/testing/index.ts",
  "effect-ollama/testing/node": "src/testing/node.ts"
}

const isExported = (node) => node.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true

const kindOf = (node) => {
  if (ts.isInterfaceDeclaration(node)) return "interface"
  if (ts.isTypeAliasDeclaration(node)) return "type"
  if (ts.isClassDeclaration(node)) return "class"
  if (ts.isFunctionDeclaration(node)) return "function"
  if (ts.isModuleDeclaration(node)) return "namespace"
  return "const"
}

const resolve = (from, specifier) => path.resolve(path.dirname(from), specifier.replace(/\.js$/, ".ts"))

/**
 * The exports of a module: `{ name, kind, node, source, file }`, with `exports` inside a namespace (`export * as Name`).
 * `export *` and `export { a } from` are followed; `node` is the statement that carries the docstring.
 */
export const exportsOf = (file) => {
  if (!existsSync(file)) return []
  const source = parse(file)
  const found = []
  const add = (name, kind, node, more = {}) => found.push({ name, kind, node, source, file, ...more })
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) {
      const target = statement.moduleSpecifier && resolve(file, statement.moduleSpecifier.text)
      const clause = statement.exportClause
      if (clause === undefined) found.push(...exportsOf(target))
      else if (ts.isNamespaceExport(clause)) {
        add(clause.name.text, "module", statement, { exports: exportsOf(target), target })
      } else {
        for (const { name, propertyName } of clause.elements) {
          const original = (propertyName ?? name).text
          const declared = target === undefined ? declaredIn(source, file) : exportsOf(target)
          const matches = declared.filter((candidate) => candidate.name === original)
          for (const match of matches) found.push({ ...match, name: name.text })
          if (matches.length === 0) add(name.text, "const", statement)
        }
      }
    } else if (isExported(statement)) found.push(...declarationsOf(statement, source, file))
  }
  return found
}

const declarationsOf = (statement, source, file) => {
  const at = { node: statement, source, file }
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => ({ name: name.getText(), kind: "const", ...at }))
  }
  return statement.name === undefined ? [] : [{ name: statement.name.text, kind: kindOf(statement), ...at }]
}

/** Everything a module declares, exported where it is declared or not. */
const declaredIn = (source, file) => source.statements.flatMap((statement) => declarationsOf(statement, source, file))
