/** `effect-ollama models load` and `unload`: into memory and out of it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { defined } from "../../internal/defined.js"
import * as OllamaClient from "../../OllamaClient.js"
import * as Waiting from "../terminal/Waiting.js"
import * as Columns from "../terminal/columns.js"
import * as Output from "../terminal/Output.js"
import * as Style from "../terminal/Style.js"
import * as Units from "../terminal/units.js"
import { placement, until } from "./residence.js"

/** Seconds as a number, anything else in the server's own words; a bare number as text is none of them. */
const keepAlive = (text: string): number | string => (/^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text.trim())

const done = (text: string) => Output.note(Style.line(Style.span("✓", "green"), ` ${text}`))

/** `llama3.2` is `llama3.2:latest`. */
const isSame = (name: string, wanted: string): boolean => name === wanted || name === `${wanted}:latest`

export const load = (model: string, keep: Option.Option<string>) =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const loaded = yield* Waiting.make((elapsed) =>
      Effect.succeed(`loading ${Columns.oneLine(model)}, ${Units.rough(elapsed)}`)
    )
    yield* OllamaClient.load({ model, ...defined({ keep_alive: Option.getOrUndefined(Option.map(keep, keepAlive)) }) })
    yield* loaded
    const { models } = yield* OllamaClient.running()
    const now = yield* Clock.currentTimeMillis
    const resident = models.find(({ name }) => isSame(name, model))
    const where = resident === undefined ? "" : `, ${placement(resident)}, ${until(resident, now)}`
    return `${Columns.oneLine(model)} is in memory after ${Units.span(now - startedAt)}${where}`
  }).pipe(Effect.scoped, Effect.flatMap(done))

export const unload = (models: ReadonlyArray<string>) =>
  Effect.forEach(
    models,
    (model) => Effect.zipRight(OllamaClient.unload({ model }), done(`${Columns.oneLine(model)} leaves memory`)),
    { discard: true }
  )

export const remove = (models: ReadonlyArray<string>) =>
  Effect.forEach(
    models,
    (model) => Effect.zipRight(OllamaClient.remove({ model }), done(`${Columns.oneLine(model)} is removed`)),
    { discard: true }
  )
