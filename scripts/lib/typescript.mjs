/** What several scripts need from the TypeScript compiler. */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { relative, root } from "./paths.mjs"

/** Reads a tsconfig file of the repository. */
export const readConfig = (name) => {
  const unreadable = (diagnostic) => {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"))
  }
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: unreadable }
  return ts.getParsedCommandLineOfConfigFile(path.join(root, name), {}, host)
}

/** Parses one file, without types. */
export const parse = (file) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true)

/** The line of a node, counted from 1. */
export const lineOf = (source, node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1

/** A compiler message in one line: `src/OllamaClient.ts:12:3 TS2322 …`. */
export const format = (diagnostic, fileName = diagnostic.file?.fileName) => {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
  const name = diagnostic.source === "effect" ? "effect" : `TS${diagnostic.code}`
  if (diagnostic.file === undefined) return `${name} ${text}`
  const { line, character } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
  return `${relative(fileName)}:${line + 1}:${character + 1} ${name} ${text}`
}
