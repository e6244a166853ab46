/** The chat of Ollama's API for clients of OpenAI, made of the simulator's own, with the faults of the catalogue. */
import * as Engine from "../../../src/testing/internal/engine.js"
import * as Faults from "../../../src/testing/internal/faults.js"
import * as Listen from "../../../src/testing/internal/listen.js"
import * as Chunks from "../../../src/testing/internal/chunks.js"
import type { Handler, WireAnswer } from "../../../src/testing/internal/types.js"
import type { Fault, OllamaSimulator } from "effect-ollama/testing"
import { Effect, type Scope, Stream } from "effect"

interface Line {
  readonly message: { readonly content: string }
  readonly done: boolean
}

const encode = (text: string) => new TextEncoder().encode(text)

const parse = (bytes: Uint8Array): Line => JSON.parse(new TextDecoder().decode(bytes)) as Line

const common = { id: "chatcmpl-1", created: 0, model: "llama3.2" }

const event = (delta: object, finish: string | null): string => {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return `data: ${JSON.stringify({ ...common, object: "chat.completion.chunk", choices })}\n\n`
}

const eventOf = ({ done, message }: Line): string =>
  done ? `${event({}, "stop")}data: [DONE]\n\n` : event({ role: "assistant", content: message.content }, null)

const completion = ({ message }: Line): string =>
  JSON.stringify({
    ...common,
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: message.content }, finish_reason: "stop" }]
  })

const translate = ({ body, status }: WireAnswer): WireAnswer =>
  body instanceof Uint8Array
    ? { status, headers: { "content-type": "application/json" }, body: encode(completion(parse(body))) }
    : {
        status,
        headers: { "content-type": "text/event-stream" },
        body: Stream.map(Chunks.toStream(body), (line) => encode(eventOf(parse(line))))
      }

/** A stream has no line for errors: Ollama sends an empty piece and ends (`middleware/openai.go`). */
const inEvents = (fault: Fault.Served): Fault.Served => {
  if (fault._tag === "ErrorLineAfter") return { ...fault, line: event({}, null) }
  if (fault._tag === "BadLineAfter") return { ...fault, line: `data: ${fault.line}\n` }
  return fault
}

/** Gives the address that has the fault, and counts what it was asked. */
export const make = (
  fault: Fault.Served,
  stream: boolean,
  options: OllamaSimulator.Options
): Effect.Effect<{ readonly url: string; readonly requests: () => number }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const engine = yield* Engine.make(options)
    const armed = Faults.make([stream ? inEvents(fault) : fault])
    let requests = 0
    const handle: Handler = (request) =>
      Effect.gen(function* () {
        requests++
        const hits = armed.take(request, undefined)
        let answer: WireAnswer | undefined
        for (const hit of hits) answer ??= yield* Faults.before(hit, request)
        if (answer === undefined) {
          const asked = JSON.parse(new TextDecoder().decode(request.body)) as object
          const body = encode(JSON.stringify({ ...asked, stream }))
          answer = translate(yield* engine.handle({ ...request, path: "/api/chat", body }))
        }
        return hits.reduce((shaped, hit) => Faults.onAnswer(hit, shaped), answer)
      })
    const { url } = yield* Listen.serve(handle, { host: "127.0.0.1", port: 0, tls: false })
    return { url, requests: () => requests }
  })
