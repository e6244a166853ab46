/**
 * Looks at a host as long as it belongs to a fleet: what is in its memory, and once it does not answer, whether it does
 * again. One fiber for each host, which sleeps most of the time.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Offline from "../client/offline.js"
import * as Jitter from "../internal/jitter.js"
import * as Catalog from "./catalog.js"
import type { Member } from "./member.js"
import { Waking } from "./waking.js"

export interface Watch {
  /** The host has failed. */
  readonly alarm: () => void
  /** Another client says that it does not answer: that counts as one answer that was missed, and it is asked at once. */
  readonly suspected: () => void
  /** Another client says that it answers again: it is asked at once. */
  readonly hinted: () => void
  /** Calls have begun: what was seen a while ago is seen anew. */
  readonly busy: (now: number) => void
  /** The same, and waits until it is; nothing where what was seen is of this moment, or where nothing is to be seen. */
  readonly anew: (now: number) => Effect.Effect<void> | undefined
}

export interface Options {
  readonly member: Member
  /** Whether calls of the fleet run. */
  readonly isBusy: () => boolean
  /** Something is known that was not. */
  readonly onChange: () => void
}

/** Between two looks, while calls run and otherwise (resilience notes, 5.3). */
const busyPause = Duration.toMillis("2 seconds")
const idlePause = Duration.toMillis("15 seconds")
/** Before it is asked whether a host answers again: the first time, and then. */
const firstProbe = Duration.toMillis("1 second")
const laterProbe = Duration.toMillis("2 seconds")
/** How long `/api/ps` may take before it is asked otherwise whether the host is there. */
const patience = Duration.toMillis("1 second")
/** What was seen so long ago may have been changed by others since. */
const freshFor = (1 + Jitter.spread) * busyPause
/** So many answers have to be missed, where the host was not heard to refuse. */
const misses = 2

/** Until the Scope closes. */
export const make = ({ isBusy, member, onChange }: Options): Effect.Effect<Watch, never, Scope.Scope> => {
  const { server } = member
  const waking = new Waking()
  let missed = 0
  let isCatalogued = server.host.isCloud
  let lookedAt = Number.NEGATIVE_INFINITY
  let hinted: (() => void) | undefined

  const hint = Effect.async<void>((go) => {
    hinted = () => go(Effect.void)
    return Effect.sync(() => {
      hinted = undefined
    })
  })
  /** Who waits for the end of a look. */
  const seeing = new Set<() => void>()

  const pause = (millis: number): Effect.Effect<void> =>
    Effect.asVoid(Effect.flatMap(Random.next, (unit) => Effect.timeoutOption(waking.woken, Jitter.of(millis, unit))))

  const up = (at: number): Effect.Effect<void> => {
    missed = 0
    if (member.downSince === undefined) return Effect.void
    member.recovered(at)
    isCatalogued = server.host.isCloud
    return server.guards.answered
  }

  /** As long as no calls run, but looks up now and then whether that is so. */
  const idle = (left: number): Effect.Effect<void> =>
    Effect.flatMap(pause(busyPause), () =>
      waking.isWoken || isBusy() || left <= busyPause ? Effect.void : idle(left - busyPause)
    )

  const looking: Effect.Effect<void> = Effect.gen(function* () {
    lookedAt = yield* Clock.currentTimeMillis
    // nothing is in the memory of the cloud that would be ours
    if (server.host.isCloud) return
    const looked = yield* Effect.timeoutTo(server.residency.refresh, {
      duration: patience,
      onSuccess: (looked) => looked,
      onTimeout: () => "late" as const
    })
    const now = yield* Clock.currentTimeMillis
    if (looked === "answered") {
      const listing = server.residency.listed()
      if (listing !== undefined) member.memory.looked(listing, member.loads(now).keys())
      yield* up(now)
      if (isCatalogued) return
      isCatalogued = true
      const models = yield* Catalog.of(server.host)
      if (models !== undefined) member.installed(models, yield* Clock.currentTimeMillis)
      return
    }
    if (yield* Offline.answers(server.host)) {
      missed = 0
      return
    }
    missed++
    if (looked !== "failed" && missed < misses) return
    member.downSince ??= now
    member.lost()
  })

  const look = Effect.ensuring(
    looking,
    Effect.sync(() => {
      const all = [...seeing]
      seeing.clear()
      for (const go of all) go()
    })
  )

  const seen = Effect.async<void>((resume) => {
    const go = (): void => resume(Effect.void)
    seeing.add(go)
    return Effect.sync(() => seeing.delete(go))
  })

  const probe: Effect.Effect<void> = Effect.gen(function* () {
    if (!(yield* Offline.answers(server.host))) return
    yield* up(yield* Clock.currentTimeMillis)
    yield* look
  })

  const step: Effect.Effect<void> = Effect.suspend(() => {
    waking.begin()
    const wasDown = member.downSince !== undefined
    if (!wasDown) {
      const after = Effect.suspend(() => {
        // it was asked since then
        if (member.suspectSince !== undefined && member.suspectSince <= lookedAt) member.suspectSince = undefined
        onChange()
        if (member.downSince !== undefined) return Effect.void
        return missed > 0 ? pause(patience) : isBusy() ? pause(busyPause) : idle(idlePause)
      })
      return Effect.zipRight(look, after)
    }
    const first = member.isDoubtful ? Effect.void : Effect.sleep(firstProbe)
    member.isDoubtful = false
    return Effect.zipRight(first, probing)
  })

  /** Asks until it answers. */
  const probing: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(probe, () => {
      onChange()
      if (member.downSince === undefined) return Effect.void
      waking.begin()
      return Effect.zipRight(Effect.timeoutOption(hint, laterProbe), probing)
    })
  )

  const busy = (now: number): void => {
    if (now - lookedAt >= busyPause) waking.wake()
  }

  return Effect.as(Effect.forkScoped(Effect.interruptible(Effect.forever(step))), {
    alarm: () => waking.wake(),
    suspected: () => {
      missed = Math.max(missed, misses - 1)
      waking.wake()
    },
    hinted: () => hinted?.(),
    busy,
    anew: (now) => {
      // while calls run, it is seen as often as this anyway
      if (server.host.isCloud || member.downSince !== undefined || now - lookedAt < freshFor) return undefined
      busy(now)
      return seen
    }
  })
}
