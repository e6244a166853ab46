/** What a page finds out; in Chromium itself `npm run platforms` does. */
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient, type OllamaError } from "effect-ollama"
import { Effect, Layer } from "effect"
import type { Scope } from "effect"

interface Asked {
  readonly path: string
  readonly mode: RequestMode | undefined
  readonly redirect: RequestRedirect | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Makes this program look like a page. */
const inPage = (origin: string, permission?: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const before = (["document", "location", "navigator"] as const).map(
          (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
        )
        const { hostname, protocol } = new URL(origin === "null" ? "data:text/html,x" : origin)
        const permissions =
          permission === undefined ? undefined : { query: () => Promise.resolve({ state: permission }) }
        const page = { document: {}, location: { origin, hostname, protocol }, navigator: { permissions } }
        for (const [name, value] of Object.entries(page)) {
          Object.defineProperty(globalThis, name, { value, configurable: true })
        }
        return before
      }),
      (before) =>
        Effect.sync(() => {
          for (const [name, descriptor] of before) {
            if (descriptor === undefined) Reflect.deleteProperty(globalThis, name)
            else Object.defineProperty(globalThis, name, descriptor)
          }
        })
    )
  )

/** A browser's fetch, in front of a server that answers some requests. */
const browser = (answers: (asked: Asked) => boolean) => {
  const asked: Array<Asked> = []
  const fetch: typeof globalThis.fetch = (input, init) => {
    const request = {
      path: new URL(String(input)).pathname,
      mode: init?.mode,
      redirect: init?.redirect,
      headers: { ...(init?.headers as Record<string, string> | undefined) }
    }
    asked.push(request)
    return answers(request)
      ? Promise.resolve(new Response("{}", { headers: { "content-type": "application/json" } }))
      : Promise.reject(new TypeError("Failed to fetch"))
  }
  return { asked, layer: Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.Fetch, fetch)) }
}

const failure = (
  answers: (asked: Asked) => boolean,
  options: OllamaClient.Options = {}
): Effect.Effect<{ readonly error: OllamaError.OllamaError; readonly asked: ReadonlyArray<Asked> }> => {
  const { asked, layer } = browser(answers)
  const call = OllamaClient.list({ policy: { retry: { attempts: 1 } } })
  return Effect.map(
    Effect.flip(
      Effect.provide(call, Layer.provide(OllamaClient.layer({ host: "127.0.0.1:11434", ...options }), layer))
    ),
    (error) => ({ error, asked: asked.filter(({ path }) => path === "/api/version") })
  ).pipe(Effect.orDie)
}

const without = ({ mode }: Asked): boolean => mode === "no-cors"

describe("a page whose fetch failed", () => {
  it.scoped("is of an origin that the server does not allow", () =>
    Effect.gen(function* () {
      yield* inPage("https://app.example")
      const { asked, error } = yield* failure(without, {
        apiKey: undefined,
        headers: { authorization: "Bearer planted" }
      })
      assert.deepInclude(error, { _tag: "Blocked", by: "origin", phase: "response" })
      assert.include(error.remedy, "set OLLAMA_ORIGINS=https://app.example where it runs, and restart it")
      assert.isFalse(error.isRetryable)
      // the credentials go along only where the server lets the page call
      assert.deepStrictEqual(
        asked.map(({ headers, mode, redirect }) => [mode, redirect, headers["authorization"]]),
        [
          ["no-cors", "follow", undefined],
          [undefined, "manual", undefined]
        ]
      )
    })
  )

  it.scoped("sends a header that a preflight does not allow", () =>
    Effect.gen(function* () {
      yield* inPage("https://app.example")
      const { error } = yield* failure(({ headers }) => headers["x-mine"] === undefined, { headers: { "x-mine": "1" } })
      assert.deepInclude(error, { _tag: "Blocked", by: "origin" })
      assert.include(error.remedy, "not send x-mine:")
    })
  )

  it.scoped("lost its connection, where the server answers what it asks then", () =>
    Effect.gen(function* () {
      yield* inPage("https://app.example")
      const { error } = yield* failure(({ path }) => path === "/api/version")
      assert.deepInclude(error, { _tag: "Unreachable", reason: "reset", phase: "response" })
    })
  )

  it.scoped("has nobody there", () =>
    Effect.gen(function* () {
      yield* inPage("http://localhost:3000", "prompt")
      const { error } = yield* failure(() => false)
      assert.deepInclude(error, { _tag: "Unreachable", reason: "refused", phase: "connect" })
      assert.notInclude(error.remedy, "local network")
    })
  )

  it.scoped("has nobody there, or is kept from this machine by the browser", () =>
    Effect.gen(function* () {
      yield* inPage("https://app.example", "denied")
      const { error } = yield* failure(() => false)
      assert.deepInclude(error, { _tag: "Unreachable", reason: "refused" })
      assert.include(error.remedy, "allow local network access")
    })
  )

  it.scoped("came over TLS, and calls what does not", () =>
    Effect.gen(function* () {
      yield* inPage("https://app.example")
      const { error } = yield* failure(() => false, { host: "http://gpu-box:11434" })
      assert.deepInclude(error, { _tag: "Blocked", by: "origin" })
      assert.include(error.remedy, "over https")
    })
  )

  it.scoped("has an origin that no list can name", () =>
    Effect.gen(function* () {
      yield* inPage("null")
      const { error } = yield* failure(without)
      assert.deepInclude(error, { _tag: "Blocked", by: "origin" })
      assert.include(error.remedy, "of an address of its own")
    })
  )

  it.effect("is no page: nothing is asked", () =>
    Effect.gen(function* () {
      const { asked, error } = yield* failure(() => false)
      assert.deepInclude(error, { _tag: "Unreachable", reason: "refused" })
      assert.lengthOf(asked, 0)
    })
  )
})
