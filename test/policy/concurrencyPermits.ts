/** Permits that are held, and calls that wait for one, for tests. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Concurrency } from "effect-ollama"

export const limited = (limit: number, more: Partial<Concurrency.Concurrency> = {}): Concurrency.Concurrency => ({
  ...Concurrency.defaults,
  limit,
  ...more
})

export const permitOf = (granted: Concurrency.Permit | Concurrency.Refusal | undefined): Concurrency.Permit =>
  granted?._tag === "Permit" ? granted : assert.fail(`no permit: ${JSON.stringify(granted)}`)

export const refusalOf = (granted: Concurrency.Permit | Concurrency.Refusal | undefined): Concurrency.Refusal =>
  granted?._tag === "Refusal" ? granted : assert.fail(`no refusal: ${JSON.stringify(granted)}`)

/** Takes all permits that there are, at time 0. */
export const fill = (permits: Concurrency.Permits): Array<Concurrency.Permit> => {
  const held: Array<Concurrency.Permit> = []
  while (permits.unsafeHasRoom(0)) held.push(permitOf(permits.unsafeTryAcquire(0)))
  return held
}

/** Waits under a name; `order` gets the names as they are granted a permit, which is kept. */
export const queue = (permits: Concurrency.Permits, order: Array<string>) => {
  const held = new Map<string, Concurrency.Permit>()
  const wait = (name: string, ask?: Concurrency.Ask) =>
    Effect.fork(
      permits.acquire({
        ...ask,
        hold: (permit) => {
          order.push(name)
          held.set(name, permit)
        }
      })
    ).pipe(Effect.tap(Effect.yieldNow()))
  return { wait, held }
}

/** Gives permits back until nobody waits. */
export const drain = (
  permits: Concurrency.Permits,
  first: Concurrency.Permit,
  order: ReadonlyArray<string>,
  held: Map<string, Concurrency.Permit>
) => {
  first.release(0)
  for (let i = 0; i < order.length; i++) held.get(order[i] ?? "")?.release(0)
  return Effect.map(permits.state, (state) => {
    assert.deepStrictEqual(state.waiting, { interactive: 0, normal: 0, batch: 0 })
    assert.strictEqual(state.inFlight, 0)
  })
}
