/** What a recorded answer said, and at which pace. */
import type { Exchange } from "../Recorded.js"
import { bytes, isObject, type Json, tryParse } from "./json.js"
import type { Model, Reply } from "./types.js"

/** A line of the body, with the time at which it was complete. */
interface Line {
  readonly at: number
  readonly json: Json
}

/** A line that broke off says nothing. */
const parse = (text: string): Json => {
  const value = tryParse(bytes(text))
  return isObject(value) ? value : {}
}

const linesOf = (exchange: Exchange): ReadonlyArray<Line> => {
  const lines: Array<Line> = []
  let open = ""
  let at = 0
  for (const chunk of exchange.chunks) {
    const parts = `${open}${chunk.text}`.split("\n")
    open = parts.pop() ?? ""
    at = chunk.atMs
    for (const text of parts) if (text !== "") lines.push({ at, json: parse(text) })
  }
  return open.trim() === "" ? lines : [...lines, { at, json: parse(open) }]
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

const messageOf = ({ json }: Line): Json => (isObject(json["message"]) ? json["message"] : json)

const callsOf = (line: Line) => {
  const calls: unknown = messageOf(line)["tool_calls"]
  return (Array.isArray(calls) ? calls : []).flatMap((call: unknown) => {
    const made = isObject(call) ? call["function"] : undefined
    if (!isObject(made) || typeof made["name"] !== "string") return []
    return [{ name: made["name"], arguments: isObject(made["arguments"]) ? made["arguments"] : {} }]
  })
}

const millisOf = (value: unknown): number | undefined =>
  typeof value === "number" ? Math.round(value / 1e6) : undefined

const piecesOf = (lines: ReadonlyArray<Line>, field: "content" | "response" | "thinking") =>
  lines.flatMap((line) => {
    const text = textOf(messageOf(line)[field])
    return text === "" ? [] : [{ text, at: line.at }]
  })

/** Load and prompt as the server reported them, the chunks as they arrived; in whole milliseconds. */
const read = (exchange: Exchange) => {
  const lines = linesOf(exchange)
  const last = lines.at(-1)
  const first = lines[0]?.at ?? exchange.endAtMs
  const load = millisOf(last?.json["load_duration"]) ?? 0
  const thinking = piecesOf(lines, "thinking")
  const content = [...piecesOf(lines, "content"), ...piecesOf(lines, "response")]
  const toolCalls = lines.flatMap(callsOf)
  const called = lines.findLast((line) => callsOf(line).length > 0)
  const isWhole = lines.length === 1
  const prompt = millisOf(last?.json["prompt_eval_duration"]) ?? Math.max(0, first - load)
  const evaluated = millisOf(last?.json["eval_duration"]) ?? 0
  const since = (at: number) => (isWhole ? evaluated : at - first)
  return {
    load,
    thinking,
    content,
    toolCalls,
    doneReason: last?.json["done_reason"],
    timing: {
      prompt,
      chunks: [
        ...[...thinking, ...content].map(({ at }) => since(at)),
        ...(called === undefined ? [] : [since(called.at)]),
        since(last?.at ?? first)
      ]
    }
  }
}

export const reply = (exchange: Exchange): Reply => {
  const { content, doneReason, thinking, timing, toolCalls } = read(exchange)
  return {
    content: content.map(({ text }) => text),
    thinking: thinking.map(({ text }) => text),
    toolCalls,
    timing,
    ...(typeof doneReason === "string" ? { doneReason } : {})
  }
}

export const model = (exchange: Exchange): Model => {
  const { load, thinking } = read(exchange)
  const { body } = exchange.request
  const name = isObject(body) ? textOf(body["model"]) : ""
  return {
    name: name === "" ? "recorded" : name,
    capabilities: ["completion", "tools", ...(thinking.length > 0 ? ["thinking"] : [])],
    loadTime: load,
    reply: reply(exchange)
  }
}
