/**
 * `npm run diagnose [-- --only drop,proxy-407] [--json]`: real situations, and whether a call ends in the right failure.
 *
 * Every situation has machines of its own, made of network namespaces (root on Linux), with real filters, proxies and
 * certificates between a client and a server that are processes of their own. What a machine lacks is left out, and
 * said. Exit code 1 when something is wrong.
 */
import { parseArgs } from "node:util"
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as Row from "../../test/diagnose/row.js"
import { all } from "../../test/diagnose/situations.js"
import * as Table from "./table.js"

const { values: args } = parseArgs({
  options: { only: { type: "string" }, json: { type: "boolean", default: false } }
})

/** Two cores do no more, and a busy machine is late. */
const atOnce = 2

const only = args.only?.split(",")
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
    args.json ? JSON.stringify({ node: process.version, totals, rows }, undefined, 2) : Table.end(rows, totals)
  )
  if (rows.some((row) => !Row.isRight(row))) process.exitCode = 1
})

NodeRuntime.runMain(program)
