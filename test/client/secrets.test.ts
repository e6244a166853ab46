/**
 * No credential and no prompt in anything that is printed: planted everywhere, and said back by the server, by a proxy,
 * and by the transport.
 */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { type OllamaClient, OllamaError, Policy } from "effect-ollama"
import { within } from "../support/clock.js"
import { end, errorLine, model, problem, type Reply, stream, token } from "../support/replies.js"
import { make } from "../support/server.js"

const key = "sk-key-5f2a9c"
const password = "hunter2/pass word"
const headerSecret = "header-secret-77"
const plainHeader = "plain-cookie-value-88"
const prompt = "The patient Jane Roe, born 1970, has a rash on her left arm. What is it?"
const system = "You are the assistant of Dr. Quincy."
const said = "It may be eczema, dear Jane"

/** Nothing of these may be seen. */
const planted = [
  key,
  password,
  "hunter2",
  encodeURIComponent(password),
  headerSecret,
  plainHeader,
  "Jane Roe",
  "rash on her",
  "Dr. Quincy",
  "eczema"
]

const request = {
  model,
  messages: [
    { role: "system", content: system },
    { role: "user", content: prompt }
  ]
}

const basic = Buffer.from(`admin:${password}`, "utf8").toString("base64")
const own = `admin:${encodeURIComponent(password)}`

/** Everything that a server could say back. */
const echo =
  `bad request by ${key} (Bearer ${key}), cookie ${plainHeader}, x-token=${headerSecret}, Authorization: Basic ${basic}, ` +
  `http://${own}@gpu-box:11434/ user admin with ${password}; you asked: ${prompt} as ${system} ` +
  `${JSON.stringify(request)} and at last ${JSON.stringify(JSON.stringify(request))}`

const longEcho = `${"x ".repeat(20)}${prompt} `.repeat(40) + key

const reply = (status: number, body: string, type = "application/json"): Reply => ({
  status,
  headers: { "content-type": type },
  body: [body]
})

const noisy = problem("ECONNRESET", `request to http://${own}@gpu-box:11434/api/chat with ${key} and ${prompt} failed`)
noisy.cause = Object.assign(new Error(`inner: Bearer ${key}`), { code: "EINNER", headers: { authorization: key } })

const replies: Readonly<Record<string, Reply>> = {
  "an error text": reply(500, JSON.stringify({ error: echo })),
  "JSON inside an error text": reply(
    400,
    JSON.stringify({ error: JSON.stringify({ error: { code: 400, message: echo } }) })
  ),
  "a plain text": reply(503, echo, "text/plain"),
  "a page": reply(502, `<html><head><title>${echo}</title></head></html>`, "text/html"),
  "a title of 403": reply(403, `<html><title>${echo}</title></html>`, "text/html"),
  "a missing model": reply(404, JSON.stringify({ error: `model '${prompt}' not found` })),
  unauthorized: reply(401, JSON.stringify({ error: `unauthorized: ${echo}` })),
  "a long text, cut anywhere": reply(500, JSON.stringify({ error: longEcho })),
  "an error line": stream(token(said), errorLine(echo)),
  "an error line first": stream(errorLine(echo)),
  "a line that is not JSON": stream(token(said), `${echo}\n`),
  "a line of another shape": stream(
    token(said),
    `${JSON.stringify({ prompt, key, message: { role: key, content: 5 } })}\n`
  ),
  "a body that breaks off": stream(token(said), JSON.stringify({ said, key }).slice(0, -1)),
  "a broken connection": { ...reply(0, ""), broken: noisy },
  "a connection that breaks later": stream(token(said), { broken: noisy }),
  "a redirect": {
    status: 302,
    headers: { location: `http://${own}@other/?q=${encodeURIComponent(prompt)}&k=${key}` },
    body: []
  }
}

const options: OllamaClient.Options = {
  host: `http://${own}@gpu-box`,
  apiKey: Redacted.make(key),
  headers: { "x-token": Redacted.make(headerSecret), cookie: plainHeader },
  policy: Policy.make({ retry: { attempts: 2, baseDelay: 1, jitter: "none" } })
}

type Call = (client: OllamaClient.Service) => Effect.Effect<unknown, OllamaError.OllamaError>

const calls: ReadonlyArray<readonly [string, Call]> = [
  ["chat", (client) => client.chat(request)],
  ["chatStream", (client) => Stream.runDrain(client.chatStream(request))],
  ["generate", (client) => client.generate({ model, prompt, system })],
  ["embed", (client) => client.embed({ model, input: [system, prompt] })],
  ["chatObject", (client) => client.chatObject({ ...request, schema: Schema.Struct({ a: Schema.Number }) })]
]

/** Runs a call and gives everything that a program could print of it. */
const printed = (call: Call, answer: Reply, change: OllamaClient.Options = {}) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const server = make({ "/api/chat": answer, "/api/generate": answer, "/api/embed": answer, "/api/ps": answer })
    const client = yield* server.connect({ ...options, ...change })
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.map(Logger.jsonLogger, (line) => void lines.push(line))
    )
    // what an exporter of spans would write: names, attributes, events, and how the span ended
    const exported: Array<string> = []
    const tracer = Tracer.make({
      span: (name, parent, context, links, startTime, kind) => {
        const attributes = new Map<string, unknown>()
        return {
          _tag: "Span",
          spanId: "1",
          traceId: "1",
          sampled: true,
          name,
          parent,
          context,
          links,
          kind,
          attributes,
          status: { _tag: "Started", startTime },
          attribute: (attribute, value) => void attributes.set(attribute, value),
          event: (event, _, extra) => void exported.push(inspect([event, extra], { depth: 20 })),
          addLinks: () => undefined,
          end: (_, exit) => {
            const errors = Exit.isFailure(exit) ? Cause.prettyErrors(exit.cause) : []
            exported.push(
              inspect([name, attributes, errors.map(({ message, stack }) => [message, stack])], { depth: 20 })
            )
          }
        }
      },
      context: (run) => run()
    })
    const exit = yield* call(client).pipe(
      Effect.tapErrorCause((cause) => Effect.logError("the call failed", cause)),
      Effect.tapError((error) => Effect.logWarning(error)),
      Effect.withSpan("call"),
      Effect.provide(logger),
      Effect.withTracer(tracer),
      Effect.exit,
      (run) => within(run, "1 minute")
    )
    if (Exit.isSuccess(exit)) return assert.fail("succeeded, where it had to fail")
    const error = Cause.squash(exit.cause)
    assert.isTrue(OllamaError.isOllamaError(error), String(error))
    assert.isNotEmpty(lines)
    assert.isNotEmpty(exported)
    return [
      String(error),
      JSON.stringify(error),
      inspect(error, { depth: 20 }),
      inspect(exit, { depth: 20 }),
      inspect(client, { depth: 20, showHidden: true }),
      Cause.pretty(exit.cause, { renderErrorCause: true }),
      ...lines,
      ...exported
    ]
  })

describe("nothing that is printed holds a credential, a prompt or an answer", () => {
  for (const [title, answer] of Object.entries(replies)) {
    it.scoped(title, () =>
      Effect.gen(function* () {
        for (const [name, call] of calls) {
          const texts = yield* printed(call, answer)
          for (const text of texts) {
            for (const secret of planted) assert.notInclude(text, secret, `${name}: ${secret}`)
            assert.notInclude(text, basic)
          }
        }
      })
    )
  }

  it.scoped("with traces that are carried along, and spans of calls and attempts", () =>
    Effect.gen(function* () {
      for (const answer of Object.values(replies)) {
        const texts = yield* printed((client) => client.chat(request), answer, { propagateTrace: true })
        assert.isTrue(texts.some((text) => text.includes("POST /api/chat")))
        for (const text of texts) for (const secret of [...planted, basic]) assert.notInclude(text, secret)
      }
    })
  )

  it.scoped("what is no secret is kept: the server's own words", () =>
    Effect.gen(function* () {
      const texts = yield* printed(
        (client) => client.chat(request),
        reply(500, JSON.stringify({ error: `no space left on ${key}` }))
      )
      assert.include(texts[0] ?? "", "no space left on [redacted]")
    })
  )

  it.scoped("a text that does not fit a schema", () =>
    Effect.gen(function* () {
      const texts = yield* printed(
        (client) => client.chatObject({ ...request, schema: Schema.Struct({ a: Schema.Number }) }),
        stream(token(JSON.stringify({ a: said })), end())
      )
      assert.include(texts[0] ?? "", "MalformedOutput")
      for (const text of texts) assert.notInclude(text, "eczema")
    })
  )

  it.scoped("a credential that a limit of length would cut in two", () =>
    Effect.gen(function* () {
      const words = `${prompt} `.repeat(60)
      for (let at = 1980; at <= 2001; at++) {
        const answer = reply(500, JSON.stringify({ error: words.slice(0, at) + key + words }))
        const texts = yield* printed((client) => client.chat(request), answer)
        for (const text of texts) assert.notInclude(text, key.slice(0, 5))
      }
    })
  )

  it.scoped("a prompt of a megabyte takes no noticeable time to look for", () =>
    Effect.gen(function* () {
      const content = Array.from({ length: 40_000 }, (_, i) => `line ${i} of a long text`).join("\n")
      const error = `${"the server says something of its own ".repeat(50)} and ${content.slice(500_000, 500_100)}`
      const server = make({ "/api/chat": reply(500, JSON.stringify({ error })) })
      const client = yield* server.connect(options)
      const failed = yield* Effect.flip(client.chat({ model, messages: [{ role: "user", content }] }))
      assert.include(failed.detail ?? "", "something of its own")
    })
  )
})
