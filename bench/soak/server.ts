/**
 * A simulated server in a process of its own: `server.ts PORT`. It tells the soak which calls came and how they ended, and
 * is told how fast to be.
 */
import { Effect, Runtime } from "effect"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import * as Protocol from "./protocol.js"

const port = Number(process.argv[2])

const tell = (event: Protocol.Event): void => {
  if (process.connected) process.send?.(event)
}

const textOf = (json: unknown): string => {
  const { messages } = json as { readonly messages?: ReadonlyArray<{ readonly content: string }> }
  return messages?.at(-1)?.content ?? ""
}

const program = Effect.gen(function* () {
  const server = yield* OllamaSimulatorServer.OllamaSimulatorServer
  const runtime = yield* Effect.runtime()
  process.on("message", ({ slowDown }: Protocol.Order) => {
    Runtime.runFork(runtime)(server.slowDown(slowDown))
  })
  process.on("disconnect", () => process.exit())
  tell({ _tag: "Ready" })
  for (let index = 0; ; index++) {
    const { json, path } = yield* server.arrived(index)
    const id = path === "/api/chat" ? Protocol.idOf(textOf(json)) : undefined
    if (id === undefined) continue
    tell({ _tag: "Arrived", id })
    yield* Effect.fork(
      Effect.map(server.ended(index), ({ how, status }) =>
        tell({ _tag: "Ended", id, how: status === 200 ? how : "refused" })
      )
    )
  }
})

Effect.runFork(
  Effect.provide(
    program,
    OllamaSimulatorServer.layer({
      port,
      models: [
        { name: "small", size: 2e9 },
        { name: "large", size: 4e9 }
      ],
      loadRate: 2e9,
      promptRate: 800,
      tokenRate: 40,
      parallel: 2,
      memory: 8e9,
      reply: ({ text }) => Protocol.answer(text)
    })
  )
)
