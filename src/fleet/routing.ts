/** Finds a host for each attempt: asks the placement, holds calls until there is room, and keeps count of what is where. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Asked, Place, Routes } from "../client/routes.js"
import * as Residency from "../client/residency.js"
import type { Server } from "../client/server.js"
import type * as OllamaError from "../OllamaError.js"
import { next as nextRandom } from "../policy/breaker/random.js"
import * as CircuitBreaker from "../policy/CircuitBreaker.js"
import { laneOf } from "../policy/concurrency/queue.js"
import type { Policy } from "../policy/Policy.js"
import type { Member } from "./member.js"
import { choose } from "./placement/choose.js"
import * as Memory from "./placement/memory.js"
import type { Own, Placement } from "./placement/value.js"
import type { Answer, HostView, Question } from "./placement/view.js"
import * as Places from "./places.js"
import * as Refusals from "./refusals.js"
import * as Waiting from "./waiting.js"

type Failure = OllamaError.OllamaError

export interface Options {
  readonly clock: Clock.Clock
  readonly seed: number
  readonly placement: Placement | Own
  readonly members: () => ReadonlyArray<Member>
  readonly policy: () => Policy
  /** What a model takes in memory, wherever that was seen; 10^9 bytes. */
  readonly gigabytes: (model: string) => number | undefined
  /** Has hosts looked at whose memory was not seen for a while; nothing where there is none. */
  readonly anew: () => Effect.Effect<void> | undefined
  /** A host has failed, and may be down. */
  readonly onTrouble: (member: Member, error: Failure) => void
  readonly onWork: Places.Options["onWork"]
  readonly onDemand: Places.OnDemand
  readonly onAnswered: Places.Options["onAnswered"]
}

export interface Routing extends Routes {
  /** The same for calls that have said where they go. */
  readonly pinned: (member: Member) => Routes
  /** Something has changed that calls may be waiting for. */
  readonly changed: () => void
  /** Calls that are held until a host has room. */
  readonly waiting: () => number
}

/** Characters of a token, until it is known better. */
const charactersPerToken = 4
/** Where no answer of a model was seen. */
const rough = { answer: 200, promptRate: 500, generationRate: 30 }

/** A host whose settings are in the way of calls is left alone for so long, and one that cannot load a model. */
const refusedFor = 10_000
const unloadableFor = 60_000

const nothing: ReadonlySet<string> = new Set()

/** What became of a question. */
type Found =
  | { readonly _tag: "Place"; readonly place: Place }
  | { readonly _tag: "Later"; readonly member: Member | undefined }
  | { readonly _tag: "Failed"; readonly error: Failure }
  | { readonly _tag: "None" }

const noPlace: Found = { _tag: "None" }

export const make = (options: Options): Routing => {
  const { clock, members, placement } = options
  const memory = Memory.make()
  const waiting = new Waiting.Waiting()
  let seed = options.seed
  const now = () => clock.unsafeCurrentTimeMillis()
  const views: Array<HostView> = []
  const wakers = new Set<() => void>()

  const { onAnswered, onDemand, onWork } = options
  const giving: Places.Options = { clock, onWork, onDemand, onAnswered, onLeft: () => waiting.handOver() }

  const random = (): number => {
    const [unit, after] = nextRandom(seed)
    seed = after
    return unit
  }

  const gigabytesOf = (model: string | undefined): number | undefined =>
    model === undefined ? undefined : options.gigabytes(model)

  /** Tokens, as far as they can be told beforehand. */
  const tokensOf = (asked: Asked, model: string | undefined, at: number) => {
    const { facts } = asked.journal
    const figures = model === undefined ? undefined : members()[0]?.figuresOf(model, at)
    const limit = facts.answerLimit
    const mean = figures?.answerTokens ?? (limit === undefined ? undefined : rough.answer)
    return {
      prompt: Math.ceil(facts.characters / (figures?.charactersPerToken ?? charactersPerToken)),
      answer: facts.kind === "generation" ? (mean === undefined ? undefined : Math.min(mean, limit ?? mean)) : 1
    }
  }

  /** Hosts that a call does not ask, having failed at another: they do not answer, as another call has just found. */
  const silent = ({ tried }: Asked, at: number): ReadonlyArray<string> => {
    const all = members()
    // a single host has nothing beside it
    return tried.size === 0 || all.length < 2 ? [] : all.filter((member) => member.isSilent(at)).map(({ url }) => url)
  }

  const question = (asked: Asked, model: string | undefined, at: number, since: number): Question => {
    const tokens = tokensOf(asked, model, at)
    return {
      model: model ?? "",
      gigabytes: gigabytesOf(model),
      promptTokens: tokens.prompt,
      answerTokens: tokens.answer,
      session: asked.journal.facts.session,
      priority: asked.priority ?? "normal",
      waited: at - since,
      remaining: asked.deadline === undefined ? Number.POSITIVE_INFINITY : asked.deadline - at,
      tried: [...asked.tried],
      excluded: [...asked.barred, ...silent(asked, at)],
      random: random()
    }
  }

  const look = (asked: Asked, model: string | undefined, at: number): ReadonlyArray<HostView> => {
    const about = {
      model,
      need: asked.plan.need,
      session: asked.journal.facts.session,
      gigabytes: gigabytesOf(model)
    }
    const all = members()
    views.length = all.length
    all.forEach((member, index) => {
      views[index] = member.look(about, at)
    })
    return views
  }

  const answerTo = (asked: Asked, since: number): Answer => {
    const at = now()
    const model = Places.modelOf(asked)
    const ask = () =>
      choose(placement, { now: at, hosts: look(asked, model, at) }, question(asked, model, at, since), memory)
    const answer = ask()
    if (answer._tag !== "Refusal" || answer.reason !== "missing" || model === undefined) return answer
    // somebody may have pulled it since
    let isDoubted = false
    for (const member of members()) isDoubted = member.absence.doubt(model, at) || isDoubted
    return isDoubted ? ask() : answer
  }

  const find = (asked: Asked, since: number): Found => {
    const answer = answerTo(asked, since)
    switch (answer._tag) {
      case "Choice": {
        const member = members()[answer.index]
        if (member === undefined) return noPlace
        if (answer.isPanic) asked.note("panicked", `every host is blocked, ${member.url} least of all`)
        return { _tag: "Place", place: Places.give(giving, member, asked, answer) }
      }
      case "Later": {
        const member = members().find(({ url }) => url === answer.host)
        // who wants no limit on calls has none
        return options.policy().concurrency === "off" && member !== undefined
          ? { _tag: "Place", place: Places.give(giving, member, asked, undefined) }
          : { _tag: "Later", member }
      }
      case "Refusal": {
        if (answer.reason === "excluded" || (asked.tried.size > 0 && answer.reason !== "deadline")) return noPlace
        asked.note("refused", answer.reason)
        return { _tag: "Failed", error: Refusals.refused(asked, answer, waiting.size, now()) }
      }
    }
  }

  /** One more would be too many, and none of them is of a lower priority. */
  const isFull = (lane: number): boolean => {
    const { concurrency } = options.policy()
    if (concurrency === "off" || concurrency.queue === "unbounded" || waiting.size < concurrency.queue) return false
    const last = waiting.last()
    if (last === undefined || last.lane <= lane) return true
    last.pushOut()
    return false
  }

  const kindOf = (asked: Asked): string =>
    JSON.stringify([
      Places.modelOf(asked) ?? "",
      asked.plan.need === undefined ? "" : Residency.keyOf(asked.plan.need),
      [...asked.tried],
      [...asked.barred]
    ])

  const workOf = (asked: Asked, member: Member | undefined): number => {
    const at = now()
    const model = Places.modelOf(asked)
    const { answer = rough.answer, prompt } = tokensOf(asked, model, at)
    const figures = model === undefined ? undefined : member?.figuresOf(model, at)
    return (
      (1000 * prompt) / (figures?.promptRate ?? rough.promptRate) +
      (1000 * answer) / (figures?.generationRate ?? rough.generationRate)
    )
  }

  const held = (
    asked: Asked,
    since: number,
    member: Member | undefined,
    hold: (place: Place) => void
  ): Effect.Effect<void, Failure> =>
    Effect.async<void, Failure>((resume) => {
      let isOver = false
      const over = (effect: Effect.Effect<void, Failure>): true => {
        isOver = true
        resume(effect)
        return true
      }
      const one = Waiting.waiter(
        {
          kind: kindOf(asked),
          since,
          work: workOf(asked, member),
          attempt: () => {
            // those behind it are no reason for it to wait
            const before = one.heldFor
            waiting.hold(one, undefined)
            const found = find(asked, since)
            switch (found._tag) {
              case "Place":
                hold(found.place)
                return over(Effect.void)
              case "None":
                return over(Effect.void)
              case "Failed":
                return over(Effect.fail(found.error))
              case "Later":
                waiting.hold(one, found.member ?? before)
                return false
            }
          },
          pushOut: () => {
            waiting.remove(one)
            over(Effect.fail(Refusals.full(asked, "pushedOut", waiting.size)))
          }
        },
        asked.priority,
        asked.deadline
      )
      waiting.push(one)
      waiting.hold(one, member)
      if (Places.isWork(asked.plan)) onDemand(asked.plan.need, 1, asked.loader)
      return Effect.sync(() => {
        if (!isOver) waiting.remove(one)
        isOver = true
      })
    })

  const place: Routes["place"] = (asked, hold) =>
    Effect.suspend(() => {
      const seen = asked.plan.need === undefined || asked.tried.size > 0 ? undefined : options.anew()
      const placing = placed(asked, hold)
      return seen === undefined ? placing : Effect.zipRight(seen, placing)
    })

  const placed: Routes["place"] = (asked, hold) =>
    Effect.suspend(() => {
      const since = now()
      const found = find(asked, since)
      switch (found._tag) {
        case "Place":
          hold(found.place)
          return Effect.void
        case "None":
          return Effect.void
        case "Failed":
          return Effect.fail(found.error)
        case "Later": {
          if (isFull(laneOf(asked.priority ?? "normal", asked.deadline ?? Number.POSITIVE_INFINITY))) {
            asked.note("refused", "queueFull")
            return Effect.fail(Refusals.full(asked, "queueFull", waiting.size))
          }
          asked.note("queued", "all hosts have enough calls")
          const wait = Effect.ensuring(
            held(asked, since, found.member, hold),
            Effect.sync(() => {
              if (Places.isWork(asked.plan)) onDemand(asked.plan.need, -1, Places.noLoader)
            })
          )
          return asked.deadline === undefined
            ? wait
            : Effect.timeoutFail(wait, { duration: Math.max(0, asked.deadline - since), onTimeout: asked.late })
        }
      }
    })

  const memberOf = (server: Server): Member | undefined => members().find((member) => member.server === server)

  const hasOther: Routes["hasOther"] = (asked) => {
    const at = now()
    const model = Places.modelOf(asked)
    const all = members().filter(
      (member) => !member.isDraining && !(model !== undefined && member.absence.isMissing(model, at))
    )
    const open = all.filter((member) => !member.isBlocked(model, at))
    // where all are blocked, one is as good as another that was not asked in vain
    const left = open.length > 0 ? open : all.filter((member) => !member.isSilent(at))
    return left.some(({ url }) => !asked.tried.has(url) && !asked.barred.has(url))
  }

  const failed: Routes["failed"] = (server, asked, error) => {
    const member = memberOf(server)
    if (member === undefined) return
    const at = now()
    const model = Places.modelOf(asked)
    if (error._tag === "ModelNotFound" && model !== undefined) member.absence.lacks(model, at)
    else if (error._tag === "LoadFailed") member.absence.avoid(model, at + unloadableFor)
    else if (error._tag === "Overloaded" && error.by === "server") {
      member.absence.shed(model, at, error.retryAfter === undefined ? 0 : Duration.toMillis(error.retryAfter))
    } else if (error._tag === "Blocked" || (error._tag === "Unauthorized" && error.signinUrl === undefined)) {
      member.absence.avoid(
        error._tag === "Blocked" && error.by === "cloudDisabled" ? model : undefined,
        at + refusedFor
      )
    } else if (error._tag === "Unreachable" && (error.reason === "tls" || error.reason === "protocol")) {
      member.absence.avoid(undefined, at + refusedFor)
    }
    if (CircuitBreaker.judgeReachability(error) === "failure") {
      member.unreachedAt = at
      options.onTrouble(member, error)
    }
  }

  /** Waits until one of these answers. */
  const answering =
    (among: () => ReadonlyArray<Member>): Routes["answering"] =>
    (until) =>
      Effect.async<boolean>((resume) => {
        const isOpen = () => among().some((member) => !member.isBlocked(undefined, now()))
        if (isOpen()) return resume(Effect.succeed(true))
        const wake = (): void => {
          if (!isOpen()) return
          wakers.delete(wake)
          resume(Effect.succeed(true))
        }
        wakers.add(wake)
        return Effect.sync(() => wakers.delete(wake))
      }).pipe((wait) =>
        until === Number.POSITIVE_INFINITY
          ? wait
          : Effect.suspend(() =>
              Effect.timeoutTo(wait, {
                duration: Math.max(0, until - now()),
                onSuccess: (answers) => answers,
                onTimeout: () => false
              })
            )
      )

  return {
    place,
    hasOther,
    failed,
    answering: answering(members),
    pinned: (member) => ({
      place: (asked, hold) =>
        Effect.sync(() => {
          // a call that has said where it goes has failed there once, and may do so again
          if (!asked.barred.has(member.url)) hold(Places.give(giving, member, { ...asked, tried: nothing }, undefined))
        }),
      hasOther: () => false,
      failed,
      answering: answering(() => [member])
    }),
    changed: () => {
      waiting.handOver()
      for (const wake of wakers) wake()
    },
    waiting: () => waiting.size
  }
}
