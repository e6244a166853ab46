/** A whole terminal that is drawn over and over: the one before is back when the Scope closes, however it closes. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Output from "./Output.js"
import * as Style from "./Style.js"

export interface Screen {
  /** Shows these lines from the top, as many as there is room for. Only lines that have changed are written. */
  readonly draw: (lines: ReadonlyArray<Style.Line>) => Effect.Effect<void, Output.OutputClosed>
  /** What was pressed: `q`, or `resize` when the window has another size. */
  readonly events: Queue.Dequeue<string>
}

const enter = "\u001b[?1049h\u001b[?25l\u001b[H\u001b[2J"
const leave = "\u001b[?25h\u001b[?1049l"
// terminals that know these show a frame at once, the others pass over them
const begin = "\u001b[?2026h"
const end = "\u001b[?2026l"

const ctrlC = "\u0003"
const ctrlZ = "\u001a"
const escape = "\u001b"

/** Ctrl-C, Escape and `q` are all `q`; what a key sends in several characters is one key. */
const keyOf = (data: string): string => (data === ctrlC || data === escape || data === "Q" ? "q" : data)

/** Reads keys where stdin is a terminal. Ctrl-Z stops the process, as it should. */
const listen = (events: Queue.Enqueue<string>, suspend: () => void): (() => void) => {
  const { stdin } = process
  if (!stdin.isTTY) return () => {}
  const onData = (data: Buffer | string) => {
    const key = String(data)
    if (key === ctrlZ) suspend()
    else events.unsafeOffer(keyOf(key))
  }
  stdin.setRawMode(true)
  stdin.on("data", onData)
  stdin.resume()
  return () => {
    stdin.off("data", onData)
    stdin.pause()
    stdin.setRawMode(false)
  }
}

export const make = (sink: Output.Sink): Effect.Effect<Screen, Output.OutputClosed, Scope.Scope> =>
  Effect.gen(function* () {
    const events = yield* Queue.sliding<string>(16)
    let shown: ReadonlyArray<string> = []
    const { stdin, stdout } = process

    /** Everything is drawn again: the window has another size, or others have written to it. */
    const refresh = () => {
      shown = []
      events.unsafeOffer("resize")
    }
    const suspend = () => {
      stdin.setRawMode(false)
      stdout.write(leave)
      process.once("SIGCONT", () => {
        stdin.setRawMode(true)
        stdout.write(enter)
        refresh()
      })
      process.kill(process.pid, "SIGTSTP")
    }

    yield* Effect.acquireRelease(sink.write(enter), () => Effect.ignore(sink.write(leave)))
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const stop = listen(events, suspend)
        stdout.on("resize", refresh)
        return () => {
          stop()
          stdout.off("resize", refresh)
        }
      }),
      (stop) => Effect.sync(stop)
    )

    const draw = (lines: ReadonlyArray<Style.Line>) =>
      Effect.suspend(() => {
        const next = lines
          .slice(0, sink.rows())
          .map((line) => Style.render(Style.truncate(line, sink.columns()), sink.isColoured))
        const changed = next.flatMap((text, row) =>
          text === shown[row] ? [] : [`\u001b[${row + 1};1H${text}\u001b[K`]
        )
        const rest = next.length < shown.length || shown.length === 0 ? [`\u001b[${next.length + 1};1H\u001b[J`] : []
        // below the last row there is nothing to erase
        const erased = next.length >= sink.rows() ? [] : rest
        shown = next
        return changed.length + erased.length === 0
          ? Effect.void
          : sink.write([begin, ...changed, ...erased, end].join(""))
      })
    return { draw, events }
  })
