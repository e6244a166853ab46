/** An answer before it is given: its pieces, and when each of them is due. */
import * as Duration from "effect/Duration"
import type { Call } from "./call.js"
import type { Json } from "./json.js"
import * as models from "./models.js"
import * as replies from "./replies.js"

/** One piece of the answer: what the chunk says, how many tokens it took, and when it is due. */
export interface Piece {
  readonly thinking?: string
  readonly content?: string
  readonly toolCalls?: ReadonlyArray<Json>
  readonly tokens: number
  /** Milliseconds since the end of the prompt's evaluation: the first token comes with it. */
  readonly at: number
}

export interface Plan {
  readonly pieces: ReadonlyArray<Piece>
  readonly doneReason: string
  readonly tokens: number
  readonly promptTokens: number
  /** How long the evaluation of the prompt takes, in milliseconds. */
  readonly promptTime: number
  /** When the closing chunk is due. */
  readonly end: number
}

const toolCallsOf = (script: replies.Script): ReadonlyArray<Json> =>
  script.toolCalls.map((call, index) => ({
    id: `call_${models.pseudoDigest(`${call.name}${index}${JSON.stringify(call.arguments)}`).slice(0, 8)}`,
    function: { index, name: call.name, arguments: call.arguments }
  }))

const promptText = (call: Call): string =>
  call.endpoint === "chat" ? JSON.stringify(call.prompt.messages) : call.prompt.text

/** All that the model would say, without limits. */
const everything = (call: Call, script: replies.Script): ReadonlyArray<Omit<Piece, "at">> => {
  const calls = toolCallsOf(script)
  return [
    ...script.thinking.map((thinking) => ({ thinking, tokens: 1 })),
    ...replies.stopAt(script.content, call.options["stop"]).map((content, index) => ({
      content,
      tokens: script.tokens[index] ?? 1
    })),
    ...(calls.length === 0 ? [] : [{ toolCalls: calls, tokens: replies.count(JSON.stringify(calls)) }])
  ]
}

/**
 * In whole milliseconds, as the Clock shows them: so that the durations that the server reports add up.
 *
 * @param factor how many times as long as normal everything takes
 */
export const make = (call: Call, script: replies.Script, factor: number): Plan => {
  const { timing } = script
  const tokenTime = call.model.tokenTime * factor
  const promptTokens = replies.count(promptText(call))
  const limit = call.options["num_predict"]
  const most = typeof limit === "number" && limit >= 0 ? limit : Infinity
  const pieces: Array<Piece> = []
  let tokens = 0
  let last = 0
  let doneReason = script.doneReason ?? "stop"
  /** After so many tokens, or when it is written that this chunk comes. */
  const due = (index: number, added: number): number => {
    const written = timing?.chunks[index]
    return written === undefined ? last + added * tokenTime : Duration.toMillis(written) * factor
  }
  for (const piece of everything(call, script)) {
    if (tokens + piece.tokens > most) {
      doneReason = "length"
      break
    }
    last = due(pieces.length, tokens === 0 ? piece.tokens - 1 : piece.tokens)
    pieces.push({ ...piece, at: Math.round(last) })
    tokens += piece.tokens
  }
  return {
    pieces,
    doneReason,
    tokens,
    promptTokens,
    promptTime: Math.round(
      (timing === undefined ? call.model.promptTime(promptTokens) : Duration.toMillis(timing.prompt)) * factor
    ),
    end: Math.round(due(pieces.length, tokens === 0 ? 0 : 1))
  }
}
