/** What only happens in a browser: who may call, with which headers. */
import { Effect, Stream } from "effect"
import { OllamaClient } from "effect-ollama"
import { ask, type Connect, request } from "./calls.js"
import { type Case, fails, same } from "./check.js"
import type { Config } from "./config.js"

const blocked = { _tag: "Blocked", by: "origin" }

/** What the browser adds by itself; `user-agent` and `sec-*` among them. */
const ofBrowser = /^(sec-.*|user-agent|host|connection|origin|referer|accept-.*|content-length|cache-control|pragma)$/
const allowed = /^(authorization|content-type|accept)$/

/** In a page that the server lets call. */
export const atHome = (config: Config, connect: Connect): ReadonlyArray<Case> => {
  const failing = (name: string, options: OllamaClient.Options, expected: Readonly<Record<string, unknown>>): Case => ({
    name,
    run: Effect.asVoid(
      fails(
        connect({ host: config.simulator, ...options })(
          Effect.withSpan(OllamaClient.chat(request("llama3.2")), "page")
        ),
        expected
      )
    )
  })
  return [
    {
      name: "no header that a preflight refuses",
      run: Effect.flatMap(ask(config, "/headers"), (names) =>
        same(
          "others",
          Object.values(names).filter((name) => !ofBrowser.test(String(name)) && !allowed.test(String(name))),
          []
        )
      )
    },
    failing(
      "a header of one's own",
      { headers: { "x-mine": "1" } },
      { ...blocked, remedy: /not send x-mine: leave out/ }
    ),
    failing("trace headers", { propagateTrace: true }, { ...blocked, remedy: /not send .*traceparent.*propagateTrace/ })
  ]
}

/** In a page of an origin that the server does not know. */
export const abroad = (config: Config, connect: Connect): ReadonlyArray<Case> => {
  const refused = {
    ...blocked,
    remedy: new RegExp(`set OLLAMA_ORIGINS=${location.origin} where it runs, and restart it`)
  }
  const here = connect({ host: config.simulator })
  return [
    { name: "chat is refused", run: Effect.asVoid(fails(here(OllamaClient.chat(request("llama3.2"))), refused)) },
    { name: "list is refused", run: Effect.asVoid(fails(here(OllamaClient.list()), refused)) },
    {
      name: "chatStream is refused",
      run: Effect.asVoid(
        fails(
          here(
            Effect.flatMap(OllamaClient.OllamaClient, (client) =>
              Stream.runDrain(client.chatStream(request("llama3.2")))
            )
          ),
          refused
        )
      )
    },
    {
      name: "with credentials it is refused",
      run: Effect.asVoid(
        fails(connect({ host: config.simulator.replace("//", "//user:password@") })(OllamaClient.list()), refused)
      )
    },
    {
      name: "where nobody listens it is not the origin",
      run: Effect.asVoid(
        fails(connect({ host: config.closed })(OllamaClient.list(undefined)), {
          _tag: "Unreachable",
          reason: "refused"
        })
      )
    }
  ]
}

/** In a page that comes from the internet, as the browser sees it: it may not reach this machine unless the user says so. */
export const fromOutside = (config: Config, connect: Connect): ReadonlyArray<Case> => [
  {
    name: "the browser keeps it out",
    run: Effect.asVoid(
      fails(connect({ host: config.simulator })(OllamaClient.list()), {
        _tag: "Unreachable",
        reason: "refused",
        remedy: /the browser may also forbid .* local network access/
      })
    )
  }
]
