/** What the command prints, and what a proxy that says everything back makes of a failure. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema, Stream } from "effect"
import { OllamaClient, OllamaError, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { inspect } from "node:util"
import * as Command from "../cli/support/command.js"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

const key = "sk-4471-command-key"
const password = "pass-5582-of-host"
const proxyPassword = "pass/6693?of proxy"
const prompt = "Why does the lighthouse of Skerryvore never sleep?"

const base64 = (text: string): string => Buffer.from(text).toString("base64")

const proxyUser = `porter:${proxyPassword}`
const secrets = [
  key,
  password,
  base64(`keeper:${password}`),
  proxyPassword,
  encodeURIComponent(proxyPassword),
  base64(proxyUser),
  "Skerryvore"
]

/** Escape sequences: clears the screen, sets the title, and the one-byte form of the first. */
const commands = "\u001b[2J\u001b]0;owned\u0007\u009b2J\u202e"

/** Says back all that it is sent, with commands for a terminal, as a failure of this status. */
const parrot = (status: number) =>
  Servers.http((exchange) => {
    const { headers } = exchange.request
    const said = `${commands}${Object.values(headers).join(" ")} ${exchange.body} ${proxyPassword} ${encodeURIComponent(proxyPassword)}`
    const decoded = Object.values(headers).flatMap((value) =>
      typeof value === "string" && value.startsWith("Basic ") ? [Buffer.from(value.slice(6), "base64").toString()] : []
    )
    Servers.json(exchange, status, { error: `${said} ${decoded.join(" ")}` })
  })

const lines: ReadonlyArray<ReadonlyArray<string>> = [
  ["chat", "--model", "m", prompt],
  ["models"],
  ["models", "pull", "m"],
  ["doctor", "--json"]
]

describe("the command, at a server that says everything back", () => {
  for (const args of lines) {
    it.scopedLive(`${args.slice(0, 2).join(" ")}: no secret, and nothing that a terminal obeys`, () =>
      Effect.gen(function* () {
        const server = yield* parrot(500)
        const env = {
          OLLAMA_HOST: `http://keeper:${password}@${server.address}`,
          OLLAMA_API_KEY: key,
          HTTP_PROXY: `http://porter:${encodeURIComponent(proxyPassword)}@127.0.0.1:9`,
          OLLAMA_POLICY: JSON.stringify({ retry: { attempts: 1 } })
        }
        const { stderr, stdout } = yield* Command.run(args, { env })
        const printed = stdout + stderr
        assert.isNotEmpty(printed)
        for (const secret of secrets) assert.notInclude(printed, secret)
        assert.notMatch(printed, /\u001b\[2J|\u001b\]|\u009b|\u202e/)
      })
    )
  }
})

describe("a proxy that says everything back", () => {
  for (const status of [403, 407, 500, 503]) {
    it.scopedLive(`with ${status}: not its own password either`, () =>
      Effect.gen(function* () {
        const proxy = yield* parrot(status)
        const layer = OllamaNode.layer({
          host: `http://keeper:${password}@gpu-box.invalid`,
          proxy: { http: Redacted.make(`http://porter:${encodeURIComponent(proxyPassword)}@${proxy.address}`) },
          policy: Policy.none
        })
        const errors = yield* Effect.gen(function* () {
          const client = yield* OllamaClient.OllamaClient
          const request = { ...Transports.request, messages: [{ role: "user", content: prompt }] }
          return [
            yield* Effect.flip(client.chat(request)),
            yield* Effect.flip(Stream.runDrain(client.chatStream(request))),
            yield* Effect.flip(client.version())
          ]
        }).pipe(Effect.provide(layer))
        for (const error of errors) {
          const texts = [
            error.message,
            JSON.stringify(error),
            inspect(error, { depth: 20 }),
            JSON.stringify(Schema.encodeSync(OllamaError.OllamaError)(error))
          ]
          for (const text of texts) for (const secret of secrets) assert.notInclude(text, secret)
        }
      })
    )
  }
})
