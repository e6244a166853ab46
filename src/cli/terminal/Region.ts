/** Lines at the end of a terminal that are written over, as a progress that is shown in place. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Output from "./Output.js"
import * as Style from "./Style.js"

export interface Region {
  /** Puts these lines in the place of the ones before. They must not be wider than the terminal. */
  readonly draw: (lines: ReadonlyArray<Style.Line>) => Effect.Effect<void, Output.OutputClosed>
}

const hideCursor = "\u001b[?25l"
const showCursor = "\u001b[?25h"

/** The lines stay when the Scope closes, and the cursor is back then. */
export const make = (sink: Output.Sink): Effect.Effect<Region, Output.OutputClosed, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.acquireRelease(sink.write(hideCursor), () => Effect.ignore(sink.write(showCursor)))
    let drawn = 0
    return {
      draw: (lines) =>
        Effect.suspend(() => {
          const up = drawn > 0 ? `\u001b[${drawn}A` : ""
          drawn = lines.length
          const text = lines.map((line) => `${Style.render(line, sink.isColoured)}\u001b[K\n`).join("")
          return sink.write(`${up}\r${text}\u001b[J`)
        })
    }
  })
