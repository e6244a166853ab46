/**
 * The test of the core on every platform that is there: Node 20, 22 and 24, Bun, Deno, and pages in headless Chromium, all
 * against the simulator on loopback. The runtimes are npm packages of `platforms/`, installed when they are missing;
 * Chromium is the machine's own. What cannot be had is skipped, and said.
 *
 *     npm run platforms                  all
 *     npm run platforms -- bun page      those with one of these words in their name
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { ensure, install } from "./ensure.mjs"
import { chromium } from "./lib/chromium.mjs"
import { cache, root } from "./lib/paths.mjs"
import { run, runNode, seconds } from "./lib/run.mjs"

const home = path.join(root, "platforms")
const made = path.join(cache, "platforms")
const installLimit = 300_000
const runLimit = 180_000
const pageLimit = 90_000

/** The program of an installed runtime, by the names its package has on different machines. */
const inPackage = (candidates) =>
  candidates.map((candidate) => path.join(home, "node_modules", candidate)).find((file) => existsSync(file))

const architecture = process.arch === "arm64" ? "arm64" : "x64"
const node = (major) => inPackage([`node${major}-${architecture}/bin/node`])
const bunFolders = { x64: "bun-linux-x64", arm64: "bun-linux-aarch64" }
const bun = () =>
  inPackage([
    `@oven/${bunFolders[architecture]}/bin/bun`,
    "@oven/bun-darwin-aarch64/bin/bun",
    "@oven/bun-darwin-x64/bin/bun"
  ])
const deno = () =>
  inPackage([`linux-${architecture}-glibc`, `darwin-${architecture}`].map((folder) => `@deno/${folder}/deno`))

/** The programs: for a process with the published files beside it, and as one file for a page. */
const bundle = async () => {
  const { build } = await import("esbuild")
  const { bundle: bundled } = await import("./lib/bundle.mjs")
  mkdirSync(made, { recursive: true })
  // no paths of the compiler: `effect-ollama` is the package itself, through its `exports`, once the file is outside of
  // the package `platforms`
  const common = {
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    target: "es2022",
    tsconfigRaw: {},
    logLevel: "error"
  }
  await build({
    ...common,
    entryPoints: ["process", "page"].map((name) => path.join(home, `entry.${name}.ts`)),
    outdir: made,
    outExtension: { ".js": ".mjs" },
    packages: "external",
    platform: "neutral"
  })
  const { outputFiles } = await build({
    ...common,
    entryPoints: [path.join(made, "entry.page.mjs")],
    write: false,
    platform: "browser"
  })
  const [servers] = await bundled([path.join(home, "servers.ts")])
  return {
    program: path.join(made, "entry.process.mjs"),
    page: outputFiles[0].text,
    servers: await import(pathToFileURL(servers).href)
  }
}

const outcomesIn = ({ code, output, stdout }) => {
  const line = stdout.trim().split("\n").at(-1) ?? ""
  if (code === 0 && line.startsWith("[")) return JSON.parse(line)
  return [{ name: "the program", problem: output.trim().split("\n").slice(-8).join("\n") || `ended with ${code}` }]
}

/** Runs the program in a process, with servers of its own. */
const inProcess = (command, before, config) => async (programs) => {
  const servers = await programs.servers.start()
  try {
    const whole = JSON.stringify({ ...servers.config, ...config })
    return outcomesIn(await run(command, [...before(servers), programs.program, whole], { timeoutMillis: runLimit }))
  } finally {
    await servers.stop()
  }
}

/** Opens a page and waits until it has handed in its results. */
const inPage = (command, host) => async (programs) => {
  const servers = await programs.servers.start(programs.page)
  const profile = mkdtempSync(path.join(tmpdir(), "effect-ollama-page-"))
  const hash = encodeURIComponent(JSON.stringify({ ...servers.config, runtime: "page", transport: "fetch" }))
  const stop = new AbortController()
  const browser = run(
    command,
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--no-proxy-server",
      `--user-data-dir=${profile}`,
      "--host-resolver-rules=MAP *.example 127.0.0.1",
      "--remote-debugging-port=0",
      // for the browser this page comes from the internet
      ...(host === "public.example" ? [`--ip-address-space-overrides=127.0.0.1:${servers.deskPort}=public`] : []),
      `http://${host}:${servers.deskPort}/page#${hash}`
    ],
    { timeoutMillis: pageLimit, signal: stop.signal }
  )
  try {
    return await Promise.race([
      servers.report(),
      browser.then(({ output, timedOut }) => {
        const why = timedOut ? "the page handed in nothing" : output.trim().split("\n").slice(-5).join("\n")
        return [...servers.soFar(), { name: "the browser", problem: why }]
      })
    ])
  } finally {
    stop.abort()
    await browser
    await servers.stop()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

/** `require` of the packed package, as `npm run check -- consumers` has installed it. */
const required = (command) => async () => {
  const { code, output } = await run(command, [path.join(cache, "consumers", "cjs", "index.js")])
  return [code === 0 ? { name: "require" } : { name: "require", problem: output.trim() }]
}

const consumers = path.join(cache, "consumers", "node_modules", "effect-ollama", "package.json")

/** @param missing why no runtime is installed */
const platforms = (missing) => {
  const notInstalled = missing ?? "no package of it for this machine"
  const list = []
  const add = (name, command, make, without = notInstalled) =>
    list.push(command === undefined ? { name, skipped: without } : { name, go: make(command) })
  for (const transport of ["fetch", "node"]) {
    const shown = transport === "node" ? "OllamaNode" : "fetch"
    for (const major of [20, 22, 24]) {
      add(`node${major} ${shown}`, node(major), (file) => inProcess(file, () => [], { runtime: "node", transport }))
    }
    add(`bun ${shown}`, bun(), (file) =>
      // Bun has a part of undici in its place
      inProcess(file, () => ["run"], {
        runtime: "bun",
        transport,
        ...(transport === "node" ? { only: "unsupported" } : {})
      })
    )
    add(`deno ${shown}`, deno(), (file) =>
      inProcess(file, () => ["run", "--allow-all", "--node-modules-dir=manual"], { runtime: "deno", transport })
    )
  }
  add("deno sandbox", deno(), (file) =>
    inProcess(
      file,
      ({ deskPort }) => [
        "run",
        "--no-prompt",
        "--allow-env",
        "--allow-read",
        "--allow-sys",
        "--node-modules-dir=manual",
        `--allow-net=127.0.0.1:${deskPort}`
      ],
      { runtime: "deno", transport: "fetch", only: "sandbox" }
    )
  )
  for (const major of [20, 22, 24]) {
    const reason = existsSync(consumers) ? notInstalled : "needs npm run check -- consumers"
    add(`node${major} require`, existsSync(consumers) ? node(major) : undefined, required, reason)
  }
  for (const host of ["127.0.0.1", "allowed.example", "app.example", "public.example"]) {
    add(
      `page ${host}`,
      chromium(),
      (file) => inPage(file, host),
      "no Chromium on this machine (apt-get install chromium)"
    )
  }
  return list
}

const versions = async () => {
  const files = { node20: node(20), node22: node(22), node24: node(24), bun: bun(), deno: deno(), chromium: chromium() }
  const found = []
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue
    const { output } = await run(file, ["--version"])
    found.push(`${name.replace(/\d+$/, "")} ${/\d+\.[\d.]+/.exec(output)?.[0]}`)
  }
  return found.join(", ")
}

const show = ({ name }, taken, outcomes) => {
  const bad = outcomes.filter(({ problem }) => problem !== undefined)
  const counted =
    bad.length > 0 ? `${outcomes.length - bad.length} passed, ${bad.length} failed` : `${outcomes.length} passed`
  console.log(`${bad.length > 0 ? "FAIL" : "ok  "} ${name.padEnd(22)}${counted.padEnd(22)}${seconds(taken)}`)
  for (const { name, problem } of bad) console.log(`    ${name}: ${problem.replaceAll("\n", "\n      ")}`)
}

/** Runs all platforms, or those with one of the words in their name; gives how many cases passed, failed, were skipped. */
export const runPlatforms = async (words = []) => {
  const reason = await install(home, { timeoutMillis: installLimit })
  const missing = reason && `npm in platforms: ${reason.split("\n")[0]}`
  const chosen = platforms(missing).filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word))
  )
  const built = await runNode(["scripts/build.mjs", "--if-stale", "--no-check"])
  if (built.code !== 0) {
    console.log(`FAIL the package: ${built.output.trim()}`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const programs = await bundle()
  const total = { passed: 0, failed: 0, skipped: 0 }
  const waiting = [...chosen]
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.go === undefined) {
        total.skipped++
        console.log(`skip ${next.name.padEnd(22)}${next.skipped}`)
        continue
      }
      const started = performance.now()
      const outcomes = await next.go(programs)
      show(next, (performance.now() - started) / 1000, outcomes)
      total.failed += outcomes.filter(({ problem }) => problem !== undefined).length
      total.passed += outcomes.filter(({ problem }) => problem === undefined).length
    }
  }
  await Promise.all([lane(), lane()])
  console.log(`     ${await versions()}`)
  return total
}

if (process.argv[1] === import.meta.filename) {
  const { failed, passed, skipped } = (await ensure()) ? await runPlatforms(process.argv.slice(2)) : { failed: 1 }
  console.log(`\n${passed ?? 0} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
  process.exitCode = failed > 0 ? 1 : 0
}
