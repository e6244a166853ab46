/** Connections that fail, as each platform tells of them. */
import { Effect } from "effect"
import { OllamaClient } from "effect-ollama"
import { type Connect, request } from "./calls.js"
import { type Case, fails } from "./check.js"
import type { Config } from "./config.js"

const once = { policy: { retry: { attempts: 1 } } } as const

type Expected = Readonly<Record<string, unknown>>

const unreachable = (reason: string, more: Expected = {}): Expected => ({ _tag: "Unreachable", reason, ...more })

export const cases = (config: Config, connect: Connect): ReadonlyArray<Case> => {
  const failing = (name: string, host: string, expected: Expected): Case => ({
    name,
    run: Effect.asVoid(fails(connect({ host })(OllamaClient.chat(request("m"), once)), expected))
  })
  const https = (url: string) => url.replace("http://", "https://")
  const connecting = { phase: "connect" }
  // a page learns only whether somebody answers at all
  const inPage = (expected: Expected) => (config.runtime === "page" ? unreachable("refused") : expected)
  return [
    failing("nobody listens", config.closed, unreachable("refused", connecting)),
    failing("no such name", "http://nobody.invalid:11434", inPage(unreachable("dns", connecting))),
    failing("a reset", config.resets, inPage(unreachable("reset"))),
    failing("closed without an answer", config.closes, inPage(unreachable("reset"))),
    failing("no HTTP", config.strange, inPage(unreachable("protocol"))),
    failing("a certificate that nobody trusts", config.secure, inPage(unreachable("tls", connecting))),
    failing("TLS to a port without it", https(config.simulator), inPage(unreachable("tls", connecting))),
    failing("a port that speaks TLS", config.secure.replace("https://", "http://"), {
      _tag: /^(Unreachable|InvalidRequest|ServerError|Blocked)$/
    })
  ]
}
