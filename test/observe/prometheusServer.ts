/** A real Prometheus (Debian's package `prometheus`), for as long as the Scope is open. */
import { Command } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import * as path from "node:path"

export const isInstalled = ["prometheus", "promtool"].every((name) => spawnSync(name, ["--version"]).status === 0)

class NotYet extends Data.TaggedError("NotYet")<{ readonly why: string }> {}

/** Asks again until it is so, for twenty seconds. */
const eventually = Schedule.spaced("200 millis").pipe(Schedule.intersect(Schedule.recurs(100)))

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "effect-ollama-prometheus-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** One that was free a moment ago: Prometheus does not tell which port it got. */
const freePort = Effect.async<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const Answer = Schema.Struct({
  data: Schema.Struct({
    result: Schema.Array(
      Schema.Struct({
        metric: Schema.Record({ key: Schema.String, value: Schema.String }),
        value: Schema.Tuple(Schema.Number, Schema.NumberFromString)
      })
    )
  })
})

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus {
  /** What an instant query gives, as soon as it satisfies. */
  readonly query: (
    expression: string,
    satisfies: (samples: ReadonlyArray<Sample>) => boolean
  ) => Effect.Effect<ReadonlyArray<Sample>, NotYet>
}

/**
 * Prometheus, scraping one address each second.
 *
 * @param target `127.0.0.1:9464`
 */
export const scraping = (target: string) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const config = path.join(folder, "prometheus.json")
    // JSON is YAML
    const scrape = {
      job_name: "test",
      scrape_interval: "2s",
      scrape_timeout: "2s",
      static_configs: [{ targets: [target] }]
    }
    writeFileSync(config, JSON.stringify({ scrape_configs: [scrape] }))
    const port = yield* freePort
    const command = Command.make(
      "prometheus",
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn"
    )
    const started = yield* Command.start(command)
    const said = yield* Effect.fork(Stream.mkString(Stream.decodeText(started.stderr)))
    const get = (at: string): Effect.Effect<unknown, NotYet> =>
      Effect.tryPromise({
        try: async (signal) => {
          const response = await fetch(`http://127.0.0.1:${port}${at}`, { signal })
          return response.ok ? response.json() : Promise.reject(new Error(await response.text()))
        },
        catch: (problem) => new NotYet({ why: String(problem) })
      })
    const query: Prometheus["query"] = (expression, satisfies) =>
      get(`/api/v1/query?query=${encodeURIComponent(expression)}`).pipe(
        Effect.flatMap(Schema.decodeUnknown(Answer)),
        Effect.catchTag("ParseError", (error) => new NotYet({ why: error.message })),
        Effect.map(({ data }) => data.result.map(({ metric, value }) => ({ labels: metric, value: value[1] }))),
        Effect.filterOrFail(satisfies, (samples) => new NotYet({ why: `${expression} is ${JSON.stringify(samples)}` })),
        Effect.retry(eventually),
        Effect.tapError(() =>
          Effect.flatMap(Effect.zipRight(started.kill(), Fiber.join(said)), (text) => Effect.logError(text)).pipe(
            Effect.ignore
          )
        )
      )
    return { query } satisfies Prometheus
  }).pipe(Effect.provide(NodeContext.layer))
