/** `effect-ollama models pull`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Model from "../../api/Model.js"
import * as OllamaClient from "../../OllamaClient.js"
import * as Columns from "../terminal/columns.js"
import * as Output from "../terminal/Output.js"
import * as Region from "../terminal/Region.js"
import * as Style from "../terminal/Style.js"
import * as Units from "../terminal/units.js"
import * as Progress from "./progress.js"

/** How often a terminal is drawn; the server tells of progress about as often. */
const interval = "100 millis"

type Show = (before: Progress.Progress, after: Progress.Progress) => Effect.Effect<void, Output.OutputClosed>

/** Bars that are drawn in place, and go on moving while the server says nothing. */
const bars = (current: () => Progress.Progress) =>
  Effect.gen(function* () {
    const { stderr } = yield* Output.Output
    const region = yield* Region.make(stderr)
    // the last column stays free: some terminals break the line there
    const draw = Effect.suspend(() => region.draw(Progress.render(current(), stderr.columns() - 1, stderr.rows() - 1)))
    yield* Effect.forkScoped(Effect.ignore(Effect.repeat(draw, Schedule.spaced(interval))))
    yield* Effect.addFinalizer(() => Effect.ignore(draw))
    const show: Show = (_, after) => (after.isDone ? draw : Effect.void)
    return show
  })

/** Lines for whoever reads them later. */
const lines: Effect.Effect<Show, never, Output.Output> = Effect.map(
  Output.Output,
  ({ stderr }): Show =>
    (before, after) =>
      stderr.write(
        Progress.news(before, after)
          .map((line) => `${line}\n`)
          .join("")
      )
)

const shown = (
  current: () => Progress.Progress
): Effect.Effect<Show, Output.OutputClosed, Output.Output | Scope.Scope> =>
  Effect.flatMap(Output.Output, ({ stderr }) => (stderr.isTerminal ? bars(current) : lines))

/** Pulls, and shows how far it is; gives the bytes of all layers. */
const watched = (request: Model.PullRequest) =>
  Effect.gen(function* () {
    let progress = Progress.make(yield* Clock.currentTimeMillis)
    const show = yield* shown(() => progress)
    yield* Stream.runForEach(OllamaClient.pull(request), (line) =>
      Effect.gen(function* () {
        const before = progress
        progress = Progress.add(progress, line, yield* Clock.currentTimeMillis)
        yield* show(before, progress)
      })
    )
    return Progress.total(progress)
  }).pipe(Effect.scoped)

export const pull = (request: Model.PullRequest, options: { readonly json: boolean }) =>
  Effect.gen(function* () {
    if (options.json) return yield* Stream.runForEach(OllamaClient.pull(request), Output.printJson)
    const startedAt = yield* Clock.currentTimeMillis
    const size = yield* watched(request)
    const took = (yield* Clock.currentTimeMillis) - startedAt
    const name = Columns.oneLine(request.model)
    yield* Output.note(
      Style.line(Style.span("✓", "green"), ` ${name} is there (${Units.bytes(size)}, ${Units.span(took)})`)
    )
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.ignore(Output.note(Style.line("Stopped. The same command goes on where this one was.")))
    )
  )
