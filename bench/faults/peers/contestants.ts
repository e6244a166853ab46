/** Other clients of Ollama, and how each one is asked; with their own defaults. */
import type { Ollama } from "ollama"

export interface Peer {
  readonly key: string
  readonly title: string
  /** What npm installs; the first one is imported. */
  readonly packages: readonly [name: string, version: string][]
  /** Ollama's own API, or the one it has for clients of OpenAI. */
  readonly api: "native" | "openai"
  /** Gives the text of an answer; `undefined` when what was given is no answer. */
  readonly open: (module: unknown, options: Options) => (stream: boolean) => Promise<string | undefined>
}

export interface Options {
  readonly url: string
  readonly model: string
  readonly messages: { readonly role: "user"; readonly content: string }[]
  /** Instead of Node's own, with other limits. */
  readonly fetch?: typeof fetch
}

/** A module with its one class that matters; what the packages promise and this bench relies on. */
interface OllamaModule {
  readonly Ollama: new (options: { host: string; fetch?: typeof fetch }) => Ollama
}

interface Message {
  readonly content: string
}

interface LangChainModule {
  readonly ChatOllama: new (options: { baseUrl: string; model: string; fetch?: typeof fetch }) => {
    readonly invoke: (messages: Options["messages"]) => Promise<Message>
    readonly stream: (messages: Options["messages"]) => Promise<AsyncIterable<Message>>
  }
}

interface Completion<Key extends "message" | "delta"> {
  readonly choices?: readonly { readonly [K in Key]?: { readonly content?: string } }[]
}

interface OpenAiModule {
  readonly default: new (options: { baseURL: string; apiKey: string; fetch?: typeof fetch }) => {
    readonly chat: {
      readonly completions: {
        readonly create: (
          request: Pick<Options, "model" | "messages"> & { readonly stream: boolean }
        ) => Promise<Completion<"message"> & AsyncIterable<Completion<"delta">>>
      }
    }
  }
}

const ownFetch = ({ fetch }: Options) => (fetch === undefined ? {} : { fetch })

const join = async <A>(parts: AsyncIterable<A>, textOf: (part: A) => string | undefined): Promise<string> => {
  let text = ""
  for await (const part of parts) text += textOf(part) ?? ""
  return text
}

const ollamaJs: Peer = {
  key: "ollama-js",
  title: "ollama-js 0.6.4",
  packages: [["ollama", "0.6.4"]],
  api: "native",
  open: (module, options) => {
    const { messages, model, url } = options
    const client = new (module as OllamaModule).Ollama({ host: url, ...ownFetch(options) })
    return async (stream) => {
      if (stream) {
        return join(await client.chat({ model, messages, stream: true }), ({ message }) => message.content)
      }
      const response: { message?: Message } = await client.chat({ model, messages, stream: false })
      return response.message?.content
    }
  }
}

const langChain: Peer = {
  key: "langchain",
  title: "@langchain/ollama 1.3.0",
  packages: [
    ["@langchain/ollama", "1.3.0"],
    ["@langchain/core", "1.4.0"]
  ],
  api: "native",
  open: (module, options) => {
    const { messages, model, url } = options
    const client = new (module as LangChainModule).ChatOllama({ baseUrl: url, model, ...ownFetch(options) })
    return async (stream) =>
      stream ? join(await client.stream(messages), ({ content }) => content) : (await client.invoke(messages)).content
  }
}

const openAi: Peer = {
  key: "openai",
  title: "openai 6.49.0 against /v1",
  packages: [["openai", "6.49.0"]],
  api: "openai",
  open: (module, options) => {
    const { messages, model, url } = options
    const client = new (module as OpenAiModule).default({
      baseURL: `${url}/v1`,
      apiKey: "ollama",
      ...ownFetch(options)
    })
    return async (stream) => {
      const completion = await client.chat.completions.create({ model, messages, stream })
      return stream
        ? join(completion, ({ choices }) => choices?.[0]?.delta?.content)
        : completion.choices?.[0]?.message?.content
    }
  }
}

export const peers: readonly Peer[] = [ollamaJs, openAi, langChain]
