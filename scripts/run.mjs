/**
 * Runs a TypeScript program of this repository, with its arguments: `node scripts/run.mjs bench/size.ts --json`.
 */
import { ensure } from "./ensure.mjs"
import { runNode } from "./lib/run.mjs"

process.exitCode = (await ensure())
  ? (await runNode(["--import=tsx", ...process.argv.slice(2)], { inherit: true })).code
  : 1
