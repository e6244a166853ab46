/**
 * The command of changesets, at a version of its own: it is used a few times in a release, and nothing else of this
 * repository needs its packages.
 *
 *     npm run changeset                 asks what a change is, and writes it to .changeset
 *     npm run changeset -- version      gives the next version, and moves the changesets into CHANGELOG.md
 */
import { run } from "./lib/run.mjs"

const version = "2.31.1"

const { code } = await run("npx", ["--yes", `@changesets/cli@${version}`, ...process.argv.slice(2)], { inherit: true })
process.exitCode = code
