/** The decoders alone, as an attempt puts them together: bytes into a reader, or into the classification of a failure. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Account from "../../src/api/Account.js"
import * as Embed from "../../src/api/Embed.js"
import * as Model from "../../src/api/Model.js"
import * as AnswerText from "../../src/internal/answerText.js"
import * as Classify from "../../src/internal/classify.js"
import * as Codec from "../../src/internal/codec.js"
import * as Context from "../../src/internal/context.js"
import * as Endpoint from "../../src/internal/endpoint.js"
import * as Reader from "../../src/internal/reader.js"
import * as Wire from "../../src/internal/wire.js"
import type { OllamaError } from "../../src/OllamaError.js"
import type { Kind } from "./corpus.js"
import { type Input, prompt, secret } from "./mutate.js"

/** Far below the real one, so that it is often passed. */
export const lineLimit = 4096

/** What was delivered, how it ended, and what was made of it where it is complete. */
export interface Outcome {
  readonly values: ReadonlyArray<unknown>
  readonly exit: Exit.Exit<Reader.Done, OllamaError>
  readonly response: unknown
}

const clock = Clock.make()

const call: Context.Call = {
  host: "http://127.0.0.1:11434",
  endpoint: "/api/fuzz",
  model: "m",
  secrets: [secret],
  request: { messages: [{ role: "user", content: prompt }] },
  startedAt: 0
}

interface Subject {
  readonly endpoint: Endpoint.Endpoint
  readonly run: (input: Input, folded: boolean, reads: ReadonlyArray<number>) => Outcome
}

const subject = <A, Response>(endpoint: Endpoint.Endpoint, codecOf: () => Codec.Codec<A, Response>): Subject => ({
  endpoint,
  run: (input, folded, reads) => {
    const codec = codecOf()
    const attempt = new Context.Attempt(call, clock, [], "firstToken", {
      partial: () => (codec.whole ? undefined : codec.fold.partial()),
      failed: () => undefined
    })
    const wire = new Wire.Wire(attempt, codec, {
      endpoint,
      hasModel: true,
      folded,
      status: input.status,
      isStream: /ndjson/.test(input.contentType),
      seen: () => undefined
    })
    const reader = new Reader.Reader(clock, wire, lineLimit)
    const values: Array<unknown> = []
    for (let at = 0, i = 0; at < input.body.length; i++) {
      const length = reads[i % reads.length] ?? 1
      reader.data(input.body.subarray(at, at + length))
      at += length
      const batch = reader.poll()
      if (batch !== undefined) values.push(...batch)
    }
    if (input.isBroken) reader.error(Object.assign(new Error(`reset by ${secret}`), { code: "ECONNRESET" }))
    else reader.end()
    const rest = reader.poll()
    if (rest !== undefined) values.push(...rest)
    const exit = Effect.runSyncExit(reader.read)
    return { values, exit: exit as Outcome["exit"], response: codec.fold.result() }
  }
})

const subjects: Readonly<Record<Kind, Subject>> = {
  chat: subject(Endpoint.chat, Codec.chat),
  generate: subject(Endpoint.generate, Codec.generate),
  progress: subject(Endpoint.pull, Codec.progress),
  embed: subject(Endpoint.embed, Codec.one(Embed.EmbedResponse)),
  list: subject(Endpoint.list, Codec.one(Model.ListResponse)),
  running: subject(Endpoint.running, Codec.one(Model.RunningResponse)),
  show: subject(Endpoint.show, Codec.one(Model.ShowResponse)),
  version: subject(Endpoint.version, Codec.one(Model.VersionResponse)),
  status: subject(Endpoint.status, Codec.one(Account.StatusResponse))
}

export const isLines = (kind: Kind): boolean => kind === "chat" || kind === "generate" || kind === "progress"

/** A good answer, read as a stream or folded. */
export const read = (input: Input, folded: boolean): Outcome =>
  subjects[input.kind].run(input, folded, input.reads[folded ? 1 : 0])

/** The failure that a bad status is. */
export const failure = (input: Input): OllamaError => {
  const text = AnswerText.fromBody(input.contentType, new TextDecoder().decode(input.body))
  const seed = Classify.answer({
    status: input.status,
    text,
    endpoint: subjects[input.kind].endpoint,
    hasModel: true,
    sentOrigin: false,
    retryAfter: undefined
  })
  const attempt = new Context.Attempt(call, clock, [], "firstToken")
  return attempt.failure(seed, { status: text.status ?? input.status, detail: text.message })
}
