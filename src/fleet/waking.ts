/** Somebody who sleeps and can be woken; who was woken while awake does not fall asleep. */
import * as Effect from "effect/Effect"

export class Waking {
  /** Whether it was woken since it began anew. */
  isWoken = false
  private resume: (() => void) | undefined

  /** Ends when it is woken, at once where it was before. */
  readonly woken: Effect.Effect<void> = Effect.async((go) => {
    if (this.isWoken) return go(Effect.void)
    this.resume = () => go(Effect.void)
    return Effect.sync(() => {
      this.resume = undefined
    })
  })

  begin(): void {
    this.isWoken = false
  }

  wake(): void {
    this.isWoken = true
    this.resume?.()
  }
}
