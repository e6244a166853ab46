/** The floors: no client at all, only the transport, a split at line ends and JSON.parse. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Agent, request } from "undici"
import { type Contestant, messages, session } from "../contestant.js"

interface Line {
  readonly message: { readonly content: string }
}

/** Gives the lines of what it is fed. */
const splitter = () => {
  const decoder = new TextDecoder()
  let rest = ""
  return (bytes: Uint8Array): ReadonlyArray<Line> => {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n")
    rest = parts.pop()!
    return parts.filter((part) => part !== "").map((part) => JSON.parse(part) as Line)
  }
}

const counter = () => {
  let lines = 0
  let text = 0
  return {
    add: ({ message }: Line) => {
      text += message.content.length
      lines++
    },
    count: () => (text > 0 ? lines : 0)
  }
}

const lineReader = () => {
  const split = splitter()
  const counted = counter()
  return { feed: (bytes: Uint8Array) => split(bytes).forEach(counted.add), count: counted.count }
}

const headers = { "content-type": "application/json" }

export const viaFetch: Contestant = {
  name: "raw fetch, split, JSON.parse",
  open: async (host) =>
    session(async (model) => {
      const response = await fetch(`${host}/api/chat`, {
        method: "POST",
        headers,
        body: JSON.stringify({ model, messages, stream: true })
      })
      const reader = response.body!.getReader()
      const lines = lineReader()
      for (let read = await reader.read(); !read.done; read = await reader.read()) lines.feed(read.value)
      return lines.count()
    })
}

const ask = (host: string, dispatcher: Agent, model: string) =>
  request(`${host}/api/chat`, {
    dispatcher,
    method: "POST",
    headers,
    body: JSON.stringify({ model, messages, stream: true })
  })

export const viaUndici: Contestant = {
  name: "raw undici, split, JSON.parse",
  open: async (host) => {
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
    return session(
      async (model) => {
        const response = await ask(host, dispatcher, model)
        const lines = lineReader()
        return new Promise<number>((resolve, reject) => {
          response.body.on("data", lines.feed)
          response.body.on("end", () => resolve(lines.count()))
          response.body.on("error", reject)
        })
      },
      () => dispatcher.close()
    )
  }
}

/** The least that a Stream of Effect costs, whoever makes it. */
export const viaStream: Contestant = {
  name: "raw undici in a Stream, Stream.runForEach",
  open: async (host) => {
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
    const lines = (model: string) =>
      Stream.async<Line, unknown>((emit) => {
        const split = splitter()
        ask(host, dispatcher, model).then(
          ({ body }) => {
            body.on("data", (bytes: Uint8Array) => void emit.chunk(Chunk.unsafeFromArray(split(bytes))))
            body.on("end", () => void emit.end())
            body.on("error", (error) => void emit.fail(error))
          },
          (error) => void emit.fail(error)
        )
      })
    return {
      run: async (streams, model) => {
        const counted = counter()
        const one = Stream.runForEach(lines(model), (line) => Effect.sync(() => counted.add(line)))
        await Effect.runPromise(
          Effect.forEach(Array.from({ length: streams }), () => one, { concurrency: "unbounded", discard: true })
        )
        return counted.count()
      },
      close: () => dispatcher.close()
    }
  }
}
