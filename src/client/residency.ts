/**
 * Whether a model is in memory, which decides the clock that a call runs on: known from what the host answered a moment
 * ago, else from one shared look at `/api/ps`.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Host from "../internal/host.js"
import * as Endpoint from "../internal/endpoint.js"
import * as Send from "../internal/send.js"
import * as Memory from "./memory.js"
import * as Preload from "./preload.js"

export type Residency = "resident" | "absent" | "unknown"

/** What a call needs in memory; {@link need} makes it of a request. */
export interface Need {
  /** As the request has it. */
  readonly model: string
  /** The one name that all its spellings have. */
  readonly name: string
  /** The length of the context, which `/api/ps` tells. */
  readonly context: unknown
  /** What else belongs to the loaded process: where it differs, the server loads again. */
  readonly runner: string
  /** Milliseconds that the model stays after an answer, as far as the request says so. */
  readonly keepAlive: number | undefined
}

export interface Monitor {
  /** Waits for `/api/ps` at most half a second. */
  readonly of: (need: Need) => Effect.Effect<Residency>
  /** Asks anew whether the model is there at all, whatever its options, and though a chunk of it came a while ago. */
  readonly isListed: (need: Need) => Effect.Effect<Residency>
  /** Whether it answered a moment ago, which nobody needs to be asked for. */
  readonly isWarm: (need: Need, now: number) => boolean
  /** What was seen last, however long ago, without asking. */
  readonly lastSeen: (need: Need, now: number) => Residency
  /** The same, where an answer of `/api/ps` that did not come changes nothing: it waits for the locks of a load. */
  readonly standing: (need: Need, now: number) => Residency
  /** Until when that holds at most, unless something changes (`Host.changes`); milliseconds on Clock. */
  readonly standingUntil: (need: Need) => number
  /** What `/api/ps` listed when it answered last. */
  readonly listed: () => Listing | undefined
  /** A chunk came: the model is in memory, and with other options it is not any more. */
  readonly seen: (need: Need, now: number) => void
  /** The options in which this differs from what the model is in memory with. */
  readonly changed: (need: Need, now: number) => ReadonlyArray<string>
  /** Looks at `/api/ps` unless that was done a moment ago; waits for it at most half a second. */
  readonly look: Effect.Effect<void>
  /** Looks anew, or joins a look; waits for its end, which comes after some seconds at the latest. */
  readonly refresh: Effect.Effect<Looked>
  /** What is known of a model, by its one name. */
  readonly known: (name: string, now: number) => Known
  /** The model may be out of memory: it was unloaded, its process crashed, or the server went away. */
  readonly forget: (model: string) => void
  /** The loads that the client has begun. */
  readonly preloads: Preload.Preloads
}

/** What is known of a model; `late` where `/api/ps` did not answer. */
export interface Known extends Memory.Known {
  readonly listing: "listed" | "absent" | "late" | undefined
}

/** What came of a look: an answer, none in time, or no connection (whatever was wrong with it). */
export type Looked = "answered" | "late" | "failed"

export interface Listing {
  /** Milliseconds on Clock. */
  readonly at: number
  readonly models: ReadonlyArray<Memory.Listed>
}

const validity = 2_000
/** For how long the last look tells something of now to those who only explain. */
const remembered = 60_000
/** How long a call waits for `/api/ps`, in milliseconds. */
export const patience = 500
const longest = 5_000
/** The most bytes of `/api/ps` that are read: some thousand models. */
const psLimit = 1024 * 1024
const warmth = 60_000
/** Models that are remembered at once; beyond it all are asked for again. */
const modelsLimit = 256

/** Options of the loaded process (Ollama `server/sched.go`, `needsReload`). */
const reloading = ["num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict"]

/** `X`, `x:latest` and `x:local` are one model. */
export const normalName = (name: string): string => {
  const lower = name
    .trim()
    .toLowerCase()
    .replace(/^registry\.ollama\.ai\//, "")
    .replace(/^library\//, "")
    .replace(/:local$/, "")
  return /:[^/]*$/.test(lower) ? lower : `${lower}:latest`
}

/** What this request needs. */
export const need = (model: string, request: Readonly<Record<string, unknown>>): Need => {
  const options = Predicate.isRecord(request.options) ? request.options : {}
  return {
    model,
    name: normalName(model),
    context: options.num_ctx ?? undefined,
    runner: JSON.stringify([...reloading.map((option) => options[option] ?? null), request.shift ?? null]),
    keepAlive: keepAliveMillis(request.keep_alive)
  }
}

/** The options whose values differ between two runners. */
const changedOptions = (before: string, after: string): ReadonlyArray<string> => {
  const [was, is] = [before, after].map((runner): ReadonlyArray<unknown> => JSON.parse(runner))
  return [...reloading, "shift"].filter((_, index) => was?.[index] !== is?.[index])
}

/** What a load is for: calls that need the same in memory have the same key. */
export const keyOf = ({ context, name, runner }: Need): string => JSON.stringify([name, context ?? null, runner])

/** Cloud models are never in this server's memory. */
export const isCloudModel = (name: string): boolean => /:([^/:]*-)?cloud$/i.test(name.trim())

const number = (u: unknown): number | undefined => (typeof u === "number" ? u : undefined)

const time = (u: unknown): number | undefined =>
  typeof u === "string" ? Option.getOrUndefined(Option.map(DateTime.make(u), DateTime.toEpochMillis)) : undefined

/** The entries, if this is an answer of `/api/ps`; read by hand, because it comes before many calls. */
const readPs = (text: string): ReadonlyArray<Memory.Listed> | undefined => {
  try {
    const json: unknown = JSON.parse(text)
    if (!Predicate.isRecord(json) || !Array.isArray(json.models)) return undefined
    return json.models.filter(Predicate.isRecord).map((model) => {
      const name = model.model ?? model.name
      return {
        name: typeof name === "string" ? normalName(name) : "",
        context: number(model.context_length),
        size: number(model.size),
        sizeVram: number(model.size_vram),
        expiresAt: time(model.expires_at)
      }
    })
  } catch {
    // not Ollama's: nothing is known
    return undefined
  }
}

const isListed = (models: ReadonlyArray<Memory.Listed>, name: string, context?: unknown): boolean =>
  models.some(
    (model) =>
      model.name === name && (typeof context !== "number" || model.context === undefined || model.context === context)
  )

/** A model that has answered. */
interface Warm {
  readonly context: unknown
  readonly runner: string
  readonly at: number
  readonly until: number
}

/**
 * @param scope of the client: a look at `/api/ps` is not cancelled when one of those who wait for it leaves
 * @param onLoad learns of the end of each load that the client owns
 */
export const make = (host: Host.Host, scope: Scope.Scope, onLoad?: (ended: Preload.Ended) => void): Monitor => {
  const warm = new Map<string, Warm>()
  const memory = Memory.make()
  let last: { readonly at: number; readonly models: ReadonlyArray<Memory.Listed> | undefined } | undefined
  let lastListing: Listing | undefined
  let lastLooked: Looked = "late"
  let pending: Deferred.Deferred<ReadonlyArray<Memory.Listed> | undefined> | undefined

  const fetch = Effect.scoped(
    Effect.flatMap(
      host.client.execute(Host.request(host, Endpoint.running.method, Endpoint.running.path, "application/json")),
      (response) =>
        Effect.map(Send.text(response, psLimit), (text) => {
          host.hasAnswered = true
          lastLooked = "answered"
          return response.status === 200 ? readPs(text) : undefined
        })
    )
  ).pipe(
    // whatever is wrong with this look, the call itself will find out and say so
    Effect.catchAllCause(() =>
      Effect.sync(() => {
        lastLooked = "failed"
        return undefined
      })
    ),
    Effect.timeoutTo({
      duration: longest,
      onSuccess: (models) => models,
      onTimeout: () => {
        lastLooked = "late"
        return undefined
      }
    })
  )

  const look = Effect.gen(function* () {
    if (pending !== undefined) return pending
    const deferred = yield* Deferred.make<ReadonlyArray<Memory.Listed> | undefined>()
    pending = deferred
    yield* Effect.forkIn(
      // made in a region that is not, but the look itself has a limit and ends with the client
      Effect.interruptible(
        Effect.flatMap(Effect.zip(fetch, Clock.currentTimeMillis), ([models, at]) => {
          // a look from before something was forgotten says nothing of now
          if (pending === deferred) {
            pending = undefined
            host.changes++
            last = { at, models }
            if (models !== undefined) {
              lastListing = { at, models }
              memory.looked(models, at)
            }
          }
          if (models !== undefined) host.contact = { at, answered: true }
          return Deferred.succeed(deferred, models)
        })
      ),
      scope
    )
    return deferred
  })

  const ps = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    last !== undefined && now - last.at < validity
      ? Effect.succeed(last.models)
      : Effect.flatMap(Effect.uninterruptible(look), (deferred) =>
          Effect.timeoutTo(Deferred.await(deferred), {
            duration: patience,
            onSuccess: (models) => models,
            onTimeout: () => undefined
          })
        )
  )

  /** What has answered lately under this name. */
  const answered = (name: string, now: number): Warm | undefined => {
    const known = warm.get(name)
    if (known === undefined) return undefined
    // put out of memory since, for another model
    const isGone = last?.models !== undefined && last.at > known.at && !isListed(last.models, name)
    if (now < known.until && !isGone) return known
    warm.delete(name)
    return undefined
  }

  /** The same, with these options. */
  const warmAs = ({ context, name, runner }: Need, now: number): Warm | undefined => {
    const known = answered(name, now)
    return known?.runner === runner && known.context === context ? known : undefined
  }

  const isWarm: Monitor["isWarm"] = (need, now) => warmAs(need, now) !== undefined

  return {
    of: ({ context, name, runner }) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const known = answered(name, now)
        // ps does not tell all that makes the server load again
        const isOther = known !== undefined && known.runner !== runner
        if (known !== undefined && !isOther && known.context === context) return Effect.succeed("resident")
        return Effect.map(ps, (models) =>
          models === undefined ? "unknown" : isListed(models, name, context) && !isOther ? "resident" : "absent"
        )
      }),
    isListed: ({ name }) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const known = answered(name, now)
        if (known !== undefined && now - known.at < validity) return Effect.succeed("resident")
        return Effect.map(ps, (models) => {
          if (models === undefined) return "unknown"
          if (isListed(models, name)) return "resident"
          if (warm.get(name) === known) warm.delete(name)
          return "absent"
        })
      }),
    isWarm,
    lastSeen: (need, now) => {
      if (isWarm(need, now)) return "resident"
      const { context, name } = need
      if (last?.models === undefined) return "unknown"
      return isListed(last.models, name, context) ? "resident" : "absent"
    },
    standing: (need, now) => {
      if (isWarm(need, now)) return "resident"
      if (lastListing === undefined) return "unknown"
      return isListed(lastListing.models, need.name, need.context) ? "resident" : "absent"
    },
    standingUntil: ({ name }) => warm.get(name)?.until ?? Number.POSITIVE_INFINITY,
    listed: () => lastListing,
    refresh: Effect.flatMap(Effect.uninterruptible(look), (deferred) =>
      Effect.map(Deferred.await(deferred), () => lastLooked)
    ),
    seen: (need, now) => {
      const { context, keepAlive = warmth, name, runner } = need
      const until = now + Math.min(keepAlive, warmth)
      const known = warmAs(need, now)
      // that it is warm for longer nobody need be told
      if (known === undefined || until < known.until) host.changes++
      if (warm.size >= modelsLimit && !warm.has(name)) warm.clear()
      warm.set(name, { context, runner, at: now, until })
      memory.seen(name, now)
    },
    changed: ({ context, name, runner }, now) => {
      const known = answered(name, now)
      if (known === undefined || (known.runner === runner && known.context === context)) return []
      return [...(known.context === context ? [] : ["num_ctx"]), ...changedOptions(known.runner, runner)]
    },
    look: Effect.asVoid(ps),
    known: (name, now) => ({
      ...memory.of(name, now),
      listing:
        last === undefined || now - last.at > remembered
          ? undefined
          : last.models === undefined
            ? "late"
            : isListed(last.models, name)
              ? "listed"
              : "absent"
    }),
    forget: (model) => {
      host.changes++
      warm.delete(normalName(model))
      pending = undefined
      // that nothing is known is no wrong answer
      if (last?.models !== undefined) last = undefined
      if (lastListing !== undefined) {
        const name = normalName(model)
        lastListing = { ...lastListing, models: lastListing.models.filter((listed) => listed.name !== name) }
      }
    },
    preloads: Preload.make(scope, onLoad, () => void host.changes++)
  }
}

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 36e5 }

/** The milliseconds of an encoded keep_alive: seconds, or Go's syntax ("1h30m"); negative is for ever. */
const keepAliveMillis = (keepAlive: unknown): number | undefined => {
  if (typeof keepAlive === "number") return keepAlive < 0 ? Number.POSITIVE_INFINITY : keepAlive * 1000
  if (typeof keepAlive !== "string") return undefined
  if (keepAlive.startsWith("-")) return Number.POSITIVE_INFINITY
  let millis = 0
  for (const [, amount, unit] of keepAlive.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    millis += Number(amount) * (units[unit ?? "s"] ?? 0)
  }
  return millis
}
