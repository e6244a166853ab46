/** What `watch` says where there is no terminal: a line for each host, or JSON. */
import * as Columns from "../terminal/columns.js"
import * as Verdict from "../../record/Verdict.js"
import * as Placement from "../models/residence.js"
import * as Units from "../terminal/units.js"
import type { Trouble } from "./History.js"
import type { HostRow, ModelRow, Snapshot } from "./Snapshot.js"

const modelPart = (row: ModelRow, now: number): string => {
  const { resident } = row
  const last = row.firstTokens.at(-1)
  const memory =
    resident === undefined
      ? row.isLoading
        ? ["loading"]
        : []
      : [
          Units.bytes(resident.size),
          Placement.placement({ size: resident.size, size_vram: resident.sizeVram }),
          Placement.until({ expires_at: resident.expiresAt }, now)
        ]
  return [
    Columns.oneLine(row.model),
    ...memory,
    ...(row.inFlight > 0 ? [`${row.inFlight} in flight`] : []),
    ...(row.queued > 0 ? [`${row.queued} queued`] : []),
    ...(row.rate === undefined ? [] : [`${Units.rate(row.rate)} tokens/s`]),
    ...(last === undefined ? [] : [`first token ${Units.span(last)}`]),
    ...(row.breaker === undefined || row.breaker === "closed" ? [] : [`breaker ${row.breaker}`])
  ].join(" ")
}

const hostPart = (row: HostRow): string =>
  [
    row.host,
    row.status,
    ...(row.version === undefined ? [] : [Columns.oneLine(row.version)]),
    ...(row.latency === undefined ? [] : [Units.span(row.latency)]),
    ...(row.breaker === undefined || row.breaker === "closed" ? [] : [`breaker ${row.breaker}`]),
    ...(row.status === "healthy" ? [] : [`(${Columns.oneLine(row.why)})`])
  ].join(" ")

/** `2026-01-31T12:00:00Z http://127.0.0.1:11434 healthy 0.33.0 2 ms; llama3.2:latest 2.0 GB GPU 4 min left` */
export const lines = ({ hosts, models, now }: Snapshot): ReadonlyArray<string> =>
  hosts.map((row) =>
    [
      `${new Date(now).toISOString().replace(/\.\d+Z$/, "Z")} ${hostPart(row)}`,
      ...models.filter(({ host }) => host === row.host).map((model) => modelPart(model, now))
    ].join("; ")
  )

const troubleJson = ({ at, call, elapsed, phase, state, verdict }: Trouble) => ({
  at: new Date(at).toISOString(),
  host: call.host,
  model: call.model,
  operation: call.operation,
  state,
  phase,
  elapsed,
  verdict: verdict._tag,
  text: Verdict.text(verdict)
})

/** One object; durations in milliseconds. `troubles` are those since `since` (milliseconds on Clock). */
export const json = ({ hosts, models, now, troubles }: Snapshot, since: number): unknown => ({
  at: new Date(now).toISOString(),
  hosts: hosts.map((row) => ({
    ...row,
    models: models
      .filter(({ host }) => host === row.host)
      .map(({ firstTokens, host: _, ...model }) => ({ ...model, firstToken: firstTokens.at(-1) }))
  })),
  troubles: troubles.filter(({ at }) => at > since).map(troubleJson)
})
