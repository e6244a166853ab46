/** A line on a terminal that says what is waited for, and is gone when there is something to show. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Output from "./Output.js"
import * as Style from "./Style.js"

/** What comes at once needs no word. */
const patience = "500 millis"
const interval = "200 millis"

const erase = "\r\u001b[K"

/**
 * Writes the line on stderr, again and again with the milliseconds since the beginning, where that is a terminal. Gives
 * what removes it; the end of the Scope does so too.
 */
export const make = <R>(
  describe: (elapsed: number) => Effect.Effect<string, never, R>
): Effect.Effect<Effect.Effect<void>, never, R | Output.Output | Scope.Scope> =>
  Effect.gen(function* () {
    const { stderr } = yield* Output.Output
    if (!stderr.isTerminal) return Effect.void
    const startedAt = yield* Clock.currentTimeMillis
    let isShown = false
    const show = Effect.gen(function* () {
      const text = yield* describe((yield* Clock.currentTimeMillis) - startedAt)
      const line = Style.truncate(Style.line(Style.span(text, "dim")), stderr.columns() - 1)
      isShown = true
      yield* stderr.write(erase + Style.render(line, stderr.isColoured))
    })
    const fiber = yield* Effect.sleep(patience).pipe(
      Effect.zipRight(Effect.forever(Effect.zipRight(show, Effect.sleep(interval)))),
      // whoever closed the terminal will be noticed by the next write of the answer
      Effect.ignore,
      Effect.forkScoped
    )
    const remove = Fiber.interrupt(fiber).pipe(
      Effect.zipRight(Effect.suspend(() => (isShown ? stderr.write(erase) : Effect.void))),
      Effect.ensuring(Effect.sync(() => (isShown = false))),
      Effect.ignore
    )
    yield* Effect.addFinalizer(() => remove)
    return remove
  })
