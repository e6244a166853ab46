/** The whole client on an input: transport, decoders, records, metrics and spans; nothing may die, and nothing leak. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { CallRecord, Metrics, OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { make as makeCall } from "../../test/wire/calls.js"
import type { Call, Outcome } from "../../test/wire/calls.js"
import type { Kind } from "./corpus.js"
import * as Decoders from "./decoders.js"
import * as Judge from "./judge.js"
import { type Input, prompt, secret } from "./mutate.js"
import * as Reference from "./reference.js"

const chat = { model: "m", messages: [{ role: "user" as const, content: prompt }] }

/** The calls an answer may belong to: streamed and folded, where there are both. */
const calls: Readonly<Record<Kind, ReadonlyArray<Call>>> = {
  chat: [
    { method: "chatStream", request: chat },
    { method: "chat", request: chat },
    { method: "chatObject", request: chat }
  ],
  generate: [
    { method: "generateStream", request: { model: "m", prompt } },
    { method: "generate", request: { model: "m", prompt } }
  ],
  progress: [{ method: "pull", request: { model: "m" } }],
  embed: [{ method: "embed", request: { model: "m", input: prompt } }],
  list: [{ method: "list" }],
  running: [{ method: "running" }],
  show: [{ method: "show", request: { model: "m" } }],
  version: [{ method: "version" }],
  status: [{ method: "status" }]
}

const bodyOf = (input: Input): ReadableStream<Uint8Array> => {
  let at = 0
  let i = 0
  return new ReadableStream({
    pull: (controller) => {
      if (at < input.body.length) {
        // a read of a few bytes costs this transport more than all the rest
        const length = 16 * (input.reads[0][i++ % input.reads[0].length] ?? 1)
        controller.enqueue(input.body.slice(at, at + length))
        at += length
      } else if (input.isBroken) {
        controller.error(Object.assign(new Error(`reset by ${secret}`), { code: "ECONNRESET" }))
      } else controller.close()
    }
  })
}

/** Runs inputs, one after the other. */
export interface Runner {
  readonly judge: (input: Input) => Effect.Effect<void>
  /** Looks at what the metrics say by now. */
  readonly metrics: Effect.Effect<void>
}

const encodeRecord = Schema.encodeSync(CallRecord.CallRecord)

const silent = (text: string, what: string, isAsked: boolean): void => {
  Judge.hold(!text.includes(secret), `no secret is in ${what}`, text)
  if (isAsked) Judge.hold(!text.includes(prompt), `no prompt is in ${what}`, text)
}

const hasPrompt = (kind: Kind): boolean => kind === "chat" || kind === "generate" || kind === "embed"

const judgeOutcome = ({ delivered, exit }: Outcome, kind: Kind): void => {
  if (Exit.isSuccess(exit)) return
  const error: OllamaError.OllamaError | undefined = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (error === undefined) throw new Judge.Broken({ message: `it died: ${Cause.pretty(exit.cause).slice(0, 600)}` })
  Judge.failure(error, false, hasPrompt(kind))
  if (delivered === undefined) return
  Judge.hold(delivered.length === (error.partial?.chunks ?? 0), "what was delivered is what is counted", error)
  const text = delivered.map((value) => Reference.textOf(kind, value)).join("")
  Judge.hold((error.partial?.text ?? "") === text || error.endpoint === "/api/pull", "and what is in partial")
}

export const make: Effect.Effect<Runner, OllamaError.InvalidRequest, Scope.Scope> = Effect.gen(function* () {
  let current: Input | undefined
  const http = HttpClient.make((request) =>
    Effect.sync(() => {
      const input = current
      // what is in memory, and whether the port speaks TLS
      if (input === undefined) return HttpClientResponse.fromWeb(request, new Response("{}"))
      const headers = { "content-type": input.contentType }
      return HttpClientResponse.fromWeb(request, new Response(bodyOf(input), { status: input.status, headers }))
    })
  )
  const client = yield* Effect.provideService(
    OllamaClient.make({
      apiKey: Redacted.make(secret),
      policy: Policy.none,
      lineLimit: Decoders.lineLimit
    }),
    HttpClient.HttpClient,
    http
  )
  const told: Array<string> = []
  yield* client.listen((event) => {
    if (event._tag === "Ended") told.push(JSON.stringify(encodeRecord(event.record)))
  })
  yield* Effect.provideService(Metrics.collect, OllamaClient.OllamaClient, client)
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => ({
      _tag: "Span",
      spanId: "1",
      traceId: "1",
      sampled: false,
      name,
      parent,
      context,
      links,
      kind,
      attributes: new Map(),
      status: { _tag: "Started", startTime },
      attribute: (key, value) => void told.push(`${key}: ${String(value)}`),
      event: (key, _, attributes) => void told.push(`${key}: ${JSON.stringify(attributes)}`),
      addLinks: () => undefined,
      end: (_, exit) => {
        if (Exit.isFailure(exit)) told.push(Cause.pretty(exit.cause))
      }
    }),
    context: (run) => run()
  })
  return {
    judge: (input) =>
      Effect.forEach(
        calls[input.kind],
        (call) =>
          Effect.suspend(() => {
            current = input
            told.length = 0
            return Effect.map(makeCall(call), (outcome) => {
              judgeOutcome(outcome, input.kind)
              silent(told.join("\n"), "a record or a span", hasPrompt(input.kind))
            })
          }),
        { discard: true }
      ).pipe(Effect.provideService(OllamaClient.OllamaClient, client), Effect.withTracer(tracer)),
    metrics: Effect.map(Metrics.prometheus, (text) => silent(text, "the metrics", true))
  }
})
