/** One call of another client, in a process of its own: the job is the first argument, the result goes through IPC. */
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Undici } from "@effect/platform-node"
import { peers } from "./contestants.js"

export interface Job {
  readonly peer: string
  /** Where its packages are. */
  readonly folder: string
  readonly url: string
  readonly stream: boolean
  /** Milliseconds until the verdict that nothing came. */
  readonly patience: number
  /** The transport's limit until headers, instead of its own 300 s; milliseconds. */
  readonly headersTimeout?: number
  /** Another call goes before, so that its connection is used again. */
  readonly isSecondCall: boolean
}

/** What was thrown, as far as a caller can look at it. */
export interface Thrown {
  /** Of its class. */
  readonly name: string
  readonly message: string
  /** A field of its own with the HTTP status. */
  readonly status?: number
  /** Codes and statuses further down its causes. */
  readonly codes: readonly string[]
}

export type Outcome =
  | { readonly _tag: "Text"; readonly text: string | undefined }
  | { readonly _tag: "Thrown"; readonly thrown: Thrown }
  | { readonly _tag: "Hang" }

export interface Result {
  readonly outcome: Outcome
  readonly millis: number
}

const job = JSON.parse(process.argv[2]!) as Job
const peer = peers.find(({ key }) => key === job.peer)!

const shortHeaders = async (headersTimeout: number): Promise<typeof fetch> => {
  const { Undici } = await import("@effect/platform-node")
  const dispatcher = new Undici.Agent({ headersTimeout })
  const short = (input: string, init?: RequestInit) =>
    Undici.fetch(input, { ...(init as Undici.RequestInit), dispatcher })
  return short as never
}

const sleep = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

const statusKeys = ["status_code", "statusCode", "status"] as const

const statusOf = (error: object): number | undefined => {
  const fields: { readonly [K in (typeof statusKeys)[number]]?: unknown } = error
  return statusKeys.map((key) => fields[key]).find((value) => typeof value === "number")
}

const codesBelow = (error: unknown): string[] => {
  if (typeof error !== "object" || error === null) return []
  const { cause, code } = error as { cause?: unknown; code?: unknown }
  const status = statusOf(error)
  return [
    ...(typeof code === "string" ? [code] : []),
    ...(status === undefined ? [] : [`#${status}`]),
    ...codesBelow(cause)
  ]
}

const describe = (error: unknown): Thrown => {
  if (typeof error !== "object" || error === null) return { name: typeof error, message: String(error), codes: [] }
  const { cause, code, message } = error as { cause?: unknown; code?: unknown; message?: unknown }
  const status = statusOf(error)
  return {
    name: error.constructor.name,
    message: String(message),
    ...(status === undefined ? {} : { status }),
    codes: [...(typeof code === "string" ? [code] : []), ...codesBelow(cause)]
  }
}

const require = createRequire(join(job.folder, "package.json"))
const module: unknown = await import(pathToFileURL(require.resolve(peer.packages[0]![0])).href)
const ask = peer.open(module, {
  url: job.url,
  model: "llama3.2",
  messages: [{ role: "user", content: "Hello" }],
  ...(job.headersTimeout === undefined ? {} : { fetch: await shortHeaders(job.headersTimeout) })
})

if (job.isSecondCall) {
  await ask(job.stream)
  await sleep(200)
}
const started = performance.now()
const outcome = await Promise.race<Outcome>([
  ask(job.stream).then(
    (text) => ({ _tag: "Text", text }),
    (error: unknown) => ({ _tag: "Thrown", thrown: describe(error) })
  ),
  sleep(job.patience).then(() => ({ _tag: "Hang" }))
])
const result: Result = { outcome, millis: performance.now() - started }
process.send!(result, () => process.exit(0))
