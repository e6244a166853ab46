/**
 * `npm run diagnose [-- --only drop,proxy-407] [--json [--full]]`: real situations, and whether a call ends in the right
 * failure, its record has the right verdict, and the doctor names the right cause.
 *
 * Every situation has machines of its own, made of network namespaces (root on Linux), with real filters, proxies and
 * certificates between a client and a server that are processes of their own. What a machine lacks is left out, and
 * said; `--install` installs it first, by apt-get. `--full` adds what the client told: the failure, the record, the
 * report. Exit code 1 when something is wrong.
 */
import { parseArgs } from "node:util"
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as Row from "../../test/diagnose/row.js"
import * as Tools from "../../test/support/real/tools.js"
import { all } from "../../test/diagnose/situations.js"
import * as Table from "./table.js"

const { values: args } = parseArgs({
  options: {
    only: { type: "string" },
    json: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    install: { type: "boolean", default: false }
  }
})

if (args.install) Tools.install()

/** Most of them wait most of the time. */
const atOnce = 4

const only = args.only?.split(",")
const unknown = only?.find((wanted) => !all.some(({ id }) => id === wanted))
if (unknown !== undefined) {
  console.error(`there is no situation ${unknown}; there are ${all.map(({ id }) => id).join(", ")}`)
  process.exit(2)
}
const chosen = only === undefined ? all : all.filter(({ id }) => only.includes(id))

const program = Effect.gen(function* () {
  const rows = yield* Effect.forEach(
    chosen,
    (situation) =>
      Effect.tap(Row.run(situation), (row) => Effect.sync(() => args.json || console.log(Table.line(row)))),
    { concurrency: atOnce }
  )
  const totals = Table.totals(rows)
  console.log(
    args.json
      ? JSON.stringify({ node: process.version, totals, rows: args.full ? rows : rows.map(Table.brief) }, undefined, 2)
      : Table.end(rows, totals)
  )
  if (rows.some((row) => !Row.isRight(row))) process.exitCode = 1
})

NodeRuntime.runMain(program)
