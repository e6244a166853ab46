/** What follows for a host from what was seen of it: pure, so that every rule can be read in one place. */
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { HostHealth, Move, Resident, Status } from "./state.js"

/**
 * - `Answered`, `Missed`: a probe of `/api/version`. `connected` says whether there was a connection at all.
 * - `Listed`, `NotListed`: a probe of `/api/ps`; `late` where it ran out of time.
 * - `Heard`: the server answered a call. `Refused`: a call had no connection, said at once. `Lost`: nor had this one,
 *   after a time.
 * - `Began`, `Ended`: calls.
 */
export type Sight =
  | { readonly _tag: "Answered"; readonly version: string; readonly latency: Duration.Duration }
  | { readonly _tag: "Missed"; readonly connected: boolean; readonly why: string }
  | { readonly _tag: "Listed"; readonly models: ReadonlyArray<Resident> }
  | { readonly _tag: "NotListed"; readonly late: boolean; readonly limit: string }
  | { readonly _tag: "Heard" }
  | { readonly _tag: "Refused"; readonly why: string }
  | { readonly _tag: "Lost"; readonly why: string }
  | { readonly _tag: "Began" }
  | { readonly _tag: "Ended" }

/** So many misses in a row count: one may be chance. */
const misses = 2

const become = (health: HostHealth, status: Status, why: string, now: DateTime.Utc): HostHealth =>
  health.status === status ? { ...health, why } : { ...health, status, why, since: now }

export const initial = (host: string, now: DateTime.Utc): HostHealth => ({
  host,
  status: "unknown",
  since: now,
  why: "It was not asked yet.",
  misses: 0,
  running: 0,
  models: [],
  moves: []
})

const isDown = ({ status }: HostHealth): boolean => status === "unreachable" || status === "unknown"

/** A sign of life ends what was believed of its absence; what it is busy with goes on. */
const alive = (health: HostHealth, why: string, now: DateTime.Utc): HostHealth => {
  const heard = { ...health, misses: 0, heardAt: now }
  return isDown(health) ? become(heard, "healthy", why, now) : heard
}

const missed = (health: HostHealth, connected: boolean, why: string, now: DateTime.Utc): HostHealth => {
  const counted = { ...health, misses: health.misses + 1 }
  if (counted.misses < misses) {
    return health.heardAt === undefined ? { ...counted, why: `The first probe had no good answer: ${why}` } : counted
  }
  return connected
    ? become(counted, "unknown", `No good answer ${counted.misses} times in a row: ${why}`, now)
    : become(counted, "unreachable", `No connection ${counted.misses} times in a row: ${why}`, now)
}

const named = (models: ReadonlyArray<Resident>): ReadonlySet<string> => new Set(models.map(({ name }) => name))

/** Who came and who left since the last look; the first look shows no move. */
const moved = (health: HostHealth, models: ReadonlyArray<Resident>, now: DateTime.Utc): ReadonlyArray<Move> => {
  if (health.modelsAt === undefined) return []
  const [before, after] = [named(health.models), named(models)]
  const move =
    (what: Move["what"]) =>
    ({ name, size }: Resident): Move => ({ at: now, model: name, what, size })
  return [
    ...health.models.filter(({ name }) => !after.has(name)).map(move("left")),
    ...models.filter(({ name }) => !before.has(name)).map(move("came"))
  ]
}

const listed = (
  health: HostHealth,
  models: ReadonlyArray<Resident>,
  now: DateTime.Utc,
  historyLimit: number
): HostHealth => {
  const moves = [...health.moves, ...moved(health, models, now)].slice(-historyLimit)
  const heard = { ...alive(health, answers, now), models, modelsAt: now, moves }
  return heard.status === "busy" ? become(heard, "healthy", answers, now) : heard
}

const answers = "It answers."

export const next = (health: HostHealth, sight: Sight, at: number, historyLimit: number): HostHealth => {
  const now = DateTime.unsafeMake(at)
  switch (sight._tag) {
    case "Answered":
      return { ...alive(health, answers, now), version: sight.version, latency: sight.latency }
    case "Missed":
      return missed(health, sight.connected, sight.why, now)
    case "Listed":
      return listed(health, sight.models, now, historyLimit)
    case "NotListed":
      return sight.late && health.status !== "unreachable" && health.misses === 0
        ? become(
            health,
            "busy",
            `It answers, and does not say within ${sight.limit} what is in memory: it loads or evicts a model.`,
            now
          )
        : health
    case "Heard":
      return alive(health, "It answered a call.", now)
    case "Refused":
      return become({ ...health, misses: Math.max(health.misses, 1) }, "unreachable", sight.why, now)
    case "Lost":
      return missed(health, false, sight.why, now)
    case "Began":
      return { ...health, running: health.running + 1 }
    case "Ended":
      return { ...health, running: Math.max(0, health.running - 1) }
  }
}

/**
 * Models that push each other out of memory: how many loads that took, and which models they are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Thrash {
  readonly loads: number
  readonly rivals: ReadonlyArray<string>
}

/** A model that came back after it had left, where another one had come in between, was put out for that one. */
export const thrash = ({ moves }: HostHealth, since: DateTime.Utc): Option.Option<Thrash> => {
  const recent = moves.filter(({ at }) => DateTime.greaterThanOrEqualTo(at, since))
  const rivals = new Set<string>()
  let loads = 0
  for (const [index, { model, what }] of recent.entries()) {
    if (what !== "came") continue
    const left = recent.slice(0, index).findLastIndex((other) => other.model === model && other.what === "left")
    if (left === -1) continue
    const between = recent.slice(left, index).filter((other) => other.what === "came" && other.model !== model)
    if (between.length === 0) continue
    loads++
    for (const name of [model, ...between.map((other) => other.model)]) rivals.add(name)
  }
  return loads === 0 ? Option.none() : Option.some({ loads, rivals: [...rivals] })
}
