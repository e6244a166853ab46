/**
 * Second copies of models: loaded in the background where memory is free, before calls have to wait for it. How much each
 * model is asked for is counted here, too.
 */
import type { Loader } from "../client/routes.js"
import * as Residency from "../client/residency.js"
import type { Member } from "./member.js"
import * as Demand from "./placement/demand.js"
import * as Spread from "./placement/spread.js"

export interface Options {
  readonly members: () => ReadonlyArray<Member>
  /** What a model takes in memory; 10^9 bytes. */
  readonly gigabytes: (model: string) => number | undefined
}

/** A load to begin at a host. */
export interface Load {
  readonly member: Member
  readonly model: string
  readonly begin: Loader
}

/** Models that are counted at once; beyond it one without calls is forgotten. */
const most = 256
/** Between two looks; milliseconds. */
const pause = 1_000
/** A host that has just come back has enough to do. */
const recovering = 20_000

interface Known {
  demand: Demand.Demand
  /** For which options of the loaded process. */
  key: string
  begin: Loader
}

export class Spreading {
  private readonly known = new Map<string, Known>()
  private lookedAt = Number.NEGATIVE_INFINITY

  constructor(private readonly options: Options) {}

  /** A call of the model has come, or has gone. */
  count(need: Residency.Need, change: 1 | -1, now: number, loader: () => Loader): void {
    const known = this.known.get(need.name)
    if (known === undefined) {
      if (change < 0) return
      this.makeRoom()
      const key = Residency.keyOf(need)
      this.known.set(need.name, { demand: Demand.set(Demand.none, 1, now), key, begin: loader() })
      return
    }
    known.demand = Demand.set(known.demand, Math.max(0, known.demand.calls + change), now)
    if (change < 0) return
    const key = Residency.keyOf(need)
    if (key === known.key) return
    known.key = key
    known.begin = loader()
  }

  private makeRoom(): void {
    if (this.known.size < most) return
    for (const [model, { demand }] of this.known) {
      if (demand.calls > 0) continue
      this.known.delete(model)
      return
    }
  }

  /** The loads to begin now. */
  due(now: number): ReadonlyArray<Load> {
    const members = this.options.members()
    if (members.length < 2 || now - this.lookedAt < pause) return []
    this.lookedAt = now
    const demands = [...this.known].map(([model, { demand }]): Spread.Demand => ({
      model,
      gigabytes: this.options.gigabytes(model) ?? roughGigabytes,
      calls: Demand.mean(demand, now)
    }))
    return Spread.spread(
      members.map((member) => this.room(member, now)),
      demands
    ).flatMap(({ host, model }) => {
      const member = members.find(({ url }) => url === host)
      const begin = this.known.get(model)?.begin
      return member === undefined || begin === undefined ? [] : [{ member, model, begin }]
    })
  }

  private room(member: Member, now: number): Spread.Room {
    const { memory, recoveredAt } = member
    const loads = member.loads(now)
    const models = new Set([...memory.models, ...loads.keys()])
    const isBack = recoveredAt !== undefined && now - recoveredAt < recovering
    let parallelism = 1
    let held = 0
    for (const model of models) {
      held += memory.sizes.get(model) ?? this.options.gigabytes(model) ?? roughGigabytes
      parallelism = Math.max(parallelism, member.parallelism(model, now) ?? 1)
    }
    const wasSeen = member.server.residency.listed() !== undefined
    return {
      host: member.url,
      isOpen: wasSeen && !isBack && !member.server.host.isCloud && !member.isBlocked(undefined, now),
      loadsLeft: [...loads.values()].reduce((sum, left) => sum + left, 0),
      heldGigabytes: held,
      mostGigabytes: memory.most,
      sincePutOut: memory.putOutAt === undefined ? Number.POSITIVE_INFINITY : now - memory.putOutAt,
      parallelism,
      models,
      missing: new Set([...this.known.keys()].filter((model) => member.absence.isMissing(model, now)))
    }
  }
}

/** Where no size was seen: that of a model of 8 billion parameters at 4 bits. */
const roughGigabytes = 5
