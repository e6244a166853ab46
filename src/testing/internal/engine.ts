/** The simulated server: one engine on Effect's Clock, for the form in memory and the form on sockets. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Fault from "./faultModel.js"
import type { Exchange, Server } from "./exchange.js"
import * as faults from "./faults.js"
import * as json from "./json.js"
import * as log from "./log.js"
import * as models from "./models.js"
import * as router from "./router.js"
import * as scheduler from "./scheduler.js"
import type { Controls, Handler, Options, WireAnswer, WireRequest } from "./types.js"
import * as values from "./values.js"

export interface Engine {
  readonly handle: Handler
  readonly inject: (faults: ReadonlyArray<Fault.Fault>) => Effect.Effect<void>
  /** Takes all models out of memory. */
  readonly forget: Effect.Effect<void>
  readonly controls: Controls
}

const demandOf = (model: models.Installed): scheduler.Demand => ({
  model,
  key: values.reloadKey({}),
  contextLength: model.contextLength,
  keepAlive: undefined
})

const byName = (list: ReadonlyArray<models.Installed>): Map<string, models.Installed> =>
  new Map(list.map((model) => [model.name.toLowerCase(), model]))

const start = (options: Options): Effect.Effect<Server> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const installed = (options.models ?? models.defaults).map((model) => models.install(model, options, now))
    const registry = (options.registry ?? models.registry).map((model) => models.install(model, options, now))
    return {
      options,
      version: options.version ?? "0.33.0",
      scheduler: yield* scheduler.make(
        installed.filter(({ loaded }) => loaded).map(demandOf),
        options.maxQueue ?? 512,
        Duration.toMillis(options.keepAlive ?? "5 minutes")
      ),
      installed: byName(installed),
      registry: byName([...registry, ...installed]),
      blobs: new Set<string>(),
      account: options.account
    }
  })

/** Counts what is sent, and notices the end. */
const observed = (entry: log.Entry, answer: WireAnswer): WireAnswer => {
  entry.status = answer.status
  const finish = () => {
    if (entry.fault === undefined) entry.complete = true
    else entry.broken = true
  }
  const { body } = answer
  if (body instanceof Uint8Array) {
    entry.chunks = body.length === 0 ? 0 : 1
    finish()
    return answer
  }
  return {
    ...answer,
    body: body.pipe(
      Stream.map((chunk) => {
        entry.chunks++
        return chunk
      }),
      Stream.tapError(() => Effect.sync(finish)),
      Stream.concat(Stream.execute(Effect.sync(finish)))
    )
  }
}

const deciding = (fault: Fault.Fault): boolean => fault._tag !== "SplitBytes" && fault._tag !== "SlowHeaders"

export const make = (options: Options): Effect.Effect<Engine> =>
  Effect.gen(function* () {
    const server = yield* start(options)
    const seen = yield* log.make
    const armed = faults.make(options.faults ?? [])

    const open = (request: WireRequest, parsed: unknown, at: number) =>
      Effect.acquireRelease(
        seen.open({
          method: request.method,
          path: request.path,
          headers: request.headers,
          json: parsed,
          bytes: request.body.length,
          at
        }),
        (entry) => Effect.flatMap(Clock.currentTimeMillis, (now) => seen.close(entry, now))
      )

    const handle: Handler = (request) =>
      Effect.gen(function* () {
        const at = yield* Clock.currentTimeMillis
        const parsed = json.tryParse(request.body)
        const entry = yield* open(request, parsed, at)
        const model = json.isObject(parsed) && typeof parsed["model"] === "string" ? parsed["model"] : undefined
        const hits = armed.take(request, model)
        entry.fault = hits.find(deciding)
        const exchange: Exchange = {
          server,
          request,
          arrivedAt: at,
          complete: () => {
            if (entry.fault === undefined) entry.complete = true
          }
        }
        let answer: WireAnswer | undefined
        for (const fault of hits) {
          answer ??= yield* Effect.tapError(faults.before(fault, request), () =>
            Effect.sync(() => {
              entry.broken = true
            })
          )
        }
        answer ??= yield* router.route(exchange)
        return observed(
          entry,
          hits.reduce((shaped, fault) => faults.onAnswer(fault, shaped), answer)
        )
      })

    return {
      handle,
      inject: (list) => Effect.sync(() => armed.inject(list)),
      forget: Effect.flatMap(server.scheduler.residents, (list) =>
        Effect.forEach(list, ({ model }) => server.scheduler.unload(model.name), { discard: true })
      ),
      controls: {
        requests: seen.requests,
        arrived: seen.arrived,
        ended: seen.ended,
        inFlight: seen.inFlight,
        loaded: Effect.map(server.scheduler.residents, (list) => list.map(({ model }) => model.name)),
        loads: server.scheduler.loads,
        clearFaults: Effect.sync(armed.clear)
      }
    }
  })
