/**
 * Which conversations a host still has in the memory of a model: a server keeps one prefix for each of the calls that it
 * works on at once, and the next call there takes the place of the oldest.
 */
import * as Limited from "./limited.js"

interface Kept {
  readonly session: string | undefined
  readonly tokens: number
}

export class Sessions {
  private readonly byModel = new Map<string, Array<Kept>>()

  /** A call has ended: its prompt and answer are what is kept. */
  ended(model: string, session: string | undefined, tokens: number, parallelism: number): void {
    const before = this.byModel.get(model) ?? []
    const others = session === undefined ? before : before.filter((kept) => kept.session !== session)
    const kept = [...others, { session, tokens }].slice(-Math.max(1, Math.round(parallelism)))
    Limited.set(this.byModel, model, kept)
  }

  /** Tokens of this session that need not be read again. */
  tokens(model: string, session: string | undefined): number {
    if (session === undefined) return 0
    return this.byModel.get(model)?.find((kept) => kept.session === session)?.tokens ?? 0
  }

  /** The model went out of memory. */
  clear(): void {
    this.byModel.clear()
  }
}
