/** What is in a host's memory, as it was seen over time: how large models are, and which of them push each other out. */

/** A model as `/api/ps` lists it. */
export interface Listed {
  readonly name: string
  /** The length of its context. */
  readonly context: number | undefined
  /** Bytes; and those of them in graphics memory. */
  readonly size: number | undefined
  readonly sizeVram: number | undefined
  /** When it will leave by itself; milliseconds since 1970 on the server's clock. */
  readonly expiresAt: number | undefined
}

/** What is known of a model. */
export interface Known {
  readonly size: number | undefined
  readonly sizeVram: number | undefined
  /** How often it went for other models and came back, within ten minutes. */
  readonly evictions: number
  /** The models that came when it went. */
  readonly rivals: ReadonlyArray<string>
}

export interface Memory {
  /** All that is there. */
  readonly looked: (models: ReadonlyArray<Listed>, now: number) => void
  /** This one is there. */
  readonly seen: (name: string, now: number) => void
  readonly of: (name: string, now: number) => Known
}

/** Milliseconds for which an eviction is remembered. */
const remembered = 600_000
/** Models, and evictions, that are remembered at once. */
const most = 256

interface Entry {
  size: number | undefined
  sizeVram: number | undefined
  isThere: boolean
  /** The models that came when it went. */
  goneFor: ReadonlyArray<string>
}

interface Return {
  readonly name: string
  readonly at: number
  readonly rivals: ReadonlyArray<string>
}

export const make = (): Memory => {
  const entries = new Map<string, Entry>()
  let returns: Array<Return> = []

  const entryOf = (name: string): Entry => {
    const known = entries.get(name)
    if (known !== undefined) return known
    if (entries.size >= most) entries.clear()
    const entry: Entry = { size: undefined, sizeVram: undefined, isThere: false, goneFor: [] }
    entries.set(name, entry)
    return entry
  }

  const came = (name: string, now: number): Entry => {
    const entry = entryOf(name)
    if (!entry.isThere && entry.goneFor.length > 0) {
      returns = [...returns.slice(1 - most), { name, at: now, rivals: entry.goneFor }]
      entry.goneFor = []
    }
    entry.isThere = true
    return entry
  }

  return {
    looked: (models, now) => {
      const names = new Set(models.map(({ name }) => name))
      const added = models.filter(({ name }) => entries.get(name)?.isThere !== true).map(({ name }) => name)
      for (const [name, entry] of entries) {
        if (!entry.isThere || names.has(name)) continue
        entry.isThere = false
        entry.goneFor = added
      }
      for (const { name, size, sizeVram } of models) Object.assign(came(name, now), { size, sizeVram })
    },
    seen: (name, now) => {
      // the usual case: it has been there all the time
      if (entries.get(name)?.isThere !== true) came(name, now)
    },
    of: (name, now) => {
      const own = returns.filter((back) => back.name === name && now - back.at < remembered)
      return {
        size: entries.get(name)?.size,
        sizeVram: entries.get(name)?.sizeVram,
        evictions: own.length,
        rivals: [...new Set(own.flatMap(({ rivals }) => rivals))]
      }
    }
  }
}
