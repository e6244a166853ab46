/** The spans that a program makes, kept as they are made. */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"

/** A span as it was when it ended. */
export interface Kept {
  readonly name: string
  readonly kind: string
  readonly parent: string | undefined
  readonly attributes: ReadonlyMap<string, unknown>
  readonly events: ReadonlyArray<readonly [name: string, millis: number]>
  /** Milliseconds on Clock; the end is absent while it goes on. */
  readonly from: number
  readonly to: number | undefined
  readonly status: "success" | "failure" | "interrupted" | undefined
  readonly span: Tracer.Span
}

const millis = (nanos: bigint): number => Number(nanos / 1_000_000n)

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

const statusOf = (exit: Exit.Exit<unknown, unknown>): Kept["status"] =>
  Exit.isSuccess(exit) ? "success" : Exit.isInterrupted(exit) ? "interrupted" : "failure"

/** A tracer of one's own, and what it has made so far. */
export const tracer = () => {
  const made: Array<Tracer.Span & { readonly events: Array<[name: string, start: bigint, attributes: object]> }> = []
  const own = Tracer.make({
    context: (...args) => native.context(...args),
    span: (...args) => {
      const span = native.span(...args)
      const events: Array<[name: string, start: bigint, attributes: object]> = []
      span.event = (name, start, attributes) => void events.push([name, start, attributes ?? {}])
      made.push(Object.assign(span, { events }))
      return span
    }
  })
  const spans = (): ReadonlyArray<Kept> =>
    made.map((span) => ({
      name: span.name,
      kind: span.kind,
      parent: span.parent._tag === "Some" && span.parent.value._tag === "Span" ? span.parent.value.name : undefined,
      attributes: span.attributes,
      events: span.events.map(([name, start]) => [name, millis(start)]),
      from: millis(span.status.startTime),
      to: span.status._tag === "Ended" ? millis(span.status.endTime) : undefined,
      status: span.status._tag === "Ended" ? statusOf(span.status.exit) : undefined,
      span
    }))
  return { tracer: own, spans }
}

/** Runs a program, and gives its spans with what became of it, in the order in which they began. */
export const traced = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const own = tracer()
    return Effect.map(Effect.exit(Effect.withTracer(program, own.tracer)), (exit) => ({ exit, spans: own.spans() }))
  })
