/** The simulated server: one engine on Effect's Clock, for the form in memory and the form on sockets. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as broken from "./broken.js"
import * as chunks from "./chunks.js"
import type { Controls, State } from "./controls.js"
import * as crash from "./crash.js"
import { type Exchange, find, type Server } from "./exchange.js"
import type * as Fault from "./faultModel.js"
import * as cors from "./cors.js"
import * as faults from "./faults.js"
import * as json from "./json.js"
import { refuse } from "./json.js"
import * as log from "./log.js"
import * as models from "./models.js"
import * as router from "./router.js"
import * as scheduler from "./scheduler.js"
import { texts } from "./texts.js"
import type { Broken, Handler, Options, WireAnswer, WireRequest } from "./types.js"
import * as values from "./values.js"
import type * as worker from "./worker.js"

export interface Engine {
  readonly handle: Handler
  readonly inject: (faults: ReadonlyArray<Fault.Fault>) => Effect.Effect<void>
  readonly controls: Controls
  /** How often it was shut down: a connection does not outlive that. */
  readonly epoch: () => number
}

const byName = (list: ReadonlyArray<models.Installed>): Map<string, models.Installed> =>
  new Map(list.map((model) => [model.name.toLowerCase(), model]))

const limitsOf = (options: Options, factor: () => number): worker.Limits => ({
  maxQueue: options.maxQueue ?? 512,
  maxLoaded: options.maxLoaded === undefined || options.maxLoaded <= 0 ? 3 : options.maxLoaded,
  memory: options.memory ?? Infinity,
  keepAlive: Duration.toMillis(options.keepAlive ?? "5 minutes"),
  parallel: (model) => models.parallel(model, options.parallel ?? 1),
  together: options.together,
  loadTime: (model) => Math.round(model.loadTime * factor())
})

const wordsOf = (version: string, memory: number): worker.Words => ({
  busy: refuse(503, JSON.parse(texts["server.busy"].body)),
  tooLarge: ({ size }) => crash.tooLarge(version, size, memory),
  died: crash.loading(version)
})

const demandOf = (model: models.Installed): worker.Demand => ({
  model,
  settings: values.settings({}, model, undefined),
  keepAlive: undefined,
  runs: false
})

const start = (options: Options, allowsHost: Server["allowsHost"]): Effect.Effect<Server> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const installed = (options.models ?? models.defaults).map((model) => models.install(model, options, now))
    const registry = (options.registry ?? models.registry).map((model) => models.install(model, options, now))
    const version = options.version ?? "0.33.0"
    const limits = limitsOf(options, () => server.factor)
    const server: Server = {
      options,
      version,
      allowsHost,
      scheduler: yield* scheduler.make(
        installed.filter(({ loaded }) => loaded).map(demandOf),
        limits,
        wordsOf(version, limits.memory)
      ),
      installed: byName(installed),
      registry: byName([...registry, ...installed]),
      blobs: new Set<string>(),
      account: options.account,
      factor: options.slowDown ?? 1
    }
    return server
  })

/** Whether a fault is in the way of this answer. A runner that was to die after more chunks than there are lives on. */
const isHit = ({ crashed, fault }: log.Entry): boolean => fault !== undefined && (fault._tag !== "Crash" || crashed)

/** Counts what is sent, and notices the end. */
const observed = (entry: log.Entry, answer: WireAnswer): WireAnswer => {
  entry.status = answer.status
  const finish = () => {
    if (isHit(entry)) entry.broken = true
    else entry.complete = true
  }
  const { body } = answer
  if (body instanceof Uint8Array) {
    entry.chunks = body.length === 0 ? 0 : 1
    finish()
    return answer
  }
  if (chunks.isChunks(body)) {
    const next = Effect.map(body.next, (chunk) => {
      if (chunk === undefined) finish()
      else entry.chunks++
      return chunk
    })
    return { ...answer, body: { next } }
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

/** Whether the server runs, and the break of all its connections when it does not any more. */
interface Power {
  isOn: boolean
  cut: Deferred.Deferred<never, Broken>
  epoch: number
}

export const make = (options: Options, allowsHost: Server["allowsHost"] = () => true): Effect.Effect<Engine> =>
  Effect.gen(function* () {
    const server = yield* start(options, allowsHost)
    const seen = yield* log.make
    const armed = faults.make(options.faults ?? [])
    const power: Power = { isOn: true, cut: yield* Deferred.make<never, Broken>(), epoch: 0 }

    // not Effect.acquireRelease: who closes the scope would keep the FiberRefs of this fiber, more with each request
    const open = (request: WireRequest, parsed: unknown, at: number) =>
      Effect.uninterruptible(
        Effect.tap(
          seen.open({
            method: request.method,
            path: request.path,
            headers: request.headers,
            json: parsed,
            bytes: request.body.length,
            at
          }),
          (entry) =>
            Effect.flatMap(Effect.scope, (scope) =>
              Scope.addFinalizer(
                scope,
                Effect.flatMap(Clock.currentTimeMillis, (now) => seen.close(entry, now))
              )
            )
        )
      )

    const serve: Handler = (request) =>
      Effect.gen(function* () {
        const at = yield* Clock.currentTimeMillis
        const parsed = json.tryParse(request.body)
        const entry = yield* open(request, parsed, at)
        const hits = cors.isPreflight(request) ? [] : armed.take(request, parsed)
        entry.fault = hits.find(deciding)
        const exchange: Exchange = {
          server,
          request,
          arrivedAt: at,
          complete: () => {
            if (!isHit(entry)) entry.complete = true
          },
          crashed: () => {
            entry.crashed = true
          },
          crashAfter: entry.fault?._tag === "Crash" ? entry.fault.chunks : undefined
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
          hits.reduce((shaped, fault) => faults.onAnswer(fault, shaped), cors.answer(request, options, answer))
        )
      })

    const handle: Handler = (request) =>
      Effect.suspend(() => {
        if (!power.isOn) return Effect.fail(broken.ofAddress({ _tag: "Refused" }, request.host))
        const cut = Deferred.await(power.cut)
        return Effect.map(Effect.raceFirst(serve(request), cut), (answer) => ({ ...answer, cut }))
      })

    const shutdown = Effect.suspend(() => {
      if (!power.isOn) return Effect.void
      power.isOn = false
      power.epoch++
      seen.stop()
      Deferred.unsafeDone(power.cut, Effect.fail(broken.reset))
      return server.scheduler.reset
    })

    const restart = Effect.sync(() => {
      if (power.isOn) return
      power.isOn = true
      power.cut = Deferred.unsafeMake(FiberId.none)
    })

    const state = Effect.map(server.scheduler.counts, (counts): State => ({
      isUp: power.isOn,
      ...seen.counts(),
      queued: counts.queued,
      ...(counts.loading === undefined ? {} : { loading: counts.loading }),
      isWaitingForRoom: counts.isWaiting,
      memory: { used: counts.used, total: options.memory ?? Infinity },
      residents: counts.residents,
      loads: counts.loads,
      lostInLoads: counts.lostInLoads,
      evictions: counts.evictions,
      crashes: counts.crashes,
      peaks: counts.peaks
    }))

    return {
      handle,
      inject: (list) => Effect.sync(() => armed.inject(list)),
      epoch: () => power.epoch,
      controls: {
        requests: seen.requests,
        arrived: seen.arrived,
        ended: seen.ended,
        inFlight: seen.inFlight,
        loaded: Effect.map(server.scheduler.loaded, (list) =>
          list.filter(({ isDead }) => !isDead).map(({ model }) => model.name)
        ),
        loads: Effect.map(server.scheduler.counts, ({ loads: { aborted, begun, finished } }) => ({
          begun,
          finished,
          aborted
        })),
        state,
        clearFaults: Effect.sync(armed.clear),
        crash: (name) => server.scheduler.crash(find(server, models.parseName(name)?.short)?.name ?? name),
        slowDown: (factor) =>
          Effect.sync(() => {
            server.factor = factor
          }),
        shutdown,
        restart
      }
    }
  })
