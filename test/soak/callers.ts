/** One caller: asks, has patience for some time, and tells what it got. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { OllamaClient, OllamaError } from "effect-ollama"
import { type Asked, prompt, texts } from "./plan.js"

export type CallRecord = Parameters<NonNullable<OllamaClient.CallOptions["onRecord"]>>[0]

/** What a caller got. */
export type Got =
  | { readonly is: "answer"; readonly text: string }
  | { readonly is: "vectors"; readonly count: number }
  /** As many chunks as were wanted. */
  | { readonly is: "part"; readonly text: string; readonly isDone: boolean }
  | { readonly is: "failure"; readonly error: OllamaError.OllamaError }
  /** The caller went away. */
  | { readonly is: "nothing" }
  | { readonly is: "defect"; readonly why: string }

export interface Told {
  readonly asked: Asked
  readonly got: Got
  /** Milliseconds on Clock. */
  readonly from: number
  readonly to: number
}

type Getting = Effect.Effect<Got, OllamaError.OllamaError>

const getting = (client: OllamaClient.Service, asked: Asked, options: OllamaClient.CallOptions): Getting => {
  const { kind, model, patience } = asked
  const content = prompt(asked)
  const request = { model, messages: [{ role: "user" as const, content }] }
  switch (kind) {
    case "chat":
      return Effect.map(client.chat(request, options), ({ message }) => ({ is: "answer", text: message.content }))
    case "generate":
      return Effect.map(client.generate({ model, prompt: content }, options), ({ response }) => ({
        is: "answer",
        text: response
      }))
    case "embed":
      return Effect.map(client.embed({ model, input: texts(asked) }, options), ({ embeddings }) => ({
        is: "vectors",
        count: embeddings.length
      }))
    case "chatStream": {
      const answer = client.chatStream(request, options)
      const wanted = patience.how === "takes" ? Stream.take(answer, patience.chunks) : answer
      return Effect.map(Stream.runCollect(wanted), (chunks) => {
        const isDone = Option.exists(Chunk.last(chunks), ({ done }) => done)
        const text = Chunk.join(
          Chunk.map(chunks, ({ message }) => message.content),
          ""
        )
        return patience.how === "takes" ? { is: "part", text, isDone } : { is: "answer", text }
      })
    }
  }
}

/** Leaves after some time, where the plan says so. */
const patient = (getting: Getting, { patience }: Asked): Getting =>
  patience.how !== "leaves"
    ? getting
    : Effect.timeoutTo(getting, {
        duration: patience.after,
        onSuccess: (got): Got => got,
        onTimeout: (): Got => ({ is: "nothing" })
      })

export const call = (
  client: OllamaClient.Service,
  asked: Asked,
  onRecord: (record: CallRecord) => Effect.Effect<void>
): Effect.Effect<Told> =>
  Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    const { patience, priority } = asked
    const limit = patience.how === "limit" ? { policy: { timeouts: { total: patience.total } } } : {}
    const exit = yield* Effect.exit(patient(getting(client, asked, { priority, onRecord, ...limit }), asked))
    const to = yield* Clock.currentTimeMillis
    const got: Got = Exit.match(exit, {
      onSuccess: (got) => got,
      onFailure: (cause) =>
        Option.match(Cause.failureOption(cause), {
          onSome: (error): Got => ({ is: "failure", error }),
          onNone: (): Got => ({ is: "defect", why: Cause.pretty(cause) })
        })
    })
    return { asked, got, from, to }
  })
