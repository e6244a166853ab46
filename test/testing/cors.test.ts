import { HttpClient, type HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, OllamaSimulator } from "effect-ollama/testing"

const url = "http://localhost:11434"

const headersOf = ({ headers }: HttpClientResponse.HttpClientResponse) => ({
  allowed: headers["access-control-allow-origin"],
  vary: headers["vary"]
})

const from = (origin: string) => HttpClient.get(`${url}/api/version`, { headers: { origin } })

const preflight = (origin: string) =>
  HttpClient.options(`${url}/api/chat`, {
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type"
    }
  })

const origins = OllamaSimulator.layer({ origins: ["https://app.example", "https://*.team.example"] })

describe("who may call from a browser", () => {
  it.effect.each([
    ["http://localhost:3000", 200],
    ["https://127.0.0.1", 200],
    ["app://obsidian.md", 200],
    ["vscode-webview://x", 200],
    ["https://app.example", 200],
    ["https://a.team.example", 200],
    ["https://team.example", 403],
    ["https://app.example.evil.example", 403],
    ["http://localhost.evil.example", 403],
    ["chrome-extension://x", 403],
    ["null", 403]
  ] as const)("%s is answered with %d", ([origin, status]) =>
    Effect.gen(function* () {
      const answer = yield* from(origin)
      assert.strictEqual(answer.status, status)
      const readable = { allowed: origin, vary: "Origin" }
      assert.deepStrictEqual(headersOf(answer), status === 200 ? readable : { allowed: undefined, vary: undefined })
      assert.strictEqual((yield* preflight(origin)).status, status === 200 ? 204 : 403)
    }).pipe(Effect.provide(origins))
  )

  it.effect("a preflight is told the headers that Ollama allows, and no others", () =>
    Effect.gen(function* () {
      const { headers } = yield* preflight("http://localhost:3000")
      const allowed = (headers["access-control-allow-headers"] ?? "").split(",")
      assert.includeMembers(allowed, ["Authorization", "Content-Type", "User-Agent", "Accept", "X-Stainless-Os"])
      assert.isFalse(allowed.some((name) => /traceparent|b3|request-id/i.test(name)))
      assert.strictEqual(headers["access-control-max-age"], "43200")
      assert.strictEqual(headers["vary"], "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("OLLAMA_ORIGINS=* is answered with a star", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(headersOf(yield* from("https://anywhere.example")), { allowed: "*", vary: undefined })
    }).pipe(Effect.provide(OllamaSimulator.layer({ origins: ["*"] })))
  )

  it.effect("the server's own page is no other origin", () =>
    Effect.gen(function* () {
      const answer = yield* from(url)
      assert.deepStrictEqual([answer.status, headersOf(answer).allowed], [200, undefined])
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("errors can be read, pages of proxies cannot, and a preflight meets no fault", () =>
    Effect.gen(function* () {
      const origin = "http://localhost:3000"
      assert.strictEqual((yield* preflight(origin)).status, 204)
      const busy = yield* from(origin)
      assert.deepStrictEqual([busy.status, headersOf(busy).allowed], [503, origin])
      const portal = yield* from(origin)
      assert.deepStrictEqual([portal.status, headersOf(portal).allowed], [200, undefined])
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({ faults: [Fault.serverBusy({ times: 1 }), Fault.captivePortal({ times: 1 })] })
      )
    )
  )
})
