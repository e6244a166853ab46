/** The three loads and what is wanted in each, as ratios to ollama-js (observed: to the bare client) in the same run. */
export interface Mode {
  readonly key: "a" | "b" | "c"
  readonly title: string
  readonly streams: number
  readonly model: string
  /** cpu: passes in one process; memory: milliseconds after which the open streams are weighed */
  readonly measure: { readonly cpu: number } | { readonly memoryAfter: number }
  /** the tokens that must have been delivered in a pass */
  readonly lines: number
  readonly rounds: number
  /** limits by contestant, one for each pass (or for memory: rss, heap) */
  readonly wanted: Readonly<Record<string, ReadonlyArray<number | undefined>>>
}

export const modes: ReadonlyArray<Mode> = [
  {
    key: "a",
    title: "100,000 lines in bulk, one stream",
    streams: 1,
    model: "bench-bulk-100000",
    measure: { cpu: 2 },
    lines: 100_000,
    // what differs from one process to the next is more than what is looked for
    rounds: 18,
    wanted: { forEach: [1.0], chat: [0.8], recorded: [1.1, 1.1], observed: [1.1, 1.1] }
  },
  {
    key: "b",
    title: "32 streams of 401 lines, a line per read, 4 ms apart",
    streams: 32,
    model: "bench-paced-401-4",
    measure: { cpu: 2 },
    lines: 32 * 401,
    rounds: 24,
    wanted: { forEach: [1.35, 1.2], chat: [1.0, 1.0], recorded: [1.1, 1.1], observed: [1.1, 1.1] }
  },
  {
    key: "c",
    title: "1,000 slow streams, a token a second",
    streams: 1000,
    model: "bench-paced-14-1000",
    measure: { memoryAfter: 8000 },
    lines: 14_000,
    rounds: 3,
    wanted: { forEach: [1.2, 1.2], chat: [1.2, 1.2] }
  }
]
