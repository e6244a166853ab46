/** A tiny call from time to time, so that there is something to measure where this process has no calls of its own. */
import * as Effect from "effect/Effect"
import * as History from "./History.js"
import type { Server, Source } from "./Source.js"

/** One token. What became of it is in the events of the client. */
const ask = (model: string, { client }: Server): Effect.Effect<void> =>
  client
    .generate({ model, prompt: "Say yes.", options: { num_predict: 1 } }, { policy: { retry: { attempts: 1 } } })
    .pipe(Effect.ignore)

/** Only where the model is in memory: a probe must not load it, and put others out. */
export const probe = (source: Source, model: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { models } = yield* source.snapshot
    const isIn = (host: string) =>
      models.some((row) => row.host === host && row.resident !== undefined && row.model === History.fullName(model))
    yield* Effect.forEach(
      source.servers.filter(({ host }) => isIn(host)),
      (server) => ask(model, server),
      { concurrency: "unbounded", discard: true }
    )
  })
