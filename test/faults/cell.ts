/** One call of our client under one fault: a server and a client of its own, over real sockets, against the clock. */
import { OllamaClient, type OllamaError } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { Cause, Duration, Effect, Exit, Option, Stream } from "effect"
import type { Entry } from "./catalogue.js"
import * as Judge from "./judge.js"

export const calls = ["chat", "chatStream"] as const

export type Call = (typeof calls)[number]

export interface Cell extends Judge.Verdict {
  readonly id: string
  readonly call: string
  readonly millis: number
  /** Chat requests that the server saw. */
  readonly requests: number
}

/** The server behind a fault. Its model is in memory: a fault is met by a call, not by a load. */
export const served = (entry: Entry): OllamaSimulatorServer.Options => ({
  models: [{ name: "llama3.2", loaded: true, reply: entry.says }]
})

export const request = { model: "llama3.2", messages: [{ role: "user", content: "Hello" }] } as const

interface Answer {
  readonly run: Effect.Effect<string, OllamaError.OllamaError, OllamaClient.OllamaClient>
  /** What has been handed to the caller so far. */
  readonly delivered: () => string | undefined
}

const answer = (call: Call): Answer => {
  if (call === "chat") {
    return {
      run: Effect.map(OllamaClient.chat(request), ({ message }) => message.content),
      delivered: () => undefined
    }
  }
  let text = ""
  return {
    run: Effect.suspend(() => {
      text = ""
      return Stream.runForEach(OllamaClient.chatStream(request), ({ message }) =>
        Effect.sync(() => {
          text += message.content
        })
      )
    }).pipe(Effect.map(() => text)),
    delivered: () => text
  }
}

const isChat = ({ path }: { readonly path: string }): boolean => path === "/api/chat"

const verdict = (
  entry: Entry,
  exit: Exit.Exit<Option.Option<string>, OllamaError.OllamaError>,
  delivered: string | undefined
): Judge.Verdict => {
  if (Exit.isSuccess(exit)) return Option.match(exit.value, { onNone: () => Judge.hang, onSome: Judge.success })
  const failure = Cause.failureOption(exit.cause)
  if (Option.isSome(failure)) return Judge.failure(entry, failure.value, delivered)
  return { class: "b2", shown: "defect", problems: [Cause.pretty(exit.cause)] }
}

export const run = (entry: Entry, call: Call): Effect.Effect<Cell, OllamaError.InvalidRequest> =>
  Effect.gen(function* () {
    const server = yield* OllamaSimulatorServer.make(served(entry))
    const host = yield* server.stage(entry.fault)
    const { delivered, run: once } = answer(call)
    const wasHit = Effect.map(server.requests, (all) => all.some(({ ended }) => ended?.fault !== undefined))
    // which call meets a connection that was kept is the transport's affair
    const whole = entry.isSecondCall ? Effect.repeat(once, { until: () => wasHit }) : once
    const [elapsed, exit] = yield* whole.pipe(
      Effect.provide(OllamaNode.layer({ host, policy: entry.policy })),
      Effect.disconnect,
      Effect.timeoutOption(Duration.millis(Judge.patience)),
      Effect.exit,
      Effect.timed
    )
    const seen = (yield* server.requests).filter(isChat).length
    const judged = verdict(entry, exit, delivered())
    const problems =
      entry.requests === undefined || entry.requests === seen
        ? judged.problems
        : [...judged.problems, `the server saw ${seen} requests, not ${entry.requests}`]
    return { id: entry.id, call, ...judged, problems, millis: Duration.toMillis(elapsed), requests: seen }
  }).pipe(Effect.scoped)
