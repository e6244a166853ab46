/** What a placement remembers from one choice to the next. */

/**
 * Changed by each choice, and bounded. One for each client that chooses by itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Memory {
  /** How many choices there were. */
  turn: number
}

export const make = (): Memory => ({ turn: 0 })
