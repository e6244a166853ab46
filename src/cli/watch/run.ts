/** `effect-ollama watch`. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as ExitCodes from "../exitCodes.js"
import * as Failure from "../failure.js"
import * as Output from "../terminal/Output.js"
import * as Screen from "../terminal/Screen.js"
import * as Lines from "./lines.js"
import * as Probe from "./probe.js"
import * as Source from "./Source.js"
import { view } from "./view.js"

export interface Options {
  readonly host: ReadonlyArray<string>
  readonly policy: Option.Option<string>
  readonly probe: Option.Option<string>
  readonly every: string
  readonly demo: boolean
  readonly once: boolean
  readonly json: boolean
}

/** How often the screen is drawn between two looks: what this process knows by itself costs nothing. */
const frame = Duration.millis(500)

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

/** `2`, `2s`, `500ms`, `1m`. */
const intervalOf = (text: string): Effect.Effect<Duration.Duration, Failure.UsageError> => {
  const [, amount, unit = "s"] = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/.exec(text.trim()) ?? []
  const millis = Number(amount) * (units[unit] ?? 0)
  return millis >= 100
    ? Effect.succeed(Duration.millis(millis))
    : new Failure.UsageError({ message: `--every takes seconds, or a time such as 500ms or 1m, not ${text}` })
}

const remarkOf = ({ demo, probe }: Options): string => {
  if (demo) return "A demonstration: two simulated servers, and programs that ask them."
  return Option.match(probe, {
    onNone: () => "Calls of other processes cannot be seen from here; --probe model makes small ones to measure.",
    onSome: (model) => `Measured by one small call of ${model} from time to time, which keeps it in memory.`
  })
}

/** `--once`: what a script wants to know. A second look where the first one found nothing. */
const once = (source: Source.Source, options: Options) =>
  Effect.gen(function* () {
    yield* source.look
    const first = yield* source.snapshot
    if (first.hosts.some(({ status }) => status !== "healthy")) yield* source.look
    if (Option.isSome(options.probe)) yield* Probe.probe(source, options.probe.value)
    const snapshot = yield* source.snapshot
    yield* options.json
      ? Output.printJson(Lines.json(snapshot, 0))
      : Output.print(
          Lines.lines(snapshot)
            .map((line) => `${line}\n`)
            .join("")
        )
    if (snapshot.hosts.some(({ status }) => status === "unreachable" || status === "unknown")) {
      return yield* new Failure.Ended({ code: ExitCodes.down })
    }
  })

/** A line, or an object, at each interval. */
const plain = (source: Source.Source, options: Options, every: Duration.Duration) =>
  Effect.gen(function* () {
    let since = yield* Clock.currentTimeMillis
    const step = Effect.gen(function* () {
      yield* source.look
      const snapshot = yield* source.snapshot
      yield* options.json
        ? Output.printJson(Lines.json(snapshot, since))
        : Output.print(
            Lines.lines(snapshot)
              .map((line) => `${line}\n`)
              .join("")
          )
      since = snapshot.now
    })
    yield* Effect.repeat(step, Schedule.spaced(every))
  })

/** The screen, until `q`. */
const screen = (source: Source.Source, options: Options, every: Duration.Duration) =>
  Effect.gen(function* () {
    const { stdout } = yield* Output.Output
    const { draw, events } = yield* Screen.make(stdout)
    const remark = remarkOf(options)
    const show = Effect.flatMap(source.snapshot, (snapshot) =>
      draw(view(snapshot, remark, { columns: stdout.columns(), rows: stdout.rows() }))
    )
    const drawing = Effect.repeat(show, Schedule.spaced(Duration.min(frame, every)))
    const looking = Effect.repeat(Effect.zipRight(source.look, show), Schedule.spaced(every))
    const keys: Effect.Effect<void, Output.OutputClosed> = Effect.flatMap(Queue.take(events), (event) =>
      event === "q" ? Effect.void : Effect.zipRight(event === "resize" ? show : Effect.void, keys)
    )
    yield* Effect.raceAll([keys, drawing, looking])
  }).pipe(Effect.scoped)

export const run = (options: Options) =>
  Effect.gen(function* () {
    const every = yield* intervalOf(options.every)
    const servers = options.demo
      ? yield* Effect.flatMap(
          Effect.promise(() => import("./demo.js")),
          (demo) => demo.servers
        )
      : yield* Source.connect(options.host, options.policy)
    const source = yield* Source.make(servers)
    if (options.once) return yield* once(source, options)
    if (Option.isSome(options.probe)) {
      const probe = Probe.probe(source, options.probe.value)
      yield* Effect.forkScoped(Effect.repeat(probe, Schedule.spaced(every)))
    }
    const { stdout } = yield* Output.Output
    yield* stdout.isTerminal && !options.json ? screen(source, options, every) : plain(source, options, every)
  }).pipe(Effect.scoped)
