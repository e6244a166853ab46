/**
 * A client as a process of its own: configured by its environment, told by lines what to call, it says what becomes of
 * each call.
 */
import { OllamaClient, OllamaError } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Cause, Config, Duration, Effect, Exit, Option, Schema, Stream } from "effect"
import { createInterface } from "node:readline"
import type { CallJob, ClientLine, Outcome } from "./protocol.js"
import { say } from "./say.js"

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

const run = (job: CallJob) =>
  Effect.gen(function* () {
    for (let nth = 0; nth < job.before; nth++) yield* ask(job, () => undefined)
    const [elapsed, exit] = yield* ask(job, (nth) => tell({ _tag: "Chunk", nth })).pipe(Effect.exit, Effect.timed)
    return { outcome: outcomeOf(exit), millis: Math.round(Duration.toMillis(elapsed)) }
  })

for await (const line of createInterface(process.stdin)) {
  const job = JSON.parse(line) as CallJob
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
