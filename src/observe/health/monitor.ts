/** One fiber that looks, wakes up for calls, and publishes what follows from both. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { Service as Client } from "../../client/service.js"
import * as Jitter from "../../internal/jitter.js"
import type { Options, Service } from "../HealthMonitor.js"
import * as Calls from "./calls.js"
import * as Probing from "./probing.js"
import * as Reading from "./reading.js"
import type { HostHealth } from "./state.js"

/** `resilience.md` 5.3: every 2 s while calls run, every 15 s otherwise, and 5 s for an answer. */
const defaults = {
  idleInterval: Duration.seconds(15),
  busyInterval: Duration.seconds(2),
  limit: Duration.seconds(5),
  historyLimit: 100
}

/** What a reader of `changes` that lags behind keeps; then it misses what was in between. */
const kept = 64

const millis = (given: Duration.DurationInput | undefined, otherwise: Duration.Duration): number =>
  Duration.toMillis(given ?? otherwise)

export const make = (client: Client, options: Options): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const historyLimit = Math.max(0, Math.floor(options.historyLimit ?? defaults.historyLimit))
    const limit = Duration.decode(options.limit ?? defaults.limit)
    const idle = millis(options.idleInterval, defaults.idleInterval)
    const busy = millis(options.busyInterval, defaults.busyInterval)
    const known = new Map<string, HostHealth>()
    const ref = yield* SubscriptionRef.make<ReadonlyArray<HostHealth>>([])
    // one that waits is enough: they say that something has changed, and not what
    const changed = yield* Queue.sliding<void>(1)
    const wake = yield* Queue.sliding<void>(1)
    const turn = yield* Effect.makeSemaphore(1)

    const see = (host: string, sight: Reading.Sight): void => {
      const now = clock.unsafeCurrentTimeMillis()
      const before = known.get(host) ?? Reading.initial(host, DateTime.unsafeMake(now))
      known.set(host, Reading.next(before, sight, now, historyLimit))
    }

    const publish = Effect.suspend(() => SubscriptionRef.set(ref, [...known.values()]))

    /** The hosts that the client has: its own first, then those that its policy fell back to. */
    const hosts = Effect.map(client.state, (state) => state.hosts.map(({ host }) => host))

    const look = turn.withPermits(1)(
      Effect.flatMap(hosts, (all) =>
        Effect.forEach(
          all,
          (host) =>
            Probing.look(client, host, limit, (sight) =>
              Effect.suspend(() => {
                see(host, sight)
                return publish
              })
            ),
          { concurrency: "unbounded", discard: true }
        )
      )
    )

    /** Sooner while calls run or something is amiss; less and less often while nothing answers. */
    const interval = (): number => {
      const all = [...known.values()]
      const most = all.reduce((most, { misses }) => Math.max(most, misses), 0)
      if (most > 0) return Math.min(idle, busy * 2 ** (most - 1))
      return all.some(({ running, status }) => running > 0 || status === "busy") ? Math.min(idle, busy) : idle
    }

    /** Sleeps until the next look is due, which a call that begins may bring forward. */
    const rest = Effect.flatMap(Effect.zip(Clock.currentTimeMillis, Random.next), ([from, unit]) => {
      const again: Effect.Effect<void> = Effect.suspend(() => {
        const due = from + Jitter.of(interval(), unit)
        const left = due - clock.unsafeCurrentTimeMillis()
        if (left <= 0) return Effect.void
        return Effect.flatMap(
          Effect.raceFirst(Effect.as(Effect.sleep(left), true), Effect.as(Queue.take(wake), false)),
          (isDue) => (isDue ? Effect.void : again)
        )
      })
      return again
    })

    yield* client.listen((event) => {
      const seen = Calls.of(event, known.size === 1)
      if (seen.length === 0) return
      for (const { host, sight } of seen) see(host, sight)
      changed.unsafeOffer(undefined)
    })
    const { hosts: all, running } = yield* client.state
    for (const { host } of all) {
      const health = Reading.initial(host, DateTime.unsafeMake(clock.unsafeCurrentTimeMillis()))
      known.set(host, { ...health, running: running.filter(({ call }) => call.host === host).length })
    }
    yield* publish
    yield* Effect.forkScoped(
      Effect.forever(Queue.take(changed).pipe(Effect.zipRight(publish), Effect.zipRight(Queue.offer(wake, undefined))))
    )
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(look, rest)))

    const changes = Stream.mapAccum(
      ref.changes,
      new Map<string, HostHealth>() as ReadonlyMap<string, HostHealth>,
      (before, all) => [
        new Map(all.map((health) => [health.host, health])),
        all.filter((health) => before.get(health.host) !== health)
      ]
    ).pipe(Stream.flattenIterables, Stream.buffer({ capacity: kept, strategy: "sliding" }))

    return { hosts: ref, changes, look: Effect.zipRight(look, SubscriptionRef.get(ref)) }
  })
