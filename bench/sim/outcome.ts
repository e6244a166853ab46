/** How a request ended for its caller. */

/** `failure` is the class and the detail of a failure: `Timeout total`. */
export type Ending =
  { readonly isDone: true } | { readonly isDone: false; readonly failure: string; readonly verdict?: string }

export const done: Ending = { isDone: true }

export const failed = (failure: string, verdict?: string): Ending => ({
  isDone: false,
  failure,
  ...(verdict === undefined ? {} : { verdict })
})
