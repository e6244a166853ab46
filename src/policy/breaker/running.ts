/** The calls in flight, oldest first, so that those which have become slow are found without a timer or a fiber. */
export interface Call {
  readonly startedAt: number
  /** Whether it was found to be slow while it ran. */
  isOverdue: boolean
}

export interface Running<A extends Call> {
  readonly add: (call: A) => void
  readonly remove: (call: A) => void
  /** Tells of each call that has run for so long, once. */
  readonly eachOverdue: (nowMillis: number, slowAfter: number, report: (call: A) => void) => void
}

export const make = <A extends Call>(): Running<A> => {
  // in the order of their beginnings; what was told of is not in it
  const calls = new Set<A>()
  return {
    add: (call) => {
      calls.add(call)
    },
    remove: (call) => {
      calls.delete(call)
    },
    eachOverdue: (nowMillis, slowAfter, report) => {
      for (const call of calls) {
        if (nowMillis - call.startedAt < slowAfter) return
        calls.delete(call)
        call.isOverdue = true
        report(call)
      }
    }
  }
}
