/**
 * Type checks everything (`src`, `test`, `examples`, `bench` and the snippets of the documentation) and asks the Effect
 * language service about the code, over one program: reading Effect's types is most of the cost.
 *
 *     node scripts/check-types.mjs
 */
import { createRequire } from "node:module"
import * as path from "node:path"
import ts from "typescript"
import { extractSnippets } from "./check-snippets.mjs"
import { format, readConfig } from "./lib/typescript.mjs"

// What `effect-language-service patch` makes `tsc` call: the same rules, without changing node_modules.
const effectRules = createRequire(import.meta.url)("@effect/language-service/effect-lsp-patch-utils.js")

// A snippet may declare a value only to show its type.
const unused = new Set([6133, 6192, 6196, 6198])

/** The problems, one a line. `only` leaves out everything but the snippets. */
export const checkTypes = ({ snippets, only = false }) => {
  const config = readConfig("tsconfig.json")
  // As in Effect's own build: with interop on, the Effect rules do not recognise what comes from `effect/Effect`.
  const options = { ...config.options, esModuleInterop: false, allowSyntheticDefaultImports: true }
  const files = [...(only ? [] : config.fileNames), ...snippets.keys()]
  const program = ts.createProgram(files, options)
  const problems = []
  const seen = (diagnostic) => {
    const page = diagnostic.file && snippets.get(path.normalize(diagnostic.file.fileName))
    if (page === undefined) problems.push(format(diagnostic))
    else if (!unused.has(diagnostic.code)) problems.push(format(diagnostic, page))
  }
  for (const diagnostic of config.errors) seen(diagnostic)
  for (const diagnostic of ts.getPreEmitDiagnostics(program)) seen(diagnostic)
  if (!only) {
    for (const name of config.fileNames) {
      effectRules.checkSourceFileWorker(ts, program, program.getSourceFile(name), options, seen, "tsc")
    }
  }
  return [...new Set(problems)].toSorted()
}

if (process.argv[1] === import.meta.filename) {
  const problems = checkTypes({ snippets: extractSnippets() })
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}
