/** `effect-ollama models list`: the installed models, and which of them are in memory until when. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Model from "../../api/Model.js"
import * as OllamaClient from "../../OllamaClient.js"
import * as Columns from "../terminal/columns.js"
import * as Output from "../terminal/Output.js"
import type * as Style from "../terminal/Style.js"
import { type Cell, type Column, table } from "../terminal/table.js"
import * as Units from "../terminal/units.js"
import { placement, until } from "./residence.js"

const columns: ReadonlyArray<Column> = [
  { title: "NAME", rank: 0, least: 10 },
  { title: "SIZE", rank: 1, align: "right" },
  { title: "IN MEMORY", rank: 2 },
  { title: "MODIFIED", rank: 3 },
  { title: "PARAMETERS", rank: 4, align: "right" },
  { title: "QUANTIZATION", rank: 6 },
  { title: "CAN", rank: 5, least: 10 }
]

const age = (modifiedAt: string, now: number): string => {
  const at = Date.parse(modifiedAt)
  return Number.isNaN(at) ? "" : `${Units.rough(now - at)} ago`
}

const inMemory = (model: Model.RunningModel | undefined, now: number): Cell =>
  model === undefined ? "" : { text: `${placement(model)}, ${until(model, now)}`, style: "green" }

const row = (model: Model.ListedModel, running: Model.RunningModel | undefined, now: number): ReadonlyArray<Cell> => [
  Columns.oneLine(model.name),
  model.remote_host === undefined ? Units.bytes(model.size) : "cloud",
  inMemory(running, now),
  age(model.modified_at, now),
  Columns.oneLine(model.details.parameter_size ?? ""),
  Columns.oneLine(model.details.quantization_level ?? ""),
  Columns.oneLine((model.capabilities ?? []).join(", "))
]

/** The table. Columns that are empty for all models are left out. */
export const render = (
  { models }: Model.ListResponse,
  running: Model.RunningResponse,
  now: number,
  width: number
): ReadonlyArray<Style.Line> => {
  const rows = models.map((model) =>
    row(
      model,
      running.models.find(({ name }) => name === model.name),
      now
    )
  )
  const isUsed = (_: unknown, index: number) => rows.some((cells) => cells[index] !== "")
  return table(
    columns.filter(isUsed),
    rows.map((cells) => cells.filter(isUsed)),
    width
  )
}

export const list = (options: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const [listed, running] = yield* Effect.all([OllamaClient.list(), OllamaClient.running()], { concurrency: 2 })
    const isResident = (name: string) => running.models.find((model) => model.name === name)
    if (options.json) {
      return yield* Output.printJson(
        listed.models.map((model) => ({ ...model, running: isResident(model.name) ?? null }))
      )
    }
    if (listed.models.length === 0) {
      return yield* Output.note([
        { text: "No model is installed. Get one: `effect-ollama models pull llama3.2`", style: "dim" }
      ])
    }
    const now = yield* Clock.currentTimeMillis
    const { stdout } = yield* Output.Output
    yield* Output.printLines(render(listed, running, now, stdout.columns()))
  })
