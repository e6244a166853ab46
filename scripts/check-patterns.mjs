/**
 * Checks what the rules of the house forbid in `src`: the wall clock, global randomness and timers, the console, Node's
 * globals in the core, type assertions that silence the compiler, comments that switch a check off; and files that have
 * grown past 400 lines, in every folder.
 *
 *     node scripts/check-patterns.mjs [--root <folder with src inside>]
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { filesUnder, relative, root } from "./lib/paths.mjs"
import { runAsCommand } from "./lib/report.mjs"
import { lineOf, parse } from "./lib/typescript.mjs"

const maxLines = 400

/** Files that may be longer, and why. */
const longFiles = {
  "src/OllamaError.ts": "the table of failures: one class after the other",
  "src/record/verdict/rules.ts": "the table of verdicts: one rule after the other",
  "src/testing/Fault.ts": "the table of faults: one constructor after the other",
  "test/wire/expected.ts": "the table of what each recorded exchange gives",
  "test/wire/texts.ts": "the table of the server's error texts and what each becomes"
}

/** Where the machine's own clock, timers and globals are in place. */
const isEdge = (file) => /^src\/(node\/|cli\/|testing\/node\.ts$|testing\/[^/]*Server)/.test(file)

const members = new Map([
  ["Date.now", "use Clock.currentTimeMillis"],
  ["performance.now", "use Clock.currentTimeNanos"],
  ["Math.random", "use Random"]
])

const globals = new Map([
  ["console", "use Effect.log, or give the caller a value"],
  ["setTimeout", "use Effect.sleep or Clock"],
  ["setInterval", "use Schedule"],
  ["setImmediate", "use Effect.yieldNow"],
  ["process", "the core runs without Node"],
  ["Buffer", "the core runs without Node: use Uint8Array"],
  ["require", "the core runs without Node"],
  ["__dirname", "the core runs without Node"],
  ["NodeJS", "the core runs without Node"]
])

const comments = [
  [/@ts-(ignore|expect-error|nocheck)/, "switches the compiler off"],
  [/(eslint|oxlint)-disable/, "switches the linter off"],
  [/@effect-diagnostics/, "switches the Effect diagnostics off"],
  [/\b(TODO|FIXME|XXX|HACK)\b/, "is not finished"]
]

/** Whether an identifier names a value or type of the outside, and not a property, a key or a declaration of that name. */
const isReference = (node) => {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent))
    return parent.expression === node || parent.expression.text === "globalThis"
  if (ts.isQualifiedName(parent)) return parent.left === node
  if (ts.isTypeReferenceNode(parent) || ts.isShorthandPropertyAssignment(parent)) return true
  return parent.name !== node && parent.propertyName !== node
}

const isAny = (type) => type?.kind === ts.SyntaxKind.AnyKeyword

/** What is wrong with one node, if anything. */
const problemOf = (node, edge) => {
  if (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) {
    if (isAny(node.type)) return "asserts `any`"
    const inner = ts.isParenthesizedExpression(node.expression) ? node.expression.expression : node.expression
    const isTwice = ts.isAsExpression(inner) && inner.type.kind === ts.SyntaxKind.UnknownKeyword
    return isTwice ? "asserts through `unknown`" : undefined
  }
  if (isAny(node)) return "uses the type `any`"
  if (edge) return undefined
  if (ts.isPropertyAccessExpression(node)) {
    const name = `${node.expression.getText()}.${node.name.text}`
    return members.has(name) ? `uses ${name}: ${members.get(name)}` : undefined
  }
  const makesDate = (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === "Date"
  if (makesDate && (node.arguments?.length ?? 0) === 0) return "reads the wall clock with Date: use Clock"
  if (ts.isIdentifier(node) && globals.has(node.text) && isReference(node)) {
    return `uses ${node.text}: ${globals.get(node.text)}`
  }
  return undefined
}

const patternsOf = (absolute, file) => {
  const source = parse(absolute)
  const edge = isEdge(file)
  const problems = []
  const visit = (node) => {
    const problem = problemOf(node, edge)
    if (problem !== undefined) problems.push(`${file}:${lineOf(source, node)} ${problem}`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  for (const [index, line] of source.text.split("\n").entries()) {
    for (const [pattern, problem] of comments) {
      const found = pattern.exec(line)
      if (found !== null) problems.push(`${file}:${index + 1} \`${found[0]}\` ${problem}`)
    }
  }
  return problems
}

const lengthOf = (absolute) => readFileSync(absolute, "utf8").trimEnd().split("\n").length

/**
 * The problems, one a line.
 *
 * @param {string} folder
 * @returns {ReadonlyArray<string>}
 */
export const checkPatterns = (folder = root) => {
  const under = (name) => filesUnder(path.join(folder, name), [".ts", ".mjs"])
  const problems = under("src").flatMap((absolute) => patternsOf(absolute, relative(absolute, folder)))
  for (const absolute of ["src", "test", "examples", "bench", "scripts"].flatMap(under)) {
    const file = relative(absolute, folder)
    const lines = lengthOf(absolute)
    if (lines > maxLines && longFiles[file] === undefined) {
      problems.push(`${file} has ${lines} lines, more than ${maxLines}: split it, or list it as a table`)
    }
  }
  return problems
}

if (process.argv[1] === import.meta.filename) runAsCommand(checkPatterns, root)
