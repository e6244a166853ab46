/** What was learned of a host, as often as it is asked for: read again only when something of it has changed. */
import * as Detector from "../record/Detector.js"
import type * as Learned from "../record/Learned.js"
import * as Predictor from "../record/Predictor.js"
import * as State from "../record/predictor/state.js"
import * as Limited from "./limited.js"

/** Figures fade slowly: they are read again after this time, or when something was learned. */
const validFor = 60_000

interface Read {
  readonly host: unknown
  readonly ofModel: unknown
  readonly at: number
  readonly figures: Predictor.Figures
}

/** What was learned of one host: as long as it is the same object, nothing has changed. */
interface OfHost {
  readonly host: unknown
  readonly detectors: Learned.Detectors | undefined
}

export class Figures {
  private readonly known = new Map<string, Read>()
  private last: { readonly learned: Learned.Learned; readonly model: string; readonly read: Read } | undefined
  private lastSlowness: { readonly detectors: Learned.Learned["detectors"]; readonly slowness: number } | undefined

  constructor(
    private readonly url: string,
    readonly learned: () => Learned.Learned
  ) {}

  /** Of a model. */
  of(model: string, now: number): Predictor.Figures {
    return this.read(model, now).figures
  }

  /** Until when they hold, if nothing is learned; milliseconds on Clock. */
  until(model: string, now: number): number {
    return this.read(model, now).at + validFor
  }

  private read(model: string, now: number): Read {
    const learned = this.learned()
    const { last } = this
    if (last?.learned === learned && last.model === model && now - last.read.at < validFor) return last.read
    const read = this.readAgain(learned, model, now)
    this.last = { learned, model, read }
    return read
  }

  private readAgain({ predictor }: Learned.Learned, model: string, now: number): Read {
    const host = State.lookUp(predictor.hosts, this.url)
    const ofModel = State.lookUp(predictor.models, model)
    const known = this.known.get(model)
    if (known !== undefined && known.host === host && known.ofModel === ofModel && now - known.at < validFor) {
      return known
    }
    const figures = Predictor.figures(predictor, { host: this.url, model, at: now })
    const read: Read = { host, ofModel, at: now, figures }
    Limited.set(this.known, model, read)
    return read
  }

  /** How many times slower it seems than what was learned of it. */
  slowness(): number {
    const all = this.learned().detectors
    if (this.lastSlowness?.detectors === all) return this.lastSlowness.slowness
    const detectors = State.lookUp(all, this.url)
    let slowest = 1
    for (const state of [detectors?.prompt, detectors?.generating]) {
      const factor = state === undefined ? undefined : Detector.factor(state)
      if (factor !== undefined && factor > slowest) slowest = factor
    }
    this.lastSlowness = { detectors: all, slowness: slowest }
    return slowest
  }

  ofHost({ detectors, predictor }: Learned.Learned): OfHost {
    return {
      host: State.lookUp(predictor.hosts, this.url),
      detectors: State.lookUp(detectors, this.url)
    }
  }
}
