/** The floors: no client at all, only the transport, a split at line ends and JSON.parse. */
import { Agent, request } from "undici"
import { type Contestant, messages, session } from "../contestant.js"

interface Line {
  readonly message: { readonly content: string }
}

const lineReader = () => {
  const decoder = new TextDecoder()
  let rest = ""
  let lines = 0
  let text = 0
  return {
    feed: (bytes: Uint8Array) => {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n")
      rest = parts.pop()!
      for (const part of parts) {
        if (part === "") continue
        text += (JSON.parse(part) as Line).message.content.length
        lines++
      }
    },
    count: () => (text > 0 ? lines : 0)
  }
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

export const viaUndici: Contestant = {
  name: "raw undici, split, JSON.parse",
  open: async (host) => {
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
    return session(
      async (model) => {
        const response = await request(`${host}/api/chat`, {
          dispatcher,
          method: "POST",
          headers,
          body: JSON.stringify({ model, messages, stream: true })
        })
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
