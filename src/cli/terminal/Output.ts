/** Where the command writes: stdout for results, stderr for everything else; what each of them can show. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Tty from "node:tty"
import * as Style from "./Style.js"

/** Nobody reads what is written, as after `| head`. The command ends, quietly. */
export class OutputClosed extends Data.TaggedError("OutputClosed") {}

/** One of the two streams. */
export interface Sink {
  readonly isTerminal: boolean
  readonly isColoured: boolean
  /** Now; a window may change. Infinite where nobody looks at columns: a pipe or a file gets everything. */
  readonly columns: () => number
  readonly rows: () => number
  /** Waits until the text has left the process. */
  readonly write: (text: string) => Effect.Effect<void, OutputClosed>
}

export interface Service {
  readonly stdout: Sink
  readonly stderr: Sink
}

export class Output extends Context.Tag("effect-ollama/cli/Output")<Output, Service>() {}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Whether a stream is written with colours. FORCE_COLOR wins over NO_COLOR, as in Node itself; an empty variable counts
 * as absent.
 */
export const isColoured = (isTerminal: boolean, env: Environment): boolean => {
  const force = env["FORCE_COLOR"]
  if (force !== undefined && force !== "") return force !== "0" && force !== "false"
  return !env["NO_COLOR"] && isTerminal && env["TERM"] !== "dumb"
}

/** COLUMNS is for tests and for `watch`-like programs that hand a width on; a terminal knows better. */
const columnsOf = (stream: Tty.WriteStream, env: Environment): number => {
  if (stream.isTTY && stream.columns > 0) return stream.columns
  const given = Number(env["COLUMNS"])
  return Number.isSafeInteger(given) && given > 0 ? given : stream.isTTY ? 80 : Number.POSITIVE_INFINITY
}

const sink = (stream: Tty.WriteStream, env: Environment): Sink => ({
  isTerminal: stream.isTTY,
  isColoured: isColoured(stream.isTTY, env),
  columns: () => columnsOf(stream, env),
  rows: () => (stream.isTTY && stream.rows > 0 ? stream.rows : 24),
  write: (text) =>
    text === ""
      ? Effect.void
      : Effect.async<void, OutputClosed>((resume) => {
          stream.write(text, (error) => resume(error ? new OutputClosed() : Effect.void))
        })
})

/** The streams of the process. */
export const layer: Layer.Layer<Output> = Layer.sync(Output, () => {
  // a write that fails calls back; without a listener the stream would throw as well
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  return { stdout: sink(process.stdout, process.env), stderr: sink(process.stderr, process.env) }
})

/** A result, on stdout. */
export const print = (text: string): Effect.Effect<void, OutputClosed, Output> =>
  Effect.flatMap(Output, ({ stdout }) => stdout.write(text))

/** A result in lines, styled where stdout is coloured. */
export const printLines = (lines: ReadonlyArray<Style.Line>): Effect.Effect<void, OutputClosed, Output> =>
  Effect.flatMap(Output, ({ stdout }) => stdout.write(Style.renderAll(lines, stdout.isColoured)))

/** One value as one line of JSON, on stdout. */
export const printJson = (value: unknown): Effect.Effect<void, OutputClosed, Output> =>
  print(`${JSON.stringify(value)}\n`)

/** A remark for people, on stderr. */
export const note = (...lines: ReadonlyArray<Style.Line>): Effect.Effect<void, OutputClosed, Output> =>
  Effect.flatMap(Output, ({ stderr }) => stderr.write(Style.renderAll(lines, stderr.isColoured)))
