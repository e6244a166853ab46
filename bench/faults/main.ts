/**
 * `npm run faults [-- --peers] [--only 05,x1] [--json]`: what a caller gets when networks and servers fail, on real sockets.
 *
 * 22 faults, each for `chat` and `chatStream`, and seven variants as a second table; the classes are those of the rubric
 * in `test/faults/judge.ts`. Every cell has a server and a client (with its own connections) of its own and 8 seconds
 * from the call. Exit code 1 when a cell of ours is neither recovered nor exactly typed, or sent more or fewer requests
 * than it should. `--peers` installs other clients under `.cache/peers` and judges them by the same rubric, with their
 * own defaults, each call in a process of its own.
 */
import { parseArgs } from "node:util"
import { Effect } from "effect"
import * as Catalogue from "../../test/faults/catalogue.js"
import * as Cell from "../../test/faults/cell.js"
import { type Peer, peers } from "./peers/contestants.js"
import * as Peers from "./peers/run.js"
import * as Table from "./table.js"

const { values: args } = parseArgs({
  options: {
    peers: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "boolean", default: false }
  }
})

const atOnce = 4

const only = args.only?.split(",")
const chosen = (entries: readonly Catalogue.Entry[]) =>
  entries.filter(({ id }) => only === undefined || only.some((wanted) => id === wanted || id.startsWith(`${wanted}-`)))
const base = chosen(Catalogue.base)
const extra = chosen(Catalogue.extra)

interface Report {
  readonly client: string
  readonly base: { readonly totals: Table.Totals; readonly cells: readonly Cell.Cell[] }
  readonly extra: { readonly totals: Table.Totals; readonly cells: readonly Cell.Cell[] }
}

const measure = <E>(
  client: string,
  run: (entry: Catalogue.Entry, call: Cell.Call) => Effect.Effect<Cell.Cell, E>
): Effect.Effect<Report, E> =>
  Effect.map(
    Effect.forEach(
      [...base, ...extra].flatMap((entry) => Cell.calls.map((call) => ({ entry, call }))),
      ({ call, entry }) => run(entry, call),
      { concurrency: atOnce }
    ),
    (cells) => {
      const part = (entries: readonly Catalogue.Entry[]) => {
        const own = cells.filter((cell) => entries.some(({ id }) => id === cell.id))
        return { totals: Table.totals(own), cells: own }
      }
      return { client, base: part(base), extra: part(extra) }
    }
  )

const print = (report: Report, withProblems: boolean) => {
  console.log(`\n${report.client}`)
  for (const [entries, { cells, totals }] of [
    [base, report.base],
    [extra, report.extra]
  ] as const) {
    if (entries.length > 0) console.log(`\n${Table.table(entries, cells)}\n\n${Table.sentence(totals)}`)
    for (const { call, id, problems } of withProblems ? cells : []) {
      for (const problem of problems) console.log(`  ${id} ${call}: ${problem}`)
    }
  }
}

const show = (report: Report, withProblems: boolean): Report => {
  if (!args.json) print(report, withProblems)
  return report
}

const measurePeer = async (peer: Peer): Promise<Report | undefined> => {
  const problem = await Peers.install(peer)
  if (problem !== undefined) {
    console.error(`\n${peer.title} could not be installed: ${problem}`)
    return undefined
  }
  return show(
    await Effect.runPromise(measure(peer.title, (entry, call) => Peers.run(peer, entry, call === "chatStream"))),
    false
  )
}

if (!args.json) {
  console.log(
    "a1 recovered, a2 exactly typed, a3 typed by family, b1 generic with a code, b2 words only, c hang, d silent loss; " +
      "×N requests the server saw"
  )
}
const ours = show(await Effect.runPromise(measure("effect-ollama", Cell.run)), true)
const theirs: Report[] = []
for (const peer of args.peers ? peers : []) {
  const report = await measurePeer(peer)
  if (report !== undefined) theirs.push(report)
}
if (args.json) console.log(JSON.stringify({ node: process.version, clients: [ours, ...theirs] }, undefined, 2))
process.exitCode = [...ours.base.cells, ...ours.extra.cells].some(({ problems }) => problems.length > 0) ? 1 : 0
