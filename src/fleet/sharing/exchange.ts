/**
 * One fiber that reads what others have written of the hosts, and writes what this client has found out. It is alone with the
 * store: nobody waits for it, and whatever the store does, it goes on.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Knowledge } from "../../client/knowledge.js"
import * as Address from "../../internal/address.js"
import * as ErrorName from "../../internal/errorName.js"
import * as Jitter from "../../internal/jitter.js"
import type { Member } from "../member.js"
import type * as SharedState from "../SharedState.js"
import { Waking } from "../waking.js"
import * as Document from "./document.js"
import { Hearing, type Options as HearingOptions } from "./hearing.js"
import * as Merge from "./merge.js"
import * as Telling from "./telling.js"
import { sharedExchanges } from "../../observe/metrics/shared.js"

export interface Options extends HearingOptions {
  readonly store: SharedState.Service
  readonly how: SharedState.Options
  readonly knowledge: Knowledge
  readonly members: () => ReadonlyArray<Member>
  /** Something of others was heard. */
  readonly onHeard: () => void
}

export interface Exchange {
  /** Something of the hosts has changed, of which others should hear soon. */
  readonly changed: () => void
}

/** A clock that is ahead by more than this is wrong, and what was written by it says nothing. */
const ahead = 5 * 60_000
const leastPause = 1_000
const longestPause = 30_000
/** Trouble is told again after this time. */
const repeated = 10_000
/** Looks at the store that may hang at once; while there are so many, no other is begun. */
const mostHanging = 2

type Trouble = { readonly outcome: "failed" | "late"; readonly why: string }

/** Keys say which version of documents they are for: no client finds one that it cannot read. */
const keyOf = (url: string): string => `1 ${url}`

const millisOf = (duration: Duration.DurationInput | undefined, otherwise: number): number => {
  const millis = duration === undefined ? otherwise : Duration.toMillis(duration)
  return Number.isFinite(millis) ? millis : otherwise
}

/** A part, and what it would be compared by. */
interface Told {
  readonly part: Document.Part
  readonly text: string
}

/** Until the Scope closes. */
export const make = (options: Options): Effect.Effect<Exchange, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { how, knowledge, members, store } = options
    const every = Math.max(leastPause, millisOf(how.every, 3_000))
    const timeToLive = Math.max(1_000, millisOf(how.timeToLive, 3_600_000))
    const patience = Duration.millis(millisOf(how.patience, 2_000))
    const waitAtStart = millisOf(how.waitAtStart, 0)
    const id = (yield* Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 16), 4))
      .map((part) => part.toString(16).padStart(4, "0"))
      .join("")
    const hearing = new Hearing(options)
    const told = new Map<string, Told>()
    const toldDown = new Set<string>()
    const first = yield* Deferred.make<void>()
    let hanging = 0
    let failures = 0
    let hasWarnedOfGarbage = false
    const waking = new Waking()

    /** Whatever the store does, it ends in time; what it has begun it may go on with, unheard. */
    const asked = <A>(ask: () => Effect.Effect<A, unknown>): Effect.Effect<A, Trouble> =>
      Effect.suspend(() => {
        if (hanging >= mostHanging) return Effect.fail<Trouble>({ outcome: "late", why: "it still hangs" })
        hanging++
        const over = Effect.sync(() => {
          hanging--
        })
        return Effect.suspend(ask).pipe(
          Effect.ensuring(over),
          Effect.catchAllCause((cause) =>
            Effect.fail<Trouble>({ outcome: "failed", why: ErrorName.of(Cause.squash(cause), "failure") })
          ),
          Effect.disconnect,
          Effect.timeoutFail({
            duration: patience,
            onTimeout: (): Trouble => ({ outcome: "late", why: `no answer within ${Duration.format(patience)}` })
          })
        )
      })

    const shared = (): ReadonlyArray<Member> =>
      members().filter(
        (member) =>
          !member.server.host.isCloud &&
          (how.loopback === true || !Address.isLoopback(member.server.host.address.hostname))
      )

    /** Without what is too old to count, or from a clock that is wrong. */
    const current = (document: Document.Document, now: number): Document.Document => ({
      ...document,
      clients: document.clients.filter(({ at }) => now - at <= timeToLive && at - now <= ahead)
    })

    const partOf = (member: Member, content: Telling.Content, now: number): Document.Part => {
      const text = JSON.stringify(content)
      const last = told.get(member.url)
      const isSame = last?.text === text && !(Telling.isTrouble(content) && now - last.part.at >= repeated)
      if (isSame) return last.part
      // a clock that was set back makes nothing older than what it takes the place of
      const part: Document.Part = { ...content, id, at: Math.max(now, (last?.part.at ?? 0) + 1) }
      told.set(member.url, { part, text })
      return part
    }

    /** What is to be written, if anything of ours is missing there. */
    const entryOf = (member: Member, document: Document.Document, now: number) =>
      Effect.map(Telling.of(member, knowledge.own(), now), (content): Option.Option<SharedState.Entry> => {
        if (content === undefined) return Option.none()
        const part = partOf(member, content, now)
        if (document.clients.some((one) => one.id === id && one.at >= part.at)) return Option.none()
        const merged = Merge.documents(document, { version: 1, clients: [part] })
        const isKept = now - part.at <= timeToLive && merged.clients.includes(part)
        return isKept
          ? Option.some({ key: keyOf(member.url), document: merged, timeToLive: Duration.millis(timeToLive) })
          : Option.none()
      })

    const garbage = Effect.suspend(() => {
      if (hasWarnedOfGarbage) return Effect.void
      hasWarnedOfGarbage = true
      return Effect.logWarning("The store of shared state holds a document that is none; it is written anew")
    })

    const exchanged: Effect.Effect<"success" | "garbage", Trouble> = Effect.gen(function* () {
      const hosts = shared()
      const byUrl = new Map(hosts.map((member) => [member.url, member]))
      for (const url of told.keys()) if (!byUrl.has(url)) told.delete(url)
      if (hosts.length === 0) return "success"
      const found = yield* asked(() => store.get(hosts.map(({ url }) => keyOf(url))))
      const now = yield* Clock.currentTimeMillis
      let isGarbage = !Array.isArray(found)
      const documents = hosts.map((_, index) => {
        const value = isGarbage ? undefined : found[index]
        if (value === undefined || value === null) return Document.empty
        const document = Document.read(value)
        isGarbage ||= document === undefined
        return document === undefined ? Document.empty : current(document, now)
      })
      if (isGarbage) yield* garbage
      const heard = hosts.map(({ url }, index) => ({
        host: url,
        parts: documents[index]?.clients.filter((part) => part.id !== id) ?? []
      }))
      const isHeard = heard.some(({ parts }) => parts.length > 0)
      if (isHeard) knowledge.hear((own) => Merge.learned(own, heard))
      yield* hearing.hear(heard, byUrl, knowledge.own(), now)
      if (isHeard) options.onHeard()
      toldDown.clear()
      for (const { downSince, url } of hosts) if (downSince !== undefined) toldDown.add(url)
      const entries = yield* Effect.forEach(hosts, (member, index) =>
        entryOf(member, documents[index] ?? Document.empty, now)
      )
      const written = entries.flatMap(Option.toArray)
      if (written.length > 0) yield* asked(() => store.set(written))
      return isGarbage ? "garbage" : "success"
    })

    const counted = (outcome: string) =>
      Metric.increment(Metric.tagged(sharedExchanges.metric, "ollama.outcome", outcome))

    const ended = (result: Either.Either<string, Trouble>): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (Either.isRight(result)) {
          const isBack = failures > 0
          failures = 0
          return isBack ? Effect.logInfo("The store of shared state answers again") : Effect.void
        }
        failures++
        return failures > 1
          ? Effect.void
          : Effect.logWarning(
              `The store of shared state does not answer (${result.left.why}); the fleet goes on with what it finds out itself`
            )
      }).pipe(
        Effect.zipRight(counted(Either.isRight(result) ? result.right : result.left.outcome)),
        Effect.zipRight(Deferred.succeed(first, undefined))
      )

    const pause = Effect.suspend(() => {
      const millis = failures === 0 ? every : Math.min(Math.max(every, longestPause), every * 2 ** (failures - 1))
      return Effect.flatMap(Random.next, (unit) => {
        const least = Jitter.of(Math.min(leastPause, millis), unit)
        const rest = Jitter.of(millis, unit) - least
        return Effect.zipRight(
          Effect.sleep(least),
          failures > 0 ? Effect.sleep(rest) : Effect.asVoid(Effect.timeoutOption(waking.woken, rest))
        )
      })
    })

    const round = Effect.suspend(() => {
      waking.begin()
      return Effect.either(exchanged)
    }).pipe(
      // a mistake of ours must not end it
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.interrupt
          : Effect.succeed(
              Either.left<Trouble>({ outcome: "failed", why: ErrorName.of(Cause.squash(cause), "failure") })
            )
      ),
      Effect.flatMap(ended),
      Effect.zipRight(pause)
    )

    yield* Effect.forkScoped(Effect.interruptible(Effect.forever(round)))
    if (waitAtStart > 0) yield* Effect.timeoutOption(Deferred.await(first), Duration.millis(waitAtStart))

    return {
      changed: () => {
        if (waking.isWoken) return
        const isNews = members().some(({ downSince, url }) => (downSince !== undefined) !== toldDown.has(url))
        if (isNews) waking.wake()
      }
    }
  })
