/** `effect-ollama models show`. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Model from "../../api/Model.js"
import * as OllamaClient from "../../OllamaClient.js"
import * as Columns from "../terminal/columns.js"
import * as Output from "../terminal/Output.js"
import * as Style from "../terminal/Style.js"

type Entry = readonly [name: string, value: string]

const number = (value: unknown): string => (typeof value === "number" ? value.toLocaleString("en-US") : "")

/** A key of `model_info` that begins with the architecture. */
const info = ({ model_info }: Model.ShowResponse, key: string): unknown => {
  const architecture = model_info["general.architecture"]
  return Predicate.isString(architecture) ? model_info[`${architecture}.${key}`] : undefined
}

const firstLine = (text: string | undefined): string => Columns.oneLine(text?.trim().split("\n")[0] ?? "")

/** `temperature 0.7` for the server's padded line. */
const parameters = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "")
    .split("\n")
    .map((line) => Columns.oneLine(line))
    .filter((line) => line !== "")

const entries = (model: Model.ShowResponse): ReadonlyArray<Entry> => {
  const { details } = model
  const all: ReadonlyArray<Entry> = [
    ["architecture", details.family ?? ""],
    ["parameters", details.parameter_size ?? ""],
    ["quantization", details.quantization_level ?? ""],
    ["context length", number(info(model, "context_length") ?? details.context_length)],
    ["embedding length", number(info(model, "embedding_length") ?? details.embedding_length)],
    ["can", (model.capabilities ?? []).join(", ")],
    ["made from", details.parent_model ?? ""],
    ["runs at", model.remote_host ?? ""],
    ["needs Ollama", model.requires ?? ""],
    ["system message", firstLine(model.system)],
    ["license", firstLine(model.license)],
    ["options", parameters(model.parameters).join(", ")]
  ]
  return all.map(([name, value]): Entry => [name, Columns.oneLine(value)]).filter(([, value]) => value !== "")
}

/** The names beside the values; above them where there is no room for both. */
export const render = (name: string, model: Model.ShowResponse, width: number): ReadonlyArray<Style.Line> => {
  const found = entries(model)
  const label = Math.max(0, ...found.map(([name]) => name.length))
  const beside = width >= label + 22
  const indent = beside ? label + 4 : 4
  return [
    ...Columns.wrap(Columns.oneLine(name), width).map((text) => Style.line(Style.span(text, "bold"))),
    ...found.flatMap(([name, value]) => {
      const [first = "", ...rest] = Columns.wrap(value, width - indent)
      const title = Style.span(`  ${Columns.padEnd(name, beside ? label : name.length)}`, "dim")
      const lines = rest.map((text) => Style.line(" ".repeat(indent), text))
      return beside
        ? [Style.line(title, "  ", first), ...lines]
        : [Style.truncate(Style.line(title), width), Style.line(" ".repeat(indent), first), ...lines]
    })
  ]
}

export const show = (request: Model.ShowRequest, options: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const model = yield* OllamaClient.show(request)
    if (options.json) return yield* Output.printJson(model)
    const { stdout } = yield* Output.Output
    yield* Output.printLines(render(request.model, model, stdout.columns()))
  })
