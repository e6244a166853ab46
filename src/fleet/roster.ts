/** Who belongs to a fleet: hosts come, are drained, and go, while calls run. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Core from "../client/core.js"
import type { Checked } from "./hosts.js"
import { Member } from "./member.js"
import * as Watching from "./watching.js"

export interface Roster {
  /** Those that are not forgotten. */
  readonly members: () => ReadonlyArray<Member>
  readonly find: (url: string) => Member | undefined
  /** One more, or one that is there with other settings; no longer drained. */
  readonly add: (host: Checked) => Effect.Effect<void>
  /** Gets no new calls; waits for those that are there. */
  readonly drain: (member: Member) => Effect.Effect<void>
  /** Drained, and forgotten. */
  readonly remove: (member: Member) => Effect.Effect<void>
  /**
   * The first call after a while: waits a moment for a look at hosts that nobody has looked at since, because other clients
   * may have had models loaded and put out there. Nothing where there is nothing to wait for.
   */
  readonly anew: () => Effect.Effect<void> | undefined
  /** A call begins or ends there. */
  readonly worked: (member: Member) => void
  /** It has answered a call that was sent then; milliseconds on Clock. */
  readonly answered: (member: Member, sentAt: number) => void
  /** It does not answer. */
  readonly failed: (member: Member, isDoubtful: boolean) => void
  /** Another client says that it does not answer, or that it does again: it is asked. */
  readonly suspected: (member: Member) => void
  readonly hinted: (member: Member) => void
}

export interface Options {
  readonly core: Core.Core
  readonly clock: Clock.Clock
  /** Calls are held for want of room. */
  readonly isWaiting: () => boolean
  /** Something is not as it was, and calls may find another host. */
  readonly onChange: () => void
  /** A call has begun or ended. */
  readonly onWork: () => void
}

/** A look takes milliseconds where the host has nothing else to do. */
const aMoment = Duration.millis(200)

interface Entry {
  readonly member: Member
  readonly watch: Watching.Watch
  readonly scope: Scope.CloseableScope
}

/** Lives as long as the Scope. */
export const make = (options: Options): Effect.Effect<Roster, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const { clock, core, isWaiting, onChange, onWork } = options
    const { knowledge, servers } = core
    const entries = new Map<string, Entry>()
    /** Who waits until a host has no calls. */
    const idle = new Map<Member, Set<() => void>>()
    let members: ReadonlyArray<Member> = []
    let places = 0

    const listed = (): void => {
      members = [...entries.values()].map(({ member }) => member)
      onChange()
    }

    const isBusy = (): boolean => places > 0 || isWaiting()

    const join = (host: Checked): Effect.Effect<void> =>
      Effect.gen(function* () {
        // a server that a fallback has made knows nothing of credentials
        yield* servers.remove(host.address.url)
        const server = yield* servers.add(host)
        const member = new Member(server, knowledge.learned)
        member.weight = host.weight
        member.priority = host.priority
        const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
        const watch = yield* Scope.extend(Watching.make({ member, isBusy, onChange }), own)
        entries.set(member.url, { member, watch, scope: own })
        listed()
      })

    const drain = (member: Member): Effect.Effect<void> =>
      Effect.suspend(() => {
        member.isDraining = true
        onChange()
        return Effect.async<void>((resume) => {
          if (member.places === 0) return resume(Effect.void)
          const waiting = idle.get(member) ?? new Set()
          idle.set(member, waiting)
          const over = (): void => resume(Effect.void)
          waiting.add(over)
          return Effect.sync(() => waiting.delete(over))
        })
      })

    const forget = (member: Member): Effect.Effect<void> =>
      Effect.suspend(() => {
        const entry = entries.get(member.url)
        // it has come back meanwhile
        if (entry?.member !== member || !member.isDraining) return Effect.void
        entries.delete(member.url)
        idle.delete(member)
        knowledge.forget(member.url)
        listed()
        return Effect.zipRight(Scope.close(entry.scope, Exit.void), servers.remove(member.url))
      })

    return {
      members: () => members,
      find: (url) => entries.get(url)?.member,
      add: (host) =>
        Effect.uninterruptible(
          Effect.suspend(() => {
            const there = entries.get(host.address.url)?.member
            if (there === undefined) return join(host)
            there.weight = host.weight
            there.priority = host.priority
            there.isDraining = false
            return Effect.zipRight(servers.add(host), Effect.sync(onChange))
          })
        ),
      drain,
      remove: (member) => Effect.zipRight(drain(member), Effect.uninterruptible(forget(member))),
      anew: () => {
        if (isBusy() || members.length < 2) return undefined
        const now = clock.unsafeCurrentTimeMillis()
        const looks = [...entries.values()].flatMap(({ watch }) => watch.anew(now) ?? [])
        return looks.length === 0
          ? undefined
          : Effect.asVoid(Effect.timeoutOption(Effect.all(looks, { concurrency: "unbounded", discard: true }), aMoment))
      },
      worked: (member) => {
        const before = places
        places = members.reduce((sum, one) => sum + one.places, 0)
        if (before === 0 && places > 0) {
          const now = clock.unsafeCurrentTimeMillis()
          for (const { watch } of entries.values()) watch.busy(now)
        }
        if (member.places === 0) {
          const waiting = idle.get(member)
          idle.delete(member)
          for (const over of waiting ?? []) over()
        }
        onWork()
      },
      answered: (member, sentAt) => {
        // what was sent before says nothing
        if (member.downSince === undefined || sentAt < member.downSince) return
        member.recovered(clock.unsafeCurrentTimeMillis())
        onChange()
      },
      failed: (member, isDoubtful) => {
        if (member.downSince !== undefined) return
        member.downSince = clock.unsafeCurrentTimeMillis()
        member.isDoubtful = isDoubtful
        entries.get(member.url)?.watch.alarm()
        onChange()
      },
      suspected: (member) => {
        const watch = entries.get(member.url)?.watch
        if (watch === undefined || member.downSince !== undefined || member.server.host.isCloud) return
        member.suspectSince ??= clock.unsafeCurrentTimeMillis()
        watch.suspected()
      },
      hinted: (member) => entries.get(member.url)?.watch.hinted()
    }
  })
