/**
 * Compiles `src` to `dist`: ES modules, types, source maps and declaration maps; and bundles the command.
 *
 *     node scripts/build.mjs [--if-stale] [--no-check]
 *
 * `--if-stale` does nothing when `dist` is newer than every source. `--no-check` leaves the type errors to whoever
 * asked (`npm run check` has found them already) and only writes the files.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { cache, filesUnder, isStale, root } from "./lib/paths.mjs"
import { seconds } from "./lib/run.mjs"
import { ensure } from "./ensure.mjs"

const dist = path.join(root, "dist")
// Written last and removed first, so that an interrupted build counts as none.
const stamp = path.join(cache, "built")

/** Whether `dist` is missing or older than what it is made of. */
export const isBuildStale = () =>
  !existsSync(path.join(dist, "index.js")) ||
  isStale(stamp, [
    ...filesUnder(path.join(root, "src"), [".ts"]),
    ...["package-lock.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs", "scripts/lib/cli.mjs"].map(
      (file) => path.join(root, file)
    )
  ])

/**
 * Marks the calls that run when a module is loaded as free of effects (`#__PURE__`), so that a bundler leaves out the
 * schemas, tags and layers a program does not use. True of all of `src`: loading one of its modules only makes values.
 */
const annotatePureCalls = (ts) => (context) => (source) => {
  const visit = (node) => {
    // A function's body does not run when the module is loaded.
    if (ts.isFunctionLike(node)) return node
    const visited = ts.visitEachChild(node, visit, context)
    const isCall = ts.isCallExpression(visited) || ts.isNewExpression(visited)
    return isCall
      ? ts.addSyntheticLeadingComment(visited, ts.SyntaxKind.MultiLineCommentTrivia, "#__PURE__", false)
      : visited
  }
  const visitStatement = (statement) =>
    ts.isVariableStatement(statement) || ts.isClassDeclaration(statement) || ts.isExportAssignment(statement)
      ? ts.visitEachChild(statement, visit, context)
      : statement
  return ts.visitEachChild(source, visitStatement, context)
}

const build = async ({ check }) => {
  const ts = (await import("typescript")).default
  const { format, readConfig } = await import("./lib/typescript.mjs")
  const config = readConfig("tsconfig.build.json")
  const program = ts.createProgram(config.fileNames, { ...config.options, noCheck: !check })
  rmSync(stamp, { force: true })
  rmSync(dist, { recursive: true, force: true })
  const emitted = program.emit(undefined, undefined, undefined, false, { before: [annotatePureCalls(ts)] })
  const problems = [...config.errors, ...(check ? ts.getPreEmitDiagnostics(program) : []), ...emitted.diagnostics]
  if (problems.length === 0) {
    const { bundleCli } = await import("./lib/cli.mjs")
    await bundleCli(path.join(dist, "cli", "effect-ollama.js"))
    mkdirSync(cache, { recursive: true })
    writeFileSync(stamp, "")
  }
  return ts.sortAndDeduplicateDiagnostics(problems).map(format)
}

const main = async (args) => {
  if (args.includes("--if-stale") && !isBuildStale()) return 0
  if (!(await ensure())) return 1
  const started = performance.now()
  const problems = await build({ check: !args.includes("--no-check") })
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) return 1
  console.error(`Built dist in ${seconds((performance.now() - started) / 1000)}`)
  return 0
}

if (process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv.slice(2))
