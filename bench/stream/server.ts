/**
 * The server of the benchmark, in a process of its own: it answers `POST /api/chat` by the name of the model.
 *
 * - `bench-bulk-LINES`: all lines at once, in writes of about 64 KiB
 * - `bench-paced-LINES-MS`: one line per write, MS apart, each flushed on its own as Ollama does
 *
 * A line looks like a chunk of a real chat (about 130 bytes). Lines are framed beforehand, so that the server costs little.
 */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

const words = [
  " the",
  " quick",
  " brown",
  " fox",
  " jumps",
  " over",
  " a",
  " lazy",
  " dog",
  ".",
  " Streams",
  " of",
  " tokens",
  " are",
  " what",
  " we",
  " count"
]

const line = (model: string, i: number) =>
  `{"model":"${model}","created_at":"2026-11-22T10:00:${String(i % 60).padStart(2, "0")}.123456789Z","message":{"role":"assistant","content":"${words[i % words.length]}"},"done":false}\n`

const last = (model: string, lines: number) =>
  `{"model":"${model}","created_at":"2026-11-22T10:01:00.5Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":1000000000,"load_duration":10000000,"prompt_eval_count":26,"prompt_eval_duration":100000000,"eval_count":${lines},"eval_duration":890000000}\n`

const frame = (text: string) => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)

/** Frames of one model: the first 64 lines repeat. */
const frames = new Map<string, ReadonlyArray<Buffer>>()
const framesOf = (model: string) => {
  const known = frames.get(model)
  if (known !== undefined) return known
  const made = Array.from({ length: 64 }, (_, i) => frame(line(model, i)))
  frames.set(model, made)
  return made
}

let opened = 0
let open = 0

const bulk = (res: Http.ServerResponse, model: string, lines: number) => {
  const blocks: Array<string> = []
  let block = ""
  for (let i = 0; i < lines - 1; i++) {
    block += line(model, i)
    if (block.length > 65_536) {
      blocks.push(block)
      block = ""
    }
  }
  blocks.push(block + last(model, lines))
  let i = 0
  const next = () => {
    while (i < blocks.length) if (!res.write(blocks[i++])) return void res.once("drain", next)
    res.end()
  }
  next()
}

const paced = (res: Http.ServerResponse, model: string, lines: number, every: number, order: number) => {
  const socket = res.socket!
  const all = framesOf(model)
  let i = 0
  const send = () => {
    if (socket.destroyed) return clearInterval(timer)
    // the first line carries the headers, the rest goes out as framed beforehand
    if (i === 0) res.write(line(model, 0))
    else if (i < lines - 1) socket.write(all[i % 64]!)
    else {
      clearInterval(timer)
      res.end(last(model, lines))
    }
    i++
  }
  let timer: NodeJS.Timeout
  setTimeout(
    () => {
      timer = setInterval(send, every)
      send()
    },
    (order * 617) % every
  )
}

const server = Http.createServer((req, res) => {
  req.socket.setNoDelay(true)
  let body = ""
  req.on("data", (chunk) => (body += chunk))
  req.on("end", () => {
    if (req.url === "/stats") return void res.end(JSON.stringify({ opened, open }))
    if (req.url === "/api/version") return void res.end(`{"version":"0.33.0"}`)
    if (req.url === "/api/ps") {
      res.setHeader("content-type", "application/json; charset=utf-8")
      const models = process.argv.slice(2).map((name) => ({
        name: `${name}:latest`,
        model: `${name}:latest`,
        size: 1,
        digest: "0",
        details: {},
        expires_at: "2030-01-01T00:00:00Z",
        size_vram: 1
      }))
      return void res.end(JSON.stringify({ models }))
    }
    const model = (JSON.parse(body) as { model: string }).model
    const [, kind, lines, every] = model.split("-")
    const order = opened++
    open++
    res.on("close", () => open--)
    res.writeHead(200, { "content-type": "application/x-ndjson" })
    if (kind === "bulk") bulk(res, model, Number(lines))
    else paced(res, model, Number(lines), Number(every), order)
  })
})
server.keepAliveTimeout = 60_000
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
process.on("disconnect", () => process.exit(0))
