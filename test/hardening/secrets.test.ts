/**
 * Every failure there is, with secrets planted wherever a program can put one and a server that says all of them back wherever
 * it can: in texts, names, addresses, reasons and keys. Then everything that comes out is searched.
 */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { CallRecord, Metrics, OllamaClient, OllamaError, Policy } from "effect-ollama"
import { within } from "../support/clock.js"
import { end, json, loaded, problem, type Reply, silent, stream, token } from "../support/replies.js"
import { make } from "../support/server.js"

const model = "llama3.2"

/** In headers and addresses. */
const credentials = {
  key: 'sk-9f3"quoted\\key/7c21',
  header: "hdr-51ca+value=88",
  cookie: "sid=cookie-4410ae",
  user: "operator-61",
  password: "pa55/w%rd é?#72"
}

/** What the caller says. */
const words = {
  prompt: "Mrs. Abernathy of 14 Elm Street asks whether her dose of lithium is too high.",
  system: "You advise the clinic of Doctor Featherstonehaugh.",
  argument: "the account number is DE89370400440532013000"
}

/** What the model says. */
const answers = {
  said: "Abernathy ought to halve her dosage at once",
  thought: "lithium toxicity seems plausible to me"
}

const userinfo = `${credentials.user}:${encodeURIComponent(credentials.password)}`
const basic = Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")

const forms = (secret: string): ReadonlyArray<string> => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1)
]

/** Nothing of these may be in anything that comes out. */
const unspeakable: ReadonlyArray<string> = [
  ...[credentials.key, credentials.header, credentials.cookie, credentials.password].flatMap(forms),
  basic,
  "Abernathy",
  "lithium",
  "Featherstonehaugh",
  "DE8937040044"
]

const everything = [
  ...Object.values(credentials).flatMap(forms),
  userinfo,
  `Bearer ${credentials.key}`,
  `Basic ${basic}`,
  ...Object.values(words)
].join(" | ")

/** The same when the answer has begun, which nobody could know before. */
const withAnswer = `${everything} | ${answers.said} | ${answers.thought}`

const request = {
  model,
  messages: [
    { role: "system", content: words.system },
    { role: "user", content: words.prompt },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ function: { name: "lookup", arguments: { q: words.argument } } }]
    },
    { role: "tool", content: "no such account", tool_name: "lookup" }
  ]
}

const failing = (status: number, error: string, extra: object = {}): Reply => json({ error, ...extra }, status)

/** A line in which every field that may hold a text holds all of them. */
const poisoned = (done: boolean): string =>
  `${JSON.stringify({
    model: everything,
    created_at: everything,
    message: { role: everything, content: answers.said, thinking: answers.thought, [everything]: everything },
    remote_model: everything,
    remote_host: `https://${userinfo}@${credentials.key}`,
    done,
    ...(done ? { done_reason: everything } : {})
  })}\n`

const noisy = Object.assign(problem(`E${credentials.key}`, everything), { name: everything })

interface Scene {
  readonly tag: OllamaError.OllamaError["_tag"]
  readonly name: string
  readonly reply: Reply
  readonly policy?: Policy.Patch
  /** How many calls, of which the last is looked at. */
  readonly times?: number
  readonly isObject?: boolean
}

const scenes: ReadonlyArray<Scene> = [
  { tag: "Timeout", name: "a silent server", reply: silent, policy: { timeouts: { load: 100, firstToken: 100 } } },
  {
    tag: "Timeout",
    name: "silence after a chunk",
    reply: stream(poisoned(false), { wait: "1 hour" }),
    policy: { timeouts: { gap: 100 } }
  },
  {
    tag: "Unreachable",
    name: "a code, a name and a message of a transport",
    reply: { ...silent, delay: 0, broken: noisy }
  },
  {
    tag: "Unreachable",
    name: "a gateway's page",
    reply: { ...json({}, 502), headers: { "content-type": "text/html" }, body: [`<html><title>${everything}</title>`] }
  },
  {
    tag: "Overloaded",
    name: "a text and a wish",
    reply: json({ error: everything }, 503, { "retry-after": everything })
  },
  { tag: "Blocked", name: "a refusal", reply: failing(403, everything) },
  {
    tag: "CircuitOpen",
    name: "the failures that opened a breaker",
    reply: failing(500, `llama runner process has terminated: ${everything}`),
    times: 12
  },
  {
    tag: "Unauthorized",
    name: "an address to sign in at",
    reply: failing(401, everything, {
      signin_url: `https://${userinfo}@x/?k=${encodeURIComponent(credentials.key)}&p=${encodeURIComponent(words.prompt)}`
    })
  },
  { tag: "ModelNotFound", name: "a name that is missing", reply: failing(404, `model '${everything}' not found`) },
  {
    tag: "InvalidRequest",
    name: "an option",
    reply: failing(500, `option "${credentials.header}" must be of type integer`)
  },
  {
    tag: "InvalidRequest",
    name: "a field of a struct",
    reply: failing(
      400,
      `json: cannot unmarshal string into Go struct field ChatRequest.DE89370400440532013000 of type int`
    )
  },
  { tag: "LoadFailed", name: "a load", reply: failing(500, `error loading model ${everything}`) },
  {
    tag: "ServerError",
    name: "JSON in a text",
    reply: failing(500, JSON.stringify({ error: { message: everything, type: everything } }))
  },
  {
    tag: "ServerError",
    name: "an error line after chunks",
    reply: stream(poisoned(false), `${JSON.stringify({ error: withAnswer, [withAnswer]: 1 })}\n`)
  },
  { tag: "StreamInterrupted", name: "an end too early", reply: stream(poisoned(false)) },
  { tag: "ProtocolError", name: "a line that is no JSON", reply: stream(poisoned(false), `${withAnswer}\n`) },
  {
    tag: "ProtocolError",
    name: "a line of another shape, by its keys",
    reply: stream(`${JSON.stringify({ model, message: { [everything]: { [credentials.key]: 1 } } })}\n`)
  },
  {
    tag: "ProtocolError",
    name: "bytes that are no text",
    reply: stream(Buffer.concat([Buffer.from([0xff]), Buffer.from(`${everything}\n`)]))
  },
  {
    tag: "MalformedOutput",
    name: "an answer of other keys",
    reply: stream(
      token(JSON.stringify({ [answers.said]: { a: answers.thought }, a: [answers.said] })),
      end({ done_reason: everything })
    ),
    isObject: true
  }
]

/** Logs as text and as JSON, spans with all they are given, and how they end. */
const listening = () => {
  const heard: Array<string> = []
  const keep = (text: string): void => void heard.push(text)
  const logger = Logger.make((options) => {
    keep(Logger.stringLogger.log(options))
    keep(inspect(Logger.structuredLogger.log(options), { depth: 20 }))
  })
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      keep(name)
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
        attributes: new Map(),
        status: { _tag: "Started", startTime },
        attribute: (key, value) => keep(inspect([key, value], { depth: 20 })),
        event: (key, _, extra) => keep(inspect([key, extra], { depth: 20 })),
        addLinks: () => undefined,
        end: (_, exit) => keep(inspect(exit, { depth: 20 }))
      }
    },
    context: (run) => run()
  })
  return { heard, keep, logger, tracer }
}

const encodeFailure = Schema.encodeSync(OllamaError.OllamaError)
const encodeRecord = Schema.encodeSync(CallRecord.CallRecord)

/** Without the answer itself, which is for the program. */
const written = (error: OllamaError.OllamaError): string => {
  const { partial: _, ...rest }: Record<string, unknown> = { ...encodeFailure(error) }
  delete rest["text"]
  return JSON.stringify(rest)
}

const search = (what: string, texts: ReadonlyArray<string>, allowed: ReadonlyArray<string> = []): void => {
  assert.isNotEmpty(texts, what)
  for (const text of texts) {
    for (const secret of unspeakable) {
      if (!allowed.includes(secret))
        assert.isFalse(text.includes(secret), `${secret} in ${what}: ${text.slice(0, 1500)}`)
    }
  }
}

/** What a bad line is quoted with may be the model's words; credentials and the prompt never are. */
const ofAnswer = ["Abernathy", "lithium"]

const run = (scene: Scene) =>
  Effect.gen(function* () {
    const { heard, keep, logger, tracer } = listening()
    const server = make({
      "/api/chat": scene.reply,
      "/api/version": json({ version: everything }),
      "/api/ps": json({ models: [loaded()] })
    })
    const client = yield* server.connect({
      host: `http://${userinfo}@gpu-box`,
      headers: { "x-key": Redacted.make(credentials.header), cookie: credentials.cookie, "x-api-key": credentials.key },
      policy: Policy.make({
        retry: { attempts: 2, baseDelay: 1, jitter: "none" },
        slow: { load: 50, firstToken: 50, gap: 50 }
      })
    })
    const events: Array<string> = []
    yield* client.listen((event) => {
      events.push(inspect(event, { depth: 20 }), JSON.stringify(event))
      if (event._tag === "Ended")
        events.push(JSON.stringify(encodeRecord(event.record)), inspect(event.record, { depth: 20 }))
    })
    yield* Effect.provideService(Metrics.collect, OllamaClient.OllamaClient, client)
    const options: OllamaClient.CallOptions = {
      policy: scene.policy ?? {},
      onRecord: (record) => Effect.log("ended", record)
    }
    const call: Effect.Effect<unknown, OllamaError.OllamaError> = scene.isObject
      ? client.chatObject({ ...request, schema: Schema.Record({ key: Schema.String, value: Schema.Number }) }, options)
      : Stream.runDrain(client.chatStream(request, options))
    const told = call.pipe(
      Effect.tapErrorCause((cause) => Effect.logError("failed", cause)),
      Effect.tapError((error) => Effect.logWarning(error.message, error)),
      Effect.withSpan("program")
    )
    const exits = yield* Effect.replicateEffect(Effect.exit(told), scene.times ?? 1).pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All),
      Effect.withTracer(tracer),
      (all) => within(all, "10 minutes")
    )
    const exit = exits.at(-1)
    if (exit === undefined || Exit.isSuccess(exit)) return assert.fail("succeeded, where it had to fail")
    const error = Option.getOrThrow(Cause.failureOption(exit.cause))
    assert.strictEqual(error._tag, scene.tag, error.message)
    keep(Cause.pretty(exit.cause, { renderErrorCause: true }))
    search("logs and spans", heard)
    search("events and records", events)
    search("the failure", [
      String(error),
      JSON.stringify(error),
      inspect(error, { depth: 20 }),
      inspect(error.cause),
      error.stack ?? ""
    ])
    search("the failure as it is sent elsewhere", [written(error)], ofAnswer)
    search("metrics", [yield* Metrics.prometheus])
    search("the state of the client", [inspect(yield* client.state, { depth: 20 })])
    search("the client", [inspect(client, { depth: 20, showHidden: true })])
  })

describe("no secret comes out", () => {
  for (const scene of scenes) it.scoped(`${scene.tag}: ${scene.name}`, () => run(scene))

  it("of any failure there is", () => {
    const tags = OllamaError.OllamaError.members.map((member) => member._tag)
    assert.sameMembers([...new Set(scenes.map(({ tag }) => tag))], tags)
  })

  it.scoped("of an answer that is good, though all its fields say them", () =>
    Effect.gen(function* () {
      const { heard, logger, tracer } = listening()
      const server = make({ "/api/chat": stream(poisoned(false), poisoned(true)) })
      const client = yield* server.connect({ apiKey: Redacted.make(credentials.key) })
      yield* client.listen((event) => heard.push(inspect(event, { depth: 20 })))
      yield* Effect.provideService(Metrics.collect, OllamaClient.OllamaClient, client)
      yield* client
        .chat(request, { onRecord: (record) => Effect.log(record) })
        .pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Effect.withTracer(tracer), (all) =>
          within(all)
        )
      heard.push(yield* Metrics.prometheus)
      search("what was told", heard)
    })
  )
})
