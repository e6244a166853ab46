/**
 * A client as a process of its own: configured by its environment, told by lines what to call, it says what becomes of
 * each call.
 */
import { OllamaClient, OllamaError } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Cause, Config, Duration, Effect, Exit, Option, Schema, Stream } from "effect"
import { closeSync, openSync } from "node:fs"
import * as Net from "node:net"
import { createInterface } from "node:readline"
import type { CallJob, ClientLine, Outcome } from "./protocol.js"
import { say } from "./say.js"

const lines = createInterface(process.stdin)[Symbol.asyncIterator]()

const tell = (line: ClientLine): void => say(line)

const encode = Schema.encodeSync(OllamaError.OllamaError)

const ask = ({ characters, model, operation }: CallJob, onChunk: (nth: number) => void) =>
  Effect.gen(function* () {
    const request = { model, messages: [{ role: "user" as const, content: "x".repeat(characters) }] }
    if (operation === "chat") return (yield* OllamaClient.chat(request)).message.content
    let text = ""
    let nth = 0
    yield* Stream.runForEach(OllamaClient.chatStream(request), ({ message }) =>
      Effect.sync(() => {
        text += message.content
        onChunk(++nth)
      })
    )
    return text
  })

const outcomeOf = (exit: Exit.Exit<string, unknown>): Outcome =>
  Exit.match(exit, {
    onSuccess: (text) => ({ _tag: "Success", text }),
    onFailure: (cause) => {
      const failure = Option.getOrUndefined(Cause.failureOption(cause))
      return OllamaError.isOllamaError(failure)
        ? { _tag: "Failure", failure: encode(failure), message: failure.message }
        : { _tag: "Defect", words: Cause.pretty(cause) }
    }
  })

/** Opens files until there is no number left for one more; a file is one number, and so is a connection. */
const exhaust = (): (() => void) => {
  const files: Array<number> = []
  try {
    for (;;) files.push(openSync("/dev/null", "r"))
  } catch {
    return () => files.forEach((file) => closeSync(file))
  }
}

const connect = ({ address, connections, port }: NonNullable<CallJob["others"]>) =>
  Effect.forEach(Array.from({ length: connections }), () =>
    Effect.async<void>((resume) => {
      Net.connect(port, address, () => resume(Effect.void))
    })
  )

const run = (job: CallJob) =>
  Effect.gen(function* () {
    for (let nth = 0; nth < job.before; nth++) yield* ask(job, () => undefined)
    tell({ _tag: "Before" })
    yield* Effect.promise(() => lines.next())
    if (job.others !== undefined) yield* connect(job.others)
    const release = job.isExhausted ? exhaust() : () => undefined
    yield* Effect.addFinalizer(() => Effect.sync(release))
    const [elapsed, exit] = yield* ask(job, (nth) => tell({ _tag: "Chunk", nth })).pipe(Effect.exit, Effect.timed)
    return { outcome: outcomeOf(exit), millis: Math.round(Duration.toMillis(elapsed)) }
  }).pipe(Effect.scoped)

for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  const job = JSON.parse(line.value) as CallJob
  const layer = OllamaNode.layerConfig(job.ca === undefined ? {} : { ca: Config.succeed(job.ca) })
  const exit = await Effect.runPromiseExit(Effect.provide(run(job), layer))
  tell(
    Exit.match(exit, {
      onSuccess: (end) => ({ _tag: "End", ...end }),
      onFailure: (cause) => ({ _tag: "End", outcome: outcomeOf(Exit.failCause(cause)), millis: 0 })
    })
  )
}
// a look-up that hangs in the resolver would hold the process
process.kill(process.pid, "SIGKILL")
