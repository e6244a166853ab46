/**
 * Installs the packed package, with the versions of its peers that it was made with, into an empty project, and uses it
 * there as programs do: an ES module, CommonJS (`require` of an ES module, Node 20.19 and later), TypeScript with
 * `moduleResolution` `node16` and `bundler`, and a bundle of `Policy` alone, which must hold nothing of the client.
 *
 *     node scripts/check-consumers.mjs
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { build } from "esbuild"
import { entries } from "./lib/exports.mjs"
import { cache, filesUnder, root } from "./lib/paths.mjs"
import { runNode, runNpm } from "./lib/run.mjs"

const folder = path.join(cache, "consumers")

const versionOf = (name) =>
  JSON.parse(readFileSync(path.join(root, "node_modules", name, "package.json"), "utf8")).version

const { peerDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))

const program = `
const Ollama = OllamaClient.layer().pipe(Layer.provide(OllamaSimulator.layer({ reply: "Hello!" })))
const chat = OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hi" }] })
const missing = OllamaClient.show({ model: "nobody" }).pipe(Effect.catchTag("ModelNotFound", () => Effect.succeed("none")))
Effect.runPromise(Effect.provide(Effect.all([chat, missing]), Ollama)).then(([answer, none]) => {
  if (answer.message.content !== "Hello!" || none !== "none") throw new Error("not what was to come")
})
`

const imports = `import { Effect, Layer } from "effect"
import { OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
`

const others = Object.keys(entries)
  .map(
    (name, i) =>
      `import * as entry${i} from "${name}"\nif (Object.keys(entry${i}).length === 0) throw new Error("${name}")`
  )
  .join("\n")

const typescript = (moduleResolution, module) => ({
  "package.json": { type: "module" },
  "tsconfig.json": {
    compilerOptions: {
      strict: true,
      target: "es2022",
      module,
      moduleResolution,
      noEmit: true,
      types: ["node"],
      skipLibCheck: true
    },
    files: ["index.ts"]
  },
  "index.ts": `${imports}${program}${others}`
})

const projects = {
  esm: { "package.json": { type: "module" }, "index.js": `${imports}${program}${others}` },
  cjs: {
    "package.json": { type: "commonjs" },
    "index.js": `const { Effect, Layer } = require("effect")
const { OllamaClient } = require("effect-ollama")
const { OllamaSimulator } = require("effect-ollama/testing")
${program}`
  },
  node16: typescript("node16", "node16"),
  bundler: typescript("bundler", "esnext")
}

const write = (name, files) => {
  const at = path.join(folder, name)
  mkdirSync(at, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(path.join(at, file), typeof content === "string" ? content : JSON.stringify(content))
  }
}

/** What a program of these words is bundled from. */
const bundle = async (contents, options = {}) => {
  const { metafile } = await build({
    stdin: { contents, resolveDir: folder, loader: "js" },
    absWorkingDir: folder,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    tsconfigRaw: {},
    logLevel: "error",
    ...options
  })
  return metafile
}

/** What a bundle of one module of the package holds of the rest of it. */
const bundled = async (name) => {
  const { outputs } = await bundle(`export { ${name} } from "effect-ollama"`, { minify: true })
  const [{ inputs }] = Object.values(outputs)
  return Object.keys(inputs).filter((file) => inputs[file].bytesInOutput > 0)
}

/** The main entry point and the simulator need effect and @effect/platform, and no other peer, to be installed. */
const optionalPeers = async () => {
  const { inputs } = await bundle(`export * from "effect-ollama"\nexport * as testing from "effect-ollama/testing"`)
  const foreign = Object.keys(inputs).filter(
    (file) =>
      !/^(<stdin>|node_modules\/(effect|effect-ollama|@effect\/platform)\/|node_modules\/(?!@effect\/))/.test(file)
  )
  return { code: foreign.length > 0 ? 1 : 0, output: `effect-ollama asks for optional peers:\n${foreign.join("\n")}` }
}

const treeShaking = async () => {
  const held = (await bundled("Policy")).filter((file) =>
    /effect-ollama\/dist\/(client|fleet|observe|OllamaClient|internal\/(host|send|reader))/.test(file)
  )
  return {
    code: held.length > 0 ? 1 : 0,
    output: `a program that imports nothing but Policy gets\n${held.join("\n")}`
  }
}

const main = async () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [name, files] of Object.entries(projects)) write(name, files)
  const inFolder = { cwd: folder }
  const tsc = (name) => runNode(["node_modules/typescript/bin/tsc", "-p", name], inFolder)
  const steps = [
    () => runNode(["scripts/build.mjs", "--if-stale", "--no-check"]),
    () => runNpm(["pack", "--ignore-scripts", "--loglevel=error", `--pack-destination=${folder}`]),
    () => {
      const [tarball] = filesUnder(folder, [".tgz"])
      const peers = Object.keys(peerDependencies)
      const pinned = [...peers, "typescript", "@types/node"].map((name) => [name, versionOf(name)])
      write(".", {
        "package.json": {
          private: true,
          dependencies: { "effect-ollama": `file:${path.basename(tarball)}`, ...Object.fromEntries(pinned) }
        }
      })
      return runNpm(["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], inFolder)
    },
    () => runNode(["esm/index.js"], inFolder),
    () => runNode(["cjs/index.js"], inFolder),
    () => runNode(["node_modules/effect-ollama/dist/cli/effect-ollama.js", "--version"], inFolder),
    () => tsc("node16"),
    () => tsc("bundler"),
    treeShaking,
    optionalPeers
  ]
  for (const step of steps) {
    const { code, output } = await step()
    if (code !== 0) {
      console.error(output.trim())
      return code
    }
  }
  return 0
}

process.exitCode = await main()
