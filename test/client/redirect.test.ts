import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Policy } from "effect-ollama"
import { expectTag, within } from "../support/clock.js"
import { broken, chat, failure, html, json, redirect, refused, request, silent } from "../support/replies.js"
import { make } from "../support/server.js"

const apiKey = Redacted.make("the-key")
const version = json({ version: "1" })

describe("a redirect on the same host", () => {
  for (const status of [301, 302, 307, 308]) {
    it.scoped(`${status} is followed, with method, body and credentials`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": redirect("/base/api/chat", status), "/base/api/chat": chat("a") })
        const client = yield* server.connect({ apiKey })
        assert.strictEqual((yield* client.chat(request)).message.content, "a")
        const [first, second] = [...server.at("/api/chat"), ...server.at("/base/api/chat")]
        assert.strictEqual(second?.method, "POST")
        assert.strictEqual(second?.body, first?.body)
        assert.strictEqual(second?.headers.authorization, "Bearer the-key")
      })
    )
  }

  it.scoped("is followed for streams, and to https", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": (seen) => (seen.url.startsWith("https:") ? chat("a") : redirect("https://gpu-box/api/chat", 301))
      })
      const client = yield* server.connect({ host: "http://gpu-box" })
      yield* Stream.runDrain(client.chatStream(request))
      assert.deepStrictEqual(
        server.at("/api/chat").map((seen) => seen.url),
        ["http://gpu-box/api/chat", "https://gpu-box/api/chat"]
      )
    })
  )

  it.scoped("that leads in a circle is given up", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": redirect("/api/version") })
      const client = yield* server.connect()
      assert.strictEqual(expectTag(yield* Effect.flip(client.version()), "Blocked").by, "captivePortal")
      assert.isAtMost(server.seen.length, 5)
    })
  )
})

describe("a redirect to another place", () => {
  const places = [
    ["another host", "https://login.example/api/version"],
    ["another host without a scheme", "//login.example/api/version"],
    ["another port", "http://127.0.0.1:8080/api/version"],
    ["from https to http", "http://gpu-box/api/version"],
    ["the same host with credentials", "http://me:pass@127.0.0.1:11434/api/version"],
    ["a name that ends like the host", "http://evil-gpu-box:11434/"],
    ["another scheme", "ftp://127.0.0.1:11434/"],
    ["nowhere", "http://"]
  ] as const
  for (const [name, location] of places) {
    it.scoped(`${name}: Blocked, and nothing is sent there`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/version": (_, nth) => (nth === 0 ? redirect(location, 302) : version) })
        const client = yield* server.connect({
          apiKey,
          ...(name === "from https to http" ? { host: "https://gpu-box" } : {})
        })
        const error = expectTag(yield* within(Effect.flip(client.version())), "Blocked")
        assert.strictEqual(error.by, "captivePortal")
        assert.strictEqual(error.status, 302)
        assert.lengthOf(server.seen, 1)
        assert.notInclude(error.message, "pass")
      })
    )
  }

  it.scoped("without a place", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": { status: 302, headers: {}, body: [] } })
      const client = yield* server.connect()
      expectTag(yield* Effect.flip(client.version()), "Blocked")
      assert.lengthOf(server.seen, 1)
    })
  )

  it.scoped("a page with 200 is a portal, too, whatever it says", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": html(200) })
      const client = yield* server.connect()
      assert.strictEqual(expectTag(yield* Effect.flip(client.version()), "Blocked").by, "captivePortal")
    })
  )
})

describe("a connection that is reset before any answer came", () => {
  const options = { apiKey, headers: { "x-team": "a" }, host: "http://gpu-box:443", policy: Policy.none }

  it.scoped("is looked at once more, without credentials: the port may speak TLS, and the remedy says so", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/version": broken("ECONNRESET"),
        "/": ({ url }) => (url.startsWith("https:") ? html(200) : broken("ECONNRESET"))
      })
      const client = yield* server.connect(options)
      const error = expectTag(yield* within(Effect.flip(client.version())), "Unreachable")
      assert.strictEqual(error.reason, "protocol")
      assert.include(error.remedy, "https://")
      const [probe] = server.at("/")
      assert.deepStrictEqual([probe?.method, probe?.url, probe?.body], ["HEAD", "https://gpu-box/", ""])
      assert.isUndefined(probe?.headers.authorization)
      assert.isUndefined(probe?.headers["x-team"])
    })
  )

  it.scoped("is a reset where nothing speaks TLS, or nothing answers in time", () =>
    Effect.gen(function* () {
      for (const root of [refused, silent]) {
        const server = make({ "/api/version": broken("ECONNRESET"), "/": root })
        const client = yield* server.connect(options)
        const error = expectTag(yield* within(Effect.flip(client.version()), "1 second"), "Unreachable")
        assert.strictEqual(error.reason, "reset")
      }
    })
  )

  it.scoped("is sent again where anything is answered afterwards, also to the look", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": [broken("ECONNRESET"), version], "/": html(200) })
      const client = yield* server.connect()
      assert.deepStrictEqual(yield* within(client.version()), { version: "1" })
    })
  )

  it.scoped("is looked at once, however often it happens", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": broken("ECONNRESET") })
      const client = yield* server.connect()
      expectTag(yield* within(Effect.flip(client.version())), "Unreachable")
      assert.lengthOf(server.at("/api/version"), 3)
      assert.lengthOf(server.at("/"), 1)
    })
  )

  it.scoped("is a reset once the server has answered: no second look", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": [version, broken("ECONNRESET")] })
      const client = yield* server.connect(options)
      yield* client.version()
      assert.strictEqual(expectTag(yield* Effect.flip(client.version()), "Unreachable").reason, "reset")
      assert.lengthOf(server.at("/"), 0)
    })
  )
})

describe("transformClient", () => {
  it.scoped("may take a bad status for a failure: the answer is read all the same", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": failure(404, "model 'llama3.2' not found") })
      const client = yield* server.connect({ transformClient: HttpClient.filterStatusOk })
      const error = expectTag(yield* Effect.flip(client.chat(request)), "ModelNotFound")
      assert.strictEqual(error.status, 404)
    })
  )

  it.scoped("that dies ends the call with its defect, and one that interrupts ends it too", () =>
    Effect.gen(function* () {
      const server = make({})
      const dying = yield* server.connect({ transformClient: HttpClient.transformResponse(() => Effect.die("boom")) })
      assert.deepStrictEqual(yield* Effect.exit(dying.version()), Exit.die("boom"))
      const interrupting = yield* server.connect({
        policy: Policy.none,
        transformClient: HttpClient.transformResponse(() => Effect.interrupt)
      })
      expectTag(yield* Effect.flip(interrupting.version()), "Unreachable")
    })
  )

  it.scoped("changes what is sent, and sees what is answered", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": version, "/proxied/api/version": version })
      const statuses: Array<number> = []
      const client = yield* server.connect({
        transformClient: (http) =>
          http.pipe(
            HttpClient.mapRequest(HttpClientRequest.setHeader("x-extra", "1")),
            HttpClient.tap((response) => Effect.sync(() => statuses.push(response.status)))
          )
      })
      yield* client.version()
      assert.strictEqual(server.seen[0]?.headers["x-extra"], "1")
      assert.deepStrictEqual(statuses, [200])
    })
  )
})
