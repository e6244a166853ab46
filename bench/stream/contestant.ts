/** What is measured: a client, made once, that opens streams at the same time and counts the lines it delivered. */
export interface Contestant {
  readonly name: string
  readonly open: (host: string) => Promise<Session>
}

export interface Session {
  /** Opens `streams` chats at the same time and consumes each; gives the number of chunks delivered to the consumer. */
  readonly run: (streams: number, model: string) => Promise<number>
  readonly close: () => Promise<void>
}

/** The one question everybody asks. */
export const messages = [{ role: "user" as const, content: "Hello" }]

/** A session from a function that consumes one stream. */
export const session = (
  one: (model: string) => Promise<number>,
  close: () => Promise<void> = () => Promise.resolve()
): Session => ({
  run: async (streams, model) => {
    const counts = await Promise.all(Array.from({ length: streams }, () => one(model)))
    return counts.reduce((a, b) => a + b, 0)
  },
  close
})
