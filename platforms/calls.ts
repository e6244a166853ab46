/** The calls of the core over sockets, on whatever platform. */
import { Effect, Fiber, Schema, Stream } from "effect"
import { Chat, OllamaClient, type OllamaError } from "effect-ollama"
import { type Case, fails, same } from "./check.js"
import type { Config } from "./config.js"

/** A client of an address, over the transport that is tried. */
export type Connect = (
  options: OllamaClient.Options
) => <A, E>(call: Effect.Effect<A, E, OllamaClient.OllamaClient>) => Effect.Effect<A, E | OllamaError.InvalidRequest>

export const request = (model: string) => ({ model, messages: [{ role: "user" as const, content: "Hello" }] })

/** What the simulator says. */
const answer = "This is the effect-ollama simulator, not a language model: it answers every prompt with this sentence."

const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

/** Asks the desk. */
export const ask = (config: Config, path: string): Effect.Effect<Readonly<Record<string, unknown>>> =>
  Effect.promise(async () => {
    const response = await fetch(`${config.desk}${path}`)
    const value: Readonly<Record<string, unknown>> = await response.json()
    return value
  })

const streamed = (model: string, options?: OllamaClient.CallOptions) =>
  Effect.map(OllamaClient.OllamaClient, (client) => client.chatStream(request(model), options))

const quick = { policy: { retry: { attempts: 3, baseDelay: "1 millis", maxDelay: "5 millis" } } } as const
const once = { policy: { retry: { attempts: 1 } } } as const
const limited = (timeouts: Readonly<Record<string, string>>) => ({ policy: { ...once.policy, timeouts } })

/** What works. */
const working = (config: Config, connect: Connect): ReadonlyArray<Case> => {
  const here = connect({ host: config.simulator })
  return [
    {
      name: "version, list, running, show",
      run: here(
        Effect.gen(function* () {
          const { models } = yield* OllamaClient.list()
          yield* same(
            "llama3.2 is listed",
            models.some(({ name }) => name === "llama3.2:latest"),
            true
          )
          yield* OllamaClient.running()
          yield* OllamaClient.show({ model: "llama3.2" })
          yield* same("version", (yield* OllamaClient.version()).version, "0.33.0-simulator")
        })
      )
    },
    {
      name: "chat",
      run: here(
        Effect.gen(function* () {
          const { done, message } = yield* OllamaClient.chat(request("llama3.2"))
          yield* same("answer", message.content, answer)
          yield* same("done", done, true)
        })
      )
    },
    {
      name: "chatStream, token by token",
      run: connect({ host: config.gate })(
        Effect.gen(function* () {
          // the server sends the next token only when this one has come out of the stream
          const contents: Array<string> = []
          yield* Stream.runForEach(yield* streamed("gate", once), ({ message }) => {
            contents.push(message.content)
            return ask(config, "/more")
          })
          yield* same("tokens", contents, ["1", "2", "3", "4", "5", ""])
        })
      )
    },
    {
      name: "collect and text",
      run: here(
        Effect.gen(function* () {
          const text = Chat.text(yield* streamed("llama3.2"))
          yield* same("text", yield* Stream.runFold(text, "", (all, part) => all + part), answer)
          yield* same("collected", (yield* Chat.collect(yield* streamed("llama3.2"))).message.content, answer)
        })
      )
    },
    {
      name: "generate, embed, load, unload",
      run: here(
        Effect.gen(function* () {
          yield* same("answer", (yield* OllamaClient.generate({ model: "llama3.2", prompt: "Hi" })).response, answer)
          const { embeddings } = yield* OllamaClient.embed({ model: "all-minilm", input: ["a", "b"] })
          yield* same("vectors", embeddings.length, 2)
          yield* OllamaClient.load({ model: "llama3.2" })
          yield* OllamaClient.unload({ model: "llama3.2" })
        })
      )
    },
    {
      name: "ensureModel, pull, copy, remove",
      run: here(
        Effect.gen(function* () {
          yield* OllamaClient.ensureModel("tinyllama")
          const client = yield* OllamaClient.OllamaClient
          const progress = yield* Stream.runCollect(client.pull({ model: "tinyllama" }))
          yield* same("last line", [...progress].at(-1)?.status, "success")
          yield* OllamaClient.copy({ source: "tinyllama", destination: "mine" })
          yield* OllamaClient.remove({ model: "mine" })
          yield* fails(
            OllamaClient.show({ model: "mine" }).pipe(Effect.provideService(OllamaClient.OllamaClient, client)),
            {
              _tag: "ModelNotFound",
              status: 404
            }
          )
        })
      )
    },
    {
      name: "blobs",
      run: here(
        Effect.gen(function* () {
          yield* same("not there", yield* OllamaClient.hasBlob(digest), false)
          yield* OllamaClient.uploadBlob({ digest, content: new TextEncoder().encode("hello") })
          yield* same("there", yield* OllamaClient.hasBlob(digest), true)
        })
      )
    },
    {
      name: "chatObject",
      run: here(
        Effect.gen(function* () {
          const schema = Schema.Struct({ name: Schema.String, age: Schema.Int })
          const { value } = yield* OllamaClient.chatObject({ ...request("llama3.2"), schema })
          yield* same("fields", Object.keys(value).sort(), ["age", "name"])
        })
      )
    },
    {
      name: "credentials",
      run: connect({ host: config.simulator.replace("http://", "http://user:password@") })(
        Effect.asVoid(OllamaClient.list())
      )
    }
  ]
}

/** What the server notices. */
const leaving = (config: Config, connect: Connect): ReadonlyArray<Case> => {
  const here = connect({ host: config.simulator })
  return [
    {
      name: "leaving a stream",
      run: here(
        Effect.gen(function* () {
          const taken = yield* Stream.runCollect(Stream.take(yield* streamed("endless"), 3))
          yield* same("chunks", taken.length, 3)
          yield* same("the server saw it", (yield* ask(config, "/left?model=endless"))["how"], "left")
        })
      )
    },
    {
      name: "interrupting a call that waits",
      run: here(
        Effect.gen(function* () {
          const call = yield* Effect.fork(OllamaClient.chat(request("thoughtful")))
          yield* ask(config, "/answering?model=thoughtful")
          yield* Fiber.interrupt(call)
          yield* same("the server saw it", (yield* ask(config, "/left?model=thoughtful"))["how"], "left")
        })
      )
    }
  ]
}

/** What the server answers, and when. */
const refusals = (config: Config, connect: Connect): ReadonlyArray<Case> => {
  const here = connect({ host: config.simulator })
  const failing = (
    name: string,
    model: string,
    options: OllamaClient.CallOptions,
    expected: Readonly<Record<string, unknown>>,
    partial?: string
  ): Case => ({
    name,
    run: Effect.flatMap(fails(here(OllamaClient.chat(request(model), options)), expected), (error) =>
      same("partial", error.partial?.text, partial)
    )
  })
  return [
    failing("no answer in time", "silent", limited({ load: "300 millis", firstToken: "300 millis" }), {
      _tag: "Timeout"
    }),
    failing("a gap", "stalls", limited({ gap: "300 millis" }), { _tag: "Timeout", phase: "gap" }, "This is"),
    {
      name: "the total time",
      run: Effect.asVoid(
        fails(here(OllamaClient.chat(request("endless"), limited({ total: "400 millis" }))), {
          _tag: "Timeout",
          phase: "total"
        })
      )
    },
    {
      name: "a connection that breaks",
      run: connect({ host: config.gate })(
        Effect.gen(function* () {
          // reset when the first token has come out of the stream
          const stream = Stream.tap(yield* streamed("gate", once), () => ask(config, "/cut"))
          const error = yield* fails(Stream.runDrain(stream), { _tag: "StreamInterrupted", phase: "gap" })
          yield* same("partial", error.partial?.text, "1")
        })
      )
    },
    failing("an answer without its end", "ends", once, { _tag: "StreamInterrupted" }, "This is"),
    failing("a queue that is full", "busy", quick, { _tag: "Overloaded", by: "server", status: 503 }),
    failing("too many requests", "limited", once, { _tag: "Overloaded", status: 429 }),
    failing("memory", "too-large", quick, { _tag: "LoadFailed", outOfMemory: true }),
    failing("a model that is not there", "nobody", quick, { _tag: "ModelNotFound", status: 404 }),
    {
      name: "a bad option",
      run: fails(here(OllamaClient.chat({ ...request("llama3.2"), options: { temperature: "hot" as never } }, quick)), {
        _tag: "InvalidRequest",
        issue: "option"
      })
    },
    {
      name: "retries",
      run: here(
        Effect.gen(function* () {
          yield* same("answer", (yield* OllamaClient.chat(request("busy-twice"), quick)).message.content, answer)
        })
      )
    }
  ]
}

export const cases = (config: Config, connect: Connect): ReadonlyArray<Case> => [
  ...working(config, connect),
  ...leaving(config, connect),
  ...refusals(config, connect)
]
