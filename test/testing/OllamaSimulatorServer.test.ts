import * as http from "node:http"
import * as https from "node:https"
import { Undici } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Fault, type Recorded } from "effect-ollama/testing"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { Effect, Either, Exit, Scope } from "effect"
import { codeOf, type Wire } from "./calls.js"

const body = (extra: object = {}) =>
  JSON.stringify({ model: "llama3.2", messages: [{ role: "user", content: "Hello" }], ...extra })

const send = (url: string, init: RequestInit = {}) =>
  Effect.tryPromise(() => fetch(`${url}/api/chat`, { method: "POST", body: body(), ...init }))

const textOf = (response: Response) => Effect.tryPromise(() => response.text())

/** What a program over fetch gets: the text, or how it failed and after what. */
const ask = (url: string) =>
  Effect.gen(function* () {
    const response = yield* Effect.either(send(url))
    if (Either.isLeft(response)) return { code: codeOf(response.left), text: undefined, status: undefined }
    const { status } = response.right
    const reader = response.right.body?.getReader()
    let text = ""
    const decoder = new TextDecoder()
    while (true) {
      const read = yield* Effect.either(Effect.tryPromise(async () => reader?.read()))
      if (Either.isLeft(read)) return { code: codeOf(read.left), text, status }
      if (read.right === undefined || read.right.done) return { code: undefined, text, status }
      text += decoder.decode(read.right.value, { stream: true })
    }
  })

const contents = (text: string | undefined) =>
  (text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Partial<Wire>)
    .map((line) => (line.done === true ? "done" : (line.message?.content ?? line.error)))

describe("OllamaSimulatorServer", () => {
  it.scopedLive("answers over a socket as in memory", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "One two three", tokenTime: "5 millis" })
      const version = yield* Effect.tryPromise(async () => (await fetch(`${server.url}/api/version`)).json())
      assert.deepStrictEqual(version, { version: "0.33.0-simulator" })
      const response = yield* send(server.url)
      assert.strictEqual(response.headers.get("content-type"), "application/x-ndjson")
      assert.deepStrictEqual(contents(yield* textOf(response)), ["One", " two", " three", "done"])
      const ended = yield* server.ended(1)
      assert.deepInclude(ended, { how: "completed", chunks: 4, status: 200 })
      const [, seen] = yield* server.requests
      assert.deepInclude(seen, { method: "POST", path: "/api/chat", json: JSON.parse(body()) })
      const missing = yield* send(server.url, { body: body({ model: "nobody" }) })
      assert.deepStrictEqual(
        [missing.status, yield* textOf(missing)],
        [404, JSON.stringify({ error: "model 'nobody' not found" })]
      )
    })
  )

  it.scopedLive("notices a client that leaves before the headers, and throws its load away", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ loadTime: "1 hour" })
      const controller = new AbortController()
      const fiber = yield* Effect.fork(Effect.either(send(server.url, { signal: controller.signal })))
      yield* server.arrived(0)
      controller.abort()
      const ended = yield* server.ended(0)
      assert.deepInclude(ended, { how: "left", chunks: 0 })
      assert.isUndefined(ended.status)
      assert.deepStrictEqual(yield* server.loads, { begun: 1, finished: 0, aborted: 1 })
      assert.strictEqual(yield* server.inFlight, 0)
      yield* fiber
    })
  )

  it.scopedLive("notices a client that leaves in the middle of the body", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "a b c", tokenTime: "1 hour" })
      const controller = new AbortController()
      const response = yield* send(server.url, { signal: controller.signal })
      const first = yield* Effect.tryPromise(async () => response.body?.getReader().read())
      assert.deepStrictEqual(contents(new TextDecoder().decode(first?.value)), ["a"])
      controller.abort()
      assert.deepInclude(yield* server.ended(0), { how: "left", chunks: 1, status: 200 })
    })
  )

  it.scopedLive("notices a client that leaves a black hole and a stalled body", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "a b c" })
      yield* server.inject(Fault.blackHole({ times: 1 }), Fault.stallAfterHeaders())
      const first = new AbortController()
      const fiber = yield* Effect.fork(Effect.either(send(server.url, { signal: first.signal })))
      yield* server.arrived(0)
      first.abort()
      assert.deepInclude(yield* server.ended(0), { how: "left", chunks: 0, fault: Fault.blackHole({ times: 1 }) })
      yield* fiber
      const second = new AbortController()
      const response = yield* send(server.url, { signal: second.signal })
      assert.strictEqual(response.status, 200)
      second.abort()
      assert.deepInclude(yield* server.ended(1), { how: "left", chunks: 0, fault: Fault.stallAfterHeaders() })
    })
  )

  it.scopedLive("breaks connections as they break in the world", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "a b c" })
      const meet = (fault: OllamaSimulatorServer.Stageable) =>
        Effect.gen(function* () {
          yield* server.clearFaults
          const { code, text } = yield* ask(yield* server.stage(fault))
          return [code, text === undefined ? undefined : contents(text)]
        })
      assert.deepStrictEqual(yield* meet(Fault.refused()), ["ECONNREFUSED", undefined])
      assert.deepStrictEqual(yield* meet(Fault.selfSignedTls()), ["DEPTH_ZERO_SELF_SIGNED_CERT", undefined])
      assert.deepStrictEqual(yield* meet(Fault.httpsToHttp()), ["ERR_SSL_WRONG_VERSION_NUMBER", undefined])
      assert.deepStrictEqual(yield* meet(Fault.httpToTls()), ["UND_ERR_SOCKET", undefined])
      assert.deepStrictEqual(yield* meet(Fault.resetBeforeHeaders()), ["ECONNRESET", undefined])
      assert.deepStrictEqual(yield* meet(Fault.closeBeforeHeaders()), ["UND_ERR_SOCKET", undefined])
      assert.deepStrictEqual(yield* meet(Fault.endAfter(2)), [undefined, ["a", " b"]])
      assert.deepStrictEqual(yield* meet(Fault.cutAfter(2)), ["UND_ERR_SOCKET", ["a", " b"]])
      const [reset, got] = yield* meet(Fault.resetAfter(2))
      assert.include(["ECONNRESET", "UND_ERR_SOCKET"], reset)
      assert.deepStrictEqual(got, ["a", " b"])
      assert.deepStrictEqual(yield* meet(Fault.errorLineAfter(1, "x")), [undefined, ["a", "x"]])
      assert.include(["ENETUNREACH", "EHOSTUNREACH"], (yield* meet(Fault.unroutable()))[0])
      assert.isUndefined((yield* meet(Fault.notHttp()))[1])
    })
  )

  it.scopedLive("swallows connection attempts", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make()
      const url = yield* server.stage(Fault.connectTimeout())
      const dispatcher = yield* Effect.acquireRelease(
        Effect.sync(() => new Undici.Agent({ connect: { timeout: 100 } })),
        (agent) => Effect.promise(() => agent.destroy())
      )
      const error = yield* Effect.flip(Effect.tryPromise(() => Undici.request(url, { dispatcher })))
      assert.strictEqual(codeOf(error), "UND_ERR_CONNECT_TIMEOUT")
    })
  )

  it.scopedLive("answers for what stands in between", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({
        faults: [
          Fault.serverBusy({ times: 1 }),
          Fault.rateLimited(7, { times: 1 }),
          Fault.forbidden({ times: 1 }),
          Fault.badGateway({ times: 1 }),
          Fault.captivePortal({ times: 1 }),
          Fault.emptyBody({ times: 1 })
        ]
      })
      const got: Array<unknown> = []
      for (let i = 0; i < 7; i++) {
        const response = yield* send(server.url, { body: body({ stream: false }) })
        const text = yield* textOf(response)
        got.push([response.status, response.headers.get("retry-after"), text.slice(0, 9)])
      }
      assert.deepStrictEqual(got, [
        [503, null, '{"error":'],
        [429, "7", '{"error":'],
        [403, null, ""],
        [502, null, "<html>\r\n<"],
        [200, null, "<!DOCTYPE"],
        [200, null, ""],
        [200, null, '{"model":']
      ])
    })
  )

  it.scopedLive("asks for credentials of a proxy", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ faults: [Fault.proxyAuth()] })
      const status = yield* Effect.tryPromise(
        async () => (await Undici.request(`${server.url}/api/chat`, { method: "POST", body: body() })).statusCode
      )
      assert.strictEqual(status, 407)
    })
  )

  it.scopedLive("writes single bytes", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "é ü 漢字", faults: [Fault.splitBytes(1)] })
      // fetch joins what arrives together; node:http gives each piece
      const pieces = yield* Effect.async<ReadonlyArray<Uint8Array>, Error>((resume) => {
        const got: Array<Uint8Array> = []
        const request = http.request(`${server.url}/api/chat`, { method: "POST" }, (response) => {
          response.on("data", (piece: Uint8Array) => got.push(piece))
          response.once("end", () => resume(Effect.succeed(got)))
        })
        request.once("error", (error) => resume(Effect.fail(error)))
        request.end(body())
      })
      const text = Buffer.concat(pieces).toString()
      assert.deepStrictEqual(contents(text), ["é", " ü", " 漢字", "done"])
      assert.deepStrictEqual([...new Set(pieces.map((piece) => piece.length))], [1])
    })
  )

  it.scopedLive("resets a kept-alive connection when it is used again", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ faults: [Fault.staleKeepAlive({ times: 1 })] })
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new http.Agent({ keepAlive: true, maxSockets: 1 })),
        (made) => Effect.sync(() => made.destroy())
      )
      const once = Effect.async<number, NodeJS.ErrnoException>((resume) => {
        const request = http.get(`${server.url}/api/version`, { agent }, (response) => {
          response.resume()
          response.once("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
        })
        request.once("error", (error) => resume(Effect.fail(error)))
      })
      assert.strictEqual(yield* once, 200)
      assert.strictEqual((yield* Effect.flip(once)).code, "ECONNRESET")
      assert.strictEqual(yield* once, 200)
    })
  )

  it.scopedLive("speaks TLS with a certificate that can be trusted", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ tls: true })
      const status = yield* Effect.async<number | undefined, Error>((resume) => {
        const request = https.get(
          `${server.url}/api/version`,
          { ca: OllamaSimulatorServer.certificate, agent: false },
          (response) => {
            response.resume()
            resume(Effect.succeed(response.statusCode))
          }
        )
        request.once("error", (error) => resume(Effect.fail(error)))
      })
      assert.strictEqual(status, 200)
      assert.match(server.url, /^https:/)
    })
  )

  it.scopedLive("resets a connection that speaks TLS", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ tls: true, faults: [Fault.resetBeforeHeaders()] })
      const error = yield* Effect.async<Error>((resume) => {
        const options = { ca: OllamaSimulatorServer.certificate, agent: false as const }
        https.get(server.url, options).once("error", (error) => resume(Effect.succeed(error)))
      })
      assert.strictEqual(codeOf(error), "ECONNRESET")
      assert.deepInclude(yield* server.ended(0), { how: "faulted", chunks: 0 })
    })
  )

  it.scopedLive("goes down, resetting what runs, and comes up on the same port with nothing loaded", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "a b", tokenTime: "1 hour" })
      const response = yield* send(server.url)
      yield* server.down
      const cut = yield* Effect.flip(textOf(response))
      assert.include(["ECONNRESET", "UND_ERR_SOCKET"], codeOf(cut))
      assert.strictEqual(codeOf(yield* Effect.flip(send(server.url))), "ECONNREFUSED")
      yield* server.ended(0)
      yield* server.up
      assert.deepStrictEqual(yield* server.loaded, [])
      assert.strictEqual((yield* send(server.url, { body: body({ messages: [] }) })).status, 200)
    })
  )

  it.scopedLive("is shut down and restarted by its controls, and counts what it cut off", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "a b", tokenTime: "1 hour" })
      const streaming = yield* send(server.url)
      const waiting = yield* Effect.fork(Effect.flip(send(server.url)))
      yield* server.arrived(1)
      yield* server.shutdown
      assert.include(["ECONNRESET", "UND_ERR_SOCKET"], codeOf(yield* Effect.flip(textOf(streaming))))
      assert.include(["ECONNRESET", "UND_ERR_SOCKET"], codeOf(yield* waiting))
      assert.strictEqual(codeOf(yield* Effect.flip(send(server.url))), "ECONNREFUSED")
      yield* server.ended(0)
      yield* server.ended(1)
      assert.deepInclude(yield* server.state, {
        isUp: false,
        ended: { completed: 0, left: 0, faulted: 0, crashed: 0, stopped: 2 },
        residents: []
      })
      yield* server.restart
      assert.strictEqual((yield* send(server.url, { body: body({ messages: [] }) })).status, 200)
      assert.isTrue((yield* server.state).isUp)
    })
  )

  it.scopedLive("writes the error line of a runner that crashes, and loads again", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ reply: "a b c", faults: [Fault.crash(2, { times: 1 })] })
      const { code, status, text } = yield* ask(server.url)
      assert.isUndefined(code)
      assert.deepStrictEqual(
        [status, contents(text)],
        [200, ["a", " b", "an error was encountered while running the model: unexpected EOF"]]
      )
      assert.deepStrictEqual(contents((yield* ask(server.url)).text), ["a", " b", " c", "done"])
      assert.deepInclude((yield* server.state).loads, { begun: 2, finished: 2 })
    })
  )

  it.live("stops listening with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(OllamaSimulatorServer.make(), scope)
      assert.strictEqual((yield* Effect.tryPromise(() => fetch(server.url))).status, 200)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(codeOf(yield* Effect.flip(Effect.tryPromise(() => fetch(server.url)))), "ECONNREFUSED")
    })
  )

  it.scopedLive("replays recordings", () =>
    Effect.gen(function* () {
      const exchange: Recorded.Exchange = {
        name: "made up",
        request: { method: "POST", path: "/api/chat", headers: {} },
        response: { status: 200, headers: { "content-type": "application/x-ndjson", "transfer-encoding": "chunked" } },
        error: { code: "ECONNRESET", message: "aborted" },
        headersAtMs: 1000,
        chunks: [
          { atMs: 1000, text: '{"message":{"content":"a"}}\n' },
          { atMs: 2000, text: '{"message":{"content":"b"}}\n' }
        ],
        endAtMs: 2500,
        server: "ollama v0.33.0"
      }
      const server = yield* OllamaSimulatorServer.recorded(exchange, { speed: 100 })
      const { code, status, text } = yield* ask(server.url)
      assert.deepStrictEqual([status, contents(text)], [200, ["a", "b"]])
      assert.include(["ECONNRESET", "UND_ERR_SOCKET"], code)
      assert.strictEqual((yield* server.asked).length, 1)
    })
  )
})

describe("the names that a server on loopback is called by", () => {
  const called = (url: string, host: string) =>
    Effect.async<number | undefined, Error>((resume) => {
      http
        .get(`${url}/api/version`, { headers: { host } }, (response) => {
          response.resume()
          resume(Effect.succeed(response.statusCode))
        })
        .on("error", (error) => resume(Effect.fail(error)))
    })

  it.scopedLive("its own, local ones and private addresses; others are forbidden", () =>
    Effect.gen(function* () {
      const { port, url } = yield* OllamaSimulatorServer.make()
      for (const host of [`localhost:${port}`, "127.0.0.1", "box.local", "10.1.2.3", "[::1]:11434", "172.20.0.1"]) {
        assert.strictEqual(yield* called(url, host), 200, host)
      }
      for (const host of ["ollama.example.com", "8.8.8.8", "172.32.0.1", "[2001:db8::1]:11434", "notlocalhost"]) {
        assert.strictEqual(yield* called(url, host), 403, host)
      }
    })
  )

  it.scopedLive("any, where it listens to the network", () =>
    Effect.gen(function* () {
      const { port } = yield* OllamaSimulatorServer.make({ host: "0.0.0.0" })
      assert.strictEqual(yield* called(`http://127.0.0.1:${port}`, "ollama.example.com"), 200)
    })
  )
})
