/**
 * Checks that imports inside `src` point one way (ARCHITECTURE.md draws it), that nothing imports a barrel, that the
 * core stays free of Node, and that no modules import each other in a circle.
 *
 *     node scripts/check-dependencies.mjs [--root <folder with src inside>]
 */
import * as path from "node:path"
import ts from "typescript"
import { filesUnder, relative, root } from "./lib/paths.mjs"
import { runAsCommand } from "./lib/report.mjs"
import { lineOf, parse } from "./lib/typescript.mjs"

const ground = ["api", "OllamaError", "record"]
const internal = [...ground, "internal"]
const policy = [...internal, "policy"]
const client = [...policy, "OllamaConfig", "OllamaClient", "client"]
const around = [...client, "fleet", "observe"]

/** What each room of `src` may import: a room is a folder or a file at the top. Only `index` may name everything. */
const mayImport = {
  api: ground,
  OllamaError: ground,
  record: ground,
  internal,
  policy,
  OllamaConfig: client,
  client,
  OllamaClient: client,
  fleet: around,
  observe: around,
  tools: [...client, "tools"],
  Tool: [...client, "tools"],
  index: [...around, "Tool"],
  node: [...around, "node"],
  ai: [...around, "ai"],
  shared: ["fleet", "shared"],
  cli: [...around, "ai", "cli", "node", "testing"],
  testing: ["api", "OllamaError", "testing"]
}

/** The packages a room may import besides `effect` and `@effect/platform`. */
const packages = {
  node: ["@effect/platform-node"],
  ai: ["@effect/ai"],
  shared: ["@effect/experimental"],
  cli: ["@effect/ai", "@effect/cli", "@effect/platform-node"],
  testing: []
}

const usesNode = new Set(["node", "cli"])

const roomOf = (file) => file.split("/")[1]?.replace(/\.ts$/, "")

/** The package of an import: `effect` of `effect/Effect`, `@effect/platform` of `@effect/platform/HttpClient`. */
const packageOf = (specifier) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

const isTypeOnly = (node) =>
  ts.isImportDeclaration(node) ? node.importClause?.isTypeOnly === true : node.isTypeOnly === true

/** Every import and re-export of a file: static, dynamic, and of a type in a type. */
const importsOf = (file) => {
  const source = parse(file)
  const found = []
  const add = (node, literal) => {
    if (literal !== undefined && ts.isStringLiteralLike(literal)) {
      const typeOnly = ts.isImportTypeNode(node) || isTypeOnly(node)
      found.push({ specifier: literal.text, typeOnly, line: lineOf(source, node) })
    }
  }
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node, node.moduleSpecifier)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0])
    } else if (ts.isImportTypeNode(node)) add(node, node.argument.literal)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** The files of `testing` that may use Node: those that only the server's entry point reaches. */
const serverFiles = (graph) => {
  const reach = (entry, seen = new Set()) => {
    if (seen.has(entry) || !graph.has(entry)) return seen
    seen.add(entry)
    for (const { target } of graph.get(entry)) if (target !== undefined) reach(target, seen)
    return seen
  }
  const inMemory = reach("src/testing/index.ts")
  const isServer = (file) => file === "src/testing/node.ts" || file.startsWith("src/testing/OllamaSimulatorServer")
  return new Set(
    [...graph.keys()].filter((file) => isServer(file) || (roomOf(file) === "testing" && !inMemory.has(file)))
  )
}

/** Circles of modules that need each other when they load; a type is gone by then. */
const circles = (graph) => {
  const problems = []
  const state = new Map()
  const visit = (file, trail) => {
    if (state.get(file) === "done") return
    if (state.get(file) === "open") {
      problems.push(`${file} is in a circle: ${[...trail.slice(trail.indexOf(file)), file].join(" -> ")}`)
      return
    }
    state.set(file, "open")
    for (const { target, typeOnly } of graph.get(file) ?? []) {
      if (target !== undefined && !typeOnly) visit(target, [...trail, file])
    }
    state.set(file, "done")
  }
  for (const file of graph.keys()) visit(file, [])
  return problems
}

/**
 * The problems, one a line.
 *
 * @param {string} folder
 * @returns {ReadonlyArray<string>}
 */
export const checkDependencies = (folder = root) => {
  const graph = new Map()
  for (const absolute of filesUnder(path.join(folder, "src"), [".ts"])) {
    const imports = importsOf(absolute).map(({ specifier, ...rest }) => ({
      ...rest,
      specifier,
      target: specifier.startsWith(".")
        ? relative(path.resolve(path.dirname(absolute), specifier.replace(/\.js$/, ".ts")), folder)
        : undefined
    }))
    graph.set(relative(absolute, folder), imports)
  }
  const server = serverFiles(graph)
  const problems = []
  for (const [file, imports] of graph) {
    const room = roomOf(file)
    const allowed = mayImport[room]
    if (allowed === undefined) {
      problems.push(`${file} belongs to no room: give it one in scripts/check-dependencies.mjs`)
      continue
    }
    const allowedPackages = ["effect", "@effect/platform", ...(packages[room] ?? [])]
    for (const { line, specifier, target } of imports) {
      const say = (problem) => problems.push(`${file}:${line} ${problem}`)
      if (target !== undefined) {
        const other = roomOf(target)
        if (!graph.has(target)) say(`imports ${specifier}, which does not exist (relative imports end in .js)`)
        else if (target === "src/index.ts") say("imports the barrel src/index.ts: import the module itself")
        else if (!allowed.includes(other)) say(`imports ${target}: ${room} may import only ${allowed.join(", ")}`)
        else if (server.has(target) && !server.has(file)) say(`imports ${target}, which uses Node`)
        continue
      }
      const name = packageOf(specifier)
      if (specifier.startsWith("node:")) {
        if (!usesNode.has(room) && !server.has(file))
          say(`imports ${specifier}: only node, cli and the simulator's server`)
      } else if (!allowedPackages.includes(name)) say(`imports ${specifier}: not a package that ${room} may use`)
      else if (specifier === name) say(`imports the barrel "${specifier}": import its module, such as "${name}/…"`)
    }
  }
  return [...problems, ...circles(graph)]
}

if (process.argv[1] === import.meta.filename) runAsCommand(checkDependencies, root)
