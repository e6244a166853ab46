/**
 * The servers that programs on all platforms call, in this process: the simulator, sockets that break, and a desk that
 * tells what they saw and takes the results of a page.
 */
import * as Http from "node:http"
import * as Net from "node:net"
import { Deferred, Effect, Exit, Option, Runtime, Schedule, Scope } from "effect"
import { Fault } from "effect-ollama/testing"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import type { Config, Outcome } from "./config.js"

const words = Array.from({ length: 5_000 }, (_, i) => `word${i} `)

const faults: ReadonlyArray<Fault.Served> = [
  Fault.serverBusy({ model: "busy" }),
  Fault.serverBusy({ model: "busy-twice", times: 2 }),
  Fault.rateLimited(1, { model: "limited" }),
  Fault.error("load.outOfMemory", { model: "too-large" }),
  Fault.captivePortal({ model: "portal", probes: false }),
  Fault.blackHole({ model: "silent", probes: false }),
  Fault.stallAfter(2, { model: "stalls" }),
  Fault.endAfter(2, { model: "ends" })
]

const simulated = (origins: ReadonlyArray<string>): OllamaSimulatorServer.Options => ({
  models: [
    "llama3.2",
    "all-minilm",
    "busy",
    "busy-twice",
    "limited",
    "too-large",
    "portal",
    "silent",
    "stalls",
    "ends",
    { name: "thoughtful", promptTime: "1 hour" },
    { name: "endless", reply: words, tokenTime: "5 millis" }
  ],
  registry: ["tinyllama"],
  origins,
  faults
})

const listen = (server: Net.Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Net.Socket>()
    server.on("connection", (socket: Net.Socket) => {
      sockets.add(socket)
      socket.on("error", () => socket.destroy())
      socket.on("close", () => sockets.delete(socket))
    })
    yield* Effect.async<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    })
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
    )
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })

const tcp = (serve: (socket: Net.Socket) => void) =>
  Effect.map(listen(Net.createServer(serve)), (port) => `http://127.0.0.1:${port}`)

const atFirstByte = (act: (socket: Net.Socket) => void) => tcp((socket) => socket.once("data", () => act(socket)))

const cors = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "*"
}

/** One answer for each chat: a token at once, and the next one when somebody has asked for it. */
const gate = Effect.gen(function* () {
  let more: () => void = () => undefined
  let cut: () => void = () => undefined
  const line = (content: string, done: boolean) =>
    `${JSON.stringify({ model: "gate", created_at: "2026-01-01T00:00:00Z", message: { role: "assistant", content }, done, ...(done ? { done_reason: "stop" } : {}) })}\n`
  const server = Http.createServer((request, response) => {
    if (request.method === "OPTIONS") return void response.writeHead(204, cors).end()
    if (request.url !== "/api/chat") {
      return void response.writeHead(200, { ...cors, "content-type": "application/json" }).end('{"models":[]}')
    }
    let sent = 0
    request.resume()
    response.writeHead(200, { ...cors, "content-type": "application/x-ndjson" })
    more = () => {
      sent++
      if (sent <= 5) response.write(line(`${sent}`, false))
      else response.end(line("", true))
    }
    cut = () => request.socket.resetAndDestroy()
    more()
  })
  const port = yield* listen(server)
  return { url: `http://127.0.0.1:${port}`, more: () => more(), cut: () => cut() }
})

const html = (script: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>effect-ollama</title></head><body><script type="module" src="${script}"></script></body></html>`

export interface Servers {
  readonly config: Omit<Config, "runtime" | "transport">
  readonly deskPort: number
  /** The results of a page, once it has all. */
  readonly report: () => Promise<ReadonlyArray<Outcome>>
  /** Those that it has handed in. */
  readonly soFar: () => ReadonlyArray<Outcome>
  readonly stop: () => Promise<void>
}

const make = (script: string | undefined) =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<never>()
    const run = <A>(effect: Effect.Effect<A>) => Runtime.runPromise(runtime)(effect)
    const gated = yield* gate
    const reported = yield* Deferred.make<ReadonlyArray<Outcome>>()
    let handedIn: ReadonlyArray<Outcome> = []
    const desk = Http.createServer()
    const deskPort = yield* listen(desk)
    const simulator = yield* OllamaSimulatorServer.make(
      simulated([`http://allowed.example:${deskPort}`, `http://public.example:${deskPort}`])
    )

    const seen = (model: string) =>
      Effect.map(simulator.requests, (requests) =>
        requests.filter(({ json, method }) => {
          const body = Option.liftPredicate(
            (u: unknown): u is { readonly model: unknown } => typeof u === "object" && u !== null && "model" in u
          )(json)
          return method === "POST" && Option.exists(body, (found) => found.model === model)
        })
      )
    /** The last request for a model, as soon as there is one. */
    const last = (model: string): Effect.Effect<number> =>
      seen(model).pipe(
        Effect.flatMap((requests) => Effect.fromNullable(requests.at(-1)?.index)),
        Effect.retry(Schedule.spaced("10 millis")),
        Effect.orDie
      )
    const answer = (url: URL): Effect.Effect<unknown> => {
      const model = url.searchParams.get("model") ?? ""
      switch (url.pathname) {
        case "/left":
          return Effect.flatMap(last(model), (index) => simulator.ended(index))
        case "/answering":
          // after the load, which goes on when its caller leaves
          return Effect.as(
            Effect.repeat(simulator.state, {
              until: ({ residents }) =>
                residents.some(({ answering, name }) => answering > 0 && name.startsWith(model)),
              schedule: Schedule.spaced("10 millis")
            }),
            {}
          )
        case "/count":
          return Effect.map(seen(model), (requests) => ({ count: requests.length }))
        case "/headers":
          return Effect.map(simulator.requests, (requests) => [
            ...new Set(
              requests.filter(({ method }) => method !== "OPTIONS").flatMap(({ headers }) => Object.keys(headers))
            )
          ])
        case "/cut":
          return Effect.sync(() => {
            gated.cut()
            return {}
          })
        case "/more":
          return Effect.sync(() => {
            gated.more()
            return {}
          })
        default:
          return Effect.succeed({})
      }
    }
    desk.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      const url = new URL(request.url ?? "/", "http://desk")
      if (request.method === "OPTIONS") return void response.writeHead(204, cors).end()
      if (url.pathname === "/page")
        return void response.writeHead(200, { "content-type": "text/html" }).end(html("/program.js"))
      if (url.pathname === "/program.js") {
        return void response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(script)
      }
      if (url.pathname === "/report") {
        const parts: Array<Buffer> = []
        request.on("data", (part: Buffer) => parts.push(part))
        request.on("end", () => {
          const outcomes: ReadonlyArray<Outcome> = JSON.parse(Buffer.concat(parts).toString())
          response.writeHead(204, cors).end()
          handedIn = outcomes
          if (url.searchParams.has("all")) Deferred.unsafeDone(reported, Exit.succeed(outcomes))
        })
        return
      }
      run(answer(url)).then(
        (value) => response.writeHead(200, { ...cors, "content-type": "application/json" }).end(JSON.stringify(value)),
        (error: unknown) => response.writeHead(500, cors).end(String(error))
      )
    })
    const secure = yield* OllamaSimulatorServer.make({ tls: true })
    return {
      config: {
        simulator: simulator.url,
        secure: secure.url,
        gate: gated.url,
        desk: `http://127.0.0.1:${deskPort}`,
        closed: yield* simulator.stage(Fault.refused()),
        resets: yield* atFirstByte((socket) => socket.resetAndDestroy()),
        closes: yield* atFirstByte((socket) => socket.end()),
        strange: yield* atFirstByte((socket) => socket.end("220 this is not HTTP\r\n"))
      },
      deskPort,
      report: () => run(Deferred.await(reported)),
      soFar: () => handedIn
    }
  })

/** @param script what a page runs */
export const start = async (script?: string): Promise<Servers> => {
  const scope = await Effect.runPromise(Scope.make())
  const servers = await Effect.runPromise(Scope.extend(make(script), scope))
  return { ...servers, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
