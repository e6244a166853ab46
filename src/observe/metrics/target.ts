/** What the series of a call are tagged with: which operation, which model, which server; each with a limit. */
import * as MetricLabel from "effect/MetricLabel"
import * as Residency from "../../client/residency.js"
import { defined } from "../../internal/defined.js"
import * as GenAi from "../../internal/genAi.js"
import type { Instrument, Series } from "./instrument.js"

/** What stands for all names beyond the limit, as in OpenTelemetry (`error.type`). */
const other = "_OTHER"

/** Model names come from whoever calls, so they need a limit; hosts come from the configuration. */
const modelLimit = 100
const hostLimit = 50

export interface Subject {
  readonly operation?: string | undefined
  readonly host?: string | undefined
  readonly model?: string | undefined
  /** What became of it: a model that nobody has takes no place among the names. */
  readonly outcome?: string | undefined
}

/** One name for all spellings of it, and the shortest: `llama3.2` for `llama3.2:latest`. */
const shortest = (model: string): string => Residency.normalName(model).replace(/:latest$/, "")

/** The same, from a memory: it is needed several times in each call, for few names. */
const speller = () => {
  const memory = new Map<string, string>()
  return (model: string | undefined): string | undefined => {
    if (model === undefined) return undefined
    const before = memory.get(model)
    if (before !== undefined) return before
    if (memory.size >= 2 * modelLimit) memory.clear()
    const name = shortest(model)
    memory.set(model, name)
    return name
  }
}

/** Outcomes that say nothing for the model being there. */
const unproven = new Set(["ModelNotFound", "InvalidRequest"])

/** The series of one subject, each made when it is first needed. */
export interface Target {
  readonly isGenerative: boolean
  /**
   * @param own values of the tags that only this metric has: the last ones of its list
   */
  readonly series: (instrument: Instrument, ...own: ReadonlyArray<string>) => Series
}

const serverOf = (host: string | undefined): Readonly<Record<string, string>> => {
  if (host === undefined) return {}
  const server = GenAi.serverOf(host)
  return server === undefined
    ? { "server.address": other }
    : { "server.address": server.address, "server.port": String(server.port) }
}

/** Lets the first names pass, and is `_OTHER` for all that come later, and for those that are not to be kept. */
const limited = (limit: number) => {
  const known = new Set<string>()
  return (name: string | undefined, keep: boolean): string | undefined => {
    if (name === undefined || known.has(name)) return name
    if (!keep || known.size >= limit) return other
    known.add(name)
    return name
  }
}

const make = (
  attributes: Readonly<Record<string, string>>,
  base: ReadonlyArray<MetricLabel.MetricLabel>
): Target["series"] => {
  // by the metric first: a text put together and looked up for each value would cost more than the counting
  const made = new Map<Instrument, Map<string, Series>>()
  return (instrument, ...own) => {
    let ofInstrument = made.get(instrument)
    if (ofInstrument === undefined) {
      ofInstrument = new Map()
      made.set(instrument, ofInstrument)
    }
    const key = own.length < 2 ? (own[0] ?? "") : own.join(" ")
    const before = ofInstrument.get(key)
    if (before !== undefined) return before
    const first = instrument.tags.length - own.length
    const labels = instrument.tags.flatMap((tag, index) => {
      const value = own[index - first] ?? attributes[tag]
      return value === undefined ? [] : [MetricLabel.make(tag, value)]
    })
    const series = instrument.series([...labels, ...base])
    ofInstrument.set(key, series)
    return series
  }
}

/**
 * Targets by their subject. For each client at most 100 models and 50 hosts have series of their own; operations,
 * outcomes, phases and verdicts are lists in this library.
 *
 * @param base tags that all series have
 */
export const targets = (base: ReadonlyArray<MetricLabel.MetricLabel>): ((subject: Subject) => Target) => {
  const model = limited(modelLimit)
  const host = limited(hostLimit)
  const spelled = speller()
  const made = new Map<string, Target>()
  return (subject) => {
    const about = {
      operation: subject.operation,
      host: host(subject.host, true),
      model: model(spelled(subject.model), subject.outcome === undefined || !unproven.has(subject.outcome))
    }
    const key = `${about.operation ?? ""} ${about.host ?? ""} ${about.model ?? ""}`
    const before = made.get(key)
    if (before !== undefined) return before
    const known = subject.operation === undefined ? undefined : GenAi.operationName(subject.operation)
    const operation = known ?? subject.operation
    const attributes = {
      ...defined({ "gen_ai.request.model": about.model }),
      ...(operation === undefined
        ? {}
        : { "gen_ai.operation.name": operation, "gen_ai.provider.name": GenAi.provider }),
      ...serverOf(about.host)
    }
    const target = {
      isGenerative: known !== undefined,
      series: make(attributes, base)
    }
    made.set(key, target)
    return target
  }
}
