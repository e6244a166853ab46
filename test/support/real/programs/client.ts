/**
 * A client as a process of its own: configured by its environment, told by lines what to call, it says what becomes of
 * each call.
 */
import { CallRecord, Doctor, OllamaClient, OllamaError } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Cause, Deferred, Duration, Effect, Exit, Layer, Option, Schema, Stream } from "effect"
import { closeSync, openSync } from "node:fs"
import * as Net from "node:net"
import { createInterface } from "node:readline"
import type { CallJob, ClientLine, Outcome } from "./protocol.js"
import { say } from "./say.js"

const lines = createInterface(process.stdin)[Symbol.asyncIterator]()

const tell = (line: ClientLine): void => say(line)

const encode = Schema.encodeSync(OllamaError.OllamaError)
const encodeRecord = Schema.encodeSync(CallRecord.CallRecord)
const encodeReport = Schema.encodeSync(Doctor.Report)

/** From the environment, as a program is that reads all it needs from there. */
const configured = ({ ca }: CallJob) =>
  Effect.map(OllamaNode.config, (options) => (ca === undefined ? options : { ...options, ca }))

const ask = (
  { characters, model, operation }: CallJob,
  onChunk: (nth: number) => void,
  options: OllamaClient.CallOptions
) =>
  Effect.gen(function* () {
    const request = { model, messages: [{ role: "user" as const, content: "x".repeat(characters) }] }
    if (operation === "chat") return (yield* OllamaClient.chat(request, options)).message.content
    let text = ""
    let nth = 0
    yield* Stream.runForEach(OllamaClient.chatStream(request, options), ({ message }) =>
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
    const records: Array<CallRecord.CallRecord> = []
    const ended = yield* Deferred.make<CallRecord.CallRecord>()
    const asked = (onChunk: (nth: number) => void, onRecord: OllamaClient.CallOptions["onRecord"]) =>
      ask(job, onChunk, { onRecord })
    for (let nth = 0; nth < job.before; nth++) {
      yield* asked(
        () => undefined,
        (record) => Effect.sync(() => records.push(record))
      )
    }
    tell({ _tag: "Before" })
    yield* Effect.promise(() => lines.next())
    if (job.others !== undefined) yield* connect(job.others)
    const release = job.isExhausted ? exhaust() : () => undefined
    const [elapsed, exit] = yield* asked(
      (nth) => tell({ _tag: "Chunk", nth }),
      (record) => Deferred.succeed(ended, record)
    ).pipe(Effect.exit, Effect.timed)
    const record = yield* Deferred.await(ended)
    release()
    const failure = Exit.match(exit, { onSuccess: () => undefined, onFailure: Cause.squash })
    const report = yield* OllamaNode.doctor({
      ...(yield* configured(job)),
      model: job.model,
      records: [...records, record],
      failure: OllamaError.isOllamaError(failure) ? failure : undefined
    })
    return {
      outcome: outcomeOf(exit),
      millis: Math.round(Duration.toMillis(elapsed)),
      record: encodeRecord(record),
      report: encodeReport(report)
    }
  })

for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  const job = JSON.parse(line.value) as CallJob
  const layer = Layer.unwrapEffect(Effect.map(configured(job), OllamaNode.layer))
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
