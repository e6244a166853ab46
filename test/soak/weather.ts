/** What goes wrong, and when: made of a seed before anything runs. */
import * as Effect from "effect/Effect"
import { Fault, type OllamaSimulator } from "effect-ollama/testing"
import { type Dice, dice, generating } from "./plan.js"

/** What of the world the weather needs. */
export interface Ground {
  readonly simulator: OllamaSimulator.Service
  /** Learns of it in the moment in which the server goes down, or comes back. */
  readonly power: (isUp: boolean) => Effect.Effect<void>
}

export interface Spell {
  readonly name: string
  /** Milliseconds from the start, and from there. */
  readonly at: number
  readonly lasts: number
  readonly begin: (ground: Ground) => Effect.Effect<void>
  readonly end: (ground: Ground) => Effect.Effect<void>
}

const clear = ({ simulator }: Ground) => Effect.zipRight(simulator.clearFaults, simulator.slowDown(1))

type Making = (chance: Dice) => Pick<Spell, "begin"> & Partial<Pick<Spell, "end">>

const inject =
  (make: (chance: Dice, some: { readonly times: number }) => Fault.Fault): Making =>
  (chance) => {
    const fault = make(chance, { times: chance.between(1, 10) })
    return { begin: ({ simulator }) => simulator.inject(fault) }
  }

/** Faults that break no connection and no runner: memory changes only as the scheduler wants. */
const harmless: Readonly<Record<string, Making>> = {
  busy: inject((_, some) => Fault.serverBusy(some)),
  limited: inject((_, some) => Fault.rateLimited(2, some)),
  slowHeaders: inject((chance, some) => Fault.slowHeaders(chance.time(1, 10), some)),
  splitBytes: inject((_, some) => Fault.splitBytes(7, some)),
  badLine: inject((chance, some) => Fault.badLineAfter(chance.between(1, 2), some)),
  slowDown: (chance) => {
    const factor = chance.between(2, 4)
    return { begin: ({ simulator }) => simulator.slowDown(factor) }
  }
}

const harmful: Readonly<Record<string, Making>> = {
  refused: () => ({ begin: ({ simulator }) => simulator.inject(Fault.refused()) }),
  connectTimeout: () => ({ begin: ({ simulator }) => simulator.inject(Fault.connectTimeout("3 seconds")) }),
  gateway: () => ({ begin: ({ simulator }) => simulator.inject(Fault.badGateway()) }),
  stopped: inject((_, some) => Fault.error("runner.stopped", some)),
  crash: inject((chance, some) => Fault.crash(chance.between(0, 2), some)),
  reset: inject((chance, some) => Fault.resetAfter(chance.between(1, 2), some)),
  cut: inject((chance, some) => Fault.cutAfter(chance.between(1, 2), some)),
  half: inject((chance, some) => Fault.endAfter(chance.between(1, 2), some)),
  errorLine: inject((chance, some) => Fault.errorLineAfter(chance.between(1, 2), "something went wrong", some)),
  resetBefore: inject((_, some) => Fault.resetBeforeHeaders(some)),
  closeBefore: inject((_, some) => Fault.closeBeforeHeaders(some)),
  stall: inject((chance, some) => Fault.stallAfter(chance.between(1, 2), some)),
  blackHole: inject((_, some) => Fault.blackHole(some)),
  killed: (chance) => {
    const model = chance.pick(generating)
    return { begin: ({ simulator }) => Effect.asVoid(simulator.crash(model)) }
  },
  restart: () => ({
    begin: ({ power, simulator }) => Effect.zipRight(power(false), simulator.shutdown),
    end: ({ power, simulator }) => Effect.zipRight(power(true), simulator.restart)
  })
}

/** One thing at a time, with some calm in between. */
export const spells = (until: number, seed: number, isHarmful: boolean): ReadonlyArray<Spell> => {
  const chance = dice(seed)
  const [first, ...others] = Object.entries(isHarmful ? { ...harmless, ...harmful } : harmless)
  const all: Array<Spell> = []
  let at = chance.time(5, 15)
  if (first === undefined) return all
  while (at < until) {
    const [name, make] = chance.pick([first, ...others])
    const { begin, end } = make(chance)
    const lasts = chance.time(2, 12)
    const ending = (ground: Ground) => Effect.zipRight(clear(ground), end?.(ground) ?? Effect.void)
    all.push({ name, at, lasts, begin, end: ending })
    at += lasts + chance.time(2, 20)
  }
  return all
}

/** Lets it happen, one after the other. */
export const happen = (ground: Ground, all: ReadonlyArray<Spell>): Effect.Effect<void> => {
  let now = 0
  const until = (at: number) =>
    Effect.suspend(() => {
      const wait = at - now
      now = at
      return Effect.sleep(wait)
    })
  return Effect.forEach(
    all,
    ({ at, begin, end, lasts }) =>
      until(at).pipe(Effect.zipRight(begin(ground)), Effect.zipRight(until(at + lasts)), Effect.zipRight(end(ground))),
    { discard: true }
  )
}
