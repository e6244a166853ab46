/**
 * Bundles every entry point that is to run anywhere, from the published files and with all they import, for a browser;
 * and looks into it: no module of Node may be in it, and our own code may name none of the globals that only Node has.
 * Effect names `process` where it asks whether there is one; that is its affair, and pages have shown that it works.
 *
 *     node scripts/check-browser.mjs
 */
import { isBuiltin } from "node:module"
import { build } from "esbuild"
import ts from "typescript"
import { entries } from "./lib/exports.mjs"
import { root } from "./lib/paths.mjs"
import { runNode } from "./lib/run.mjs"

const ofNode = new Set(["effect-ollama/node", "effect-ollama/testing/node"])
const globals = new Set([
  "process",
  "Buffer",
  "require",
  "global",
  "__dirname",
  "__filename",
  "setImmediate",
  "clearImmediate"
])

const bundle = (names, external) =>
  build({
    stdin: {
      contents: names.map((name, i) => `export * as e${i} from "${name}"`).join("\n"),
      resolveDir: root,
      loader: "js"
    },
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    tsconfigRaw: {},
    external,
    logLevel: "silent"
  })

/** Whether an identifier stands for a variable, and not for a property or a key. */
const isVariable = (node) => {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent))
    return parent.expression === node || parent.expression.getText() === "globalThis"
  return parent.name !== node && parent.propertyName !== node
}

const named = (text) => {
  const source = ts.createSourceFile("bundle.js", text, ts.ScriptTarget.ES2022, true)
  const found = new Set()
  const visit = (node) => {
    if (ts.isIdentifier(node) && globals.has(node.text) && isVariable(node)) found.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...found]
}

const problemsOf = async (names) => {
  try {
    const whole = await bundle(names, [])
    const modules = Object.entries(whole.metafile.inputs).flatMap(([file, { imports }]) =>
      imports.map(({ path }) => ({ file, path }))
    )
    const own = await bundle(names, ["effect", "effect/*", "@effect/*"])
    return [
      ...modules.filter(({ path }) => isBuiltin(path)).map(({ file, path }) => `${file} imports ${path}`),
      ...named(own.outputFiles[0].text).map((global) => `${global}, which only Node has, is used`)
    ]
  } catch (error) {
    // esbuild's own words name the file and the module of Node
    return [`cannot be bundled for a browser: ${error.message}`]
  }
}

const main = async () => {
  const built = await runNode(["scripts/build.mjs", "--if-stale", "--no-check"])
  if (built.code !== 0) {
    console.error(built.output.trim())
    return 1
  }
  const problems = await problemsOf(Object.keys(entries).filter((name) => !ofNode.has(name)))
  for (const problem of problems) console.error(problem)
  return problems.length > 0 ? 1 : 0
}

process.exitCode = await main()
