/**
 * `npm start`: the chat program, right after `git clone`. Installs and builds what is missing, once; after that it
 * starts in a fraction of a second. All arguments go to the program.
 */
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { ensure } from "./ensure.mjs"
import { root } from "./lib/paths.mjs"

if (await ensure()) {
  const { bundle } = await import("./lib/bundle.mjs")
  const program = path.join(root, "examples", "chat.ts")
  const [file] = await bundle([program])
  process.argv[1] = program
  process.setSourceMapsEnabled(true)
  await import(pathToFileURL(file).href)
} else process.exitCode = 1
