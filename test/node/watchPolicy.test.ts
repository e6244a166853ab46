import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Exit, Logger, Queue, Scope, Stream } from "effect"
import { Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import * as path from "node:path"

const attempts = (n: number): string => JSON.stringify({ retry: { attempts: n } })

/** A folder for one test, and a policy file in it. */
const folder = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const at = yield* files.makeTempDirectoryScoped()
  return { files, at, file: path.join(at, "policy.json") }
}).pipe(Effect.provide(NodeFileSystem.layer))

/** The number of attempts in each policy, and each warning, as they come. */
const watched = (file: string, interval = "1 hour" as Duration.DurationInput) =>
  Effect.gen(function* () {
    const policies = yield* Queue.unbounded<number>()
    const warnings = yield* Queue.unbounded<string>()
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel.label === "WARN") warnings.unsafeOffer(String(message))
    })
    yield* OllamaNode.watchPolicy(file, { interval }).pipe(
      Stream.runForEach((policy) => Queue.offer(policies, policy.retry.attempts)),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.forkScoped
    )
    return { policies, next: Queue.take(policies), warning: Queue.take(warnings) }
  })

/** Node closes a watcher in the next turn of its loop. */
const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

const watchers = () => process.getActiveResourcesInfo().filter((name) => name === "FSEventWrap").length

describe("watchPolicy gives", () => {
  it.scopedLive("the policy in the file, filled from the defaults", () =>
    Effect.gen(function* () {
      const { file, files } = yield* folder
      yield* files.writeFileString(
        file,
        '\uFEFF{ "$schema": "./policy.schema.json", "retry": { "maxDelay": "1 minute" } }'
      )
      const policies = yield* Stream.runCollect(Stream.take(OllamaNode.watchPolicy(file), 1))
      assert.deepStrictEqual([...policies], [Policy.make({ retry: { maxDelay: "1 minute" } })])
    })
  )

  it.scopedLive("each change, however the file is saved", () =>
    Effect.gen(function* () {
      const { at, file, files } = yield* folder
      yield* files.writeFileString(file, attempts(1))
      const { next } = yield* watched(file)
      assert.strictEqual(yield* next, 1)

      yield* files.writeFileString(file, attempts(2))
      assert.strictEqual(yield* next, 2)

      const other = path.join(at, ".policy.json.swp")
      yield* files.writeFileString(other, attempts(3))
      yield* files.rename(other, file)
      assert.strictEqual(yield* next, 3)

      yield* files.rename(file, `${file}~`)
      yield* files.writeFileString(file, attempts(4))
      assert.strictEqual(yield* next, 4)

      yield* files.writeFileString(other, attempts(5))
      yield* files.rename(other, file)
      assert.strictEqual(yield* next, 5)
    })
  )

  it.scopedLive("what several saves in a row have come to, and nothing twice", () =>
    Effect.gen(function* () {
      const { file, files } = yield* folder
      yield* files.writeFileString(file, attempts(1))
      const { next, policies } = yield* watched(file)
      assert.strictEqual(yield* next, 1)
      for (let n = 2; n <= 30; n++) yield* files.writeFileString(file, attempts(n))
      const seen = yield* Effect.iterate([1], {
        while: (ns) => ns.at(-1) !== 30,
        body: (ns) => Effect.map(next, (n) => [...ns, n])
      })
      assert.deepStrictEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b)
      )
      // the same content, other spaces, the same again
      yield* files.writeFileString(file, attempts(30))
      yield* files.writeFileString(file, ` ${attempts(30)}\n`)
      yield* files.writeFileString(file, attempts(31))
      assert.strictEqual(yield* next, 31)
      assert.strictEqual(yield* Queue.size(policies), 0)
    })
  )

  it.scopedLive("what a link comes to point to, as in a mounted ConfigMap", () =>
    Effect.gen(function* () {
      const { at, file, files } = yield* folder
      for (const n of [1, 2]) {
        yield* files.makeDirectory(path.join(at, `v${n}`))
        yield* files.writeFileString(path.join(at, `v${n}`, "policy.json"), attempts(n))
        yield* files.symlink(`v${n}`, path.join(at, `data${n}`))
      }
      yield* files.rename(path.join(at, "data1"), path.join(at, "..data"))
      yield* files.symlink(path.join("..data", "policy.json"), file)
      const { next } = yield* watched(file)
      assert.strictEqual(yield* next, 1)
      yield* files.rename(path.join(at, "data2"), path.join(at, "..data"))
      assert.strictEqual(yield* next, 2)
    })
  )

  it.scopedLive("a change that nobody told of: its folder is another one", () =>
    Effect.gen(function* () {
      const { at, files } = yield* folder
      for (const n of [1, 2]) {
        yield* files.makeDirectory(path.join(at, `v${n}`))
        yield* files.writeFileString(path.join(at, `v${n}`, "policy.json"), attempts(n))
      }
      const { next } = yield* watched(path.join(at, "v1", "policy.json"), "50 millis")
      assert.strictEqual(yield* next, 1)
      yield* files.rename(path.join(at, "v1"), path.join(at, "old"))
      yield* files.rename(path.join(at, "v2"), path.join(at, "v1"))
      assert.strictEqual(yield* next, 2)
    })
  )

  it.scopedLive("changes also where much else happens in the folder", () =>
    Effect.gen(function* () {
      const { at, file, files } = yield* folder
      yield* files.writeFileString(file, attempts(1))
      const { next } = yield* watched(file)
      assert.strictEqual(yield* next, 1)
      const log = files.writeFileString(path.join(at, "busy.log"), "line\n", { flag: "a" })
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(log, Effect.yieldNow())))
      yield* files.writeFileString(file, attempts(2))
      assert.strictEqual(yield* next, 2)
    })
  )
})

describe("an unusable file", () => {
  it.scopedLive("is reported with all its problems, and the last good policy stays in force", () =>
    Effect.gen(function* () {
      const { file, files } = yield* folder
      yield* files.writeFileString(file, attempts(1))
      const { next, policies, warning } = yield* watched(file)
      assert.strictEqual(yield* next, 1)

      yield* files.writeFileString(file, '{ "retry": { "attempts": 0, "delay": 1 }, "timeouts": { "gap": -1 } }')
      const invalid = yield* warning
      for (const word of [file, "retry.attempts", "retry.delay", "timeouts.gap", "negative", "stays in force"]) {
        assert.include(invalid, word)
      }

      yield* files.writeFileString(file, "{ retry")
      assert.include(yield* warning, "not JSON")

      yield* files.remove(file)
      assert.include(yield* warning, "not found")
      assert.strictEqual(yield* Queue.size(policies), 0)

      // the last good one again is no change, another one is
      yield* files.writeFileString(file, attempts(1))
      yield* files.writeFileString(file, attempts(2))
      assert.strictEqual(yield* next, 2)
    })
  )

  const first = (content: string | undefined) =>
    Effect.gen(function* () {
      const { file, files } = yield* folder
      if (content !== undefined) yield* files.writeFileString(file, content)
      const error = yield* Effect.flip(Stream.runDrain(OllamaNode.watchPolicy(file)))
      assert.instanceOf(error, OllamaNode.PolicyFileError)
      assert.strictEqual(error.path, file)
      assert.include(error.message, file)
      return error
    })

  it.scopedLive("at first fails the stream: invalid, every problem with its field", () =>
    Effect.gen(function* () {
      const error = yield* first('{ "retry": { "attempts": 0, "delay": 1 }, "timeouts": 3 }')
      assert.strictEqual(error.reason, "invalid")
      const fields = error.problems.map(({ field }) => field)
      assert.deepStrictEqual([...fields].sort(), ["retry.attempts", "retry.delay", "timeouts"])
      for (const { message } of error.problems) assert.include(error.message, message)
    })
  )

  it.scopedLive("at first fails the stream: no JSON, without showing what it is", () =>
    Effect.gen(function* () {
      for (const content of ["-----BEGIN PRIVATE KEY-----\nMIIEvQ", '{"key": MIIEvQ}', ""]) {
        const error = yield* first(content)
        assert.strictEqual(error.reason, "notJson")
        assert.notInclude(error.message, "MIIEvQ")
        assert.notInclude(error.message, "PRIVATE")
      }
    })
  )

  it.scopedLive("at first fails the stream: not there, or no file", () =>
    Effect.gen(function* () {
      const error = yield* first(undefined)
      assert.deepStrictEqual([error.reason, error.problems], ["unreadable", [{ field: "", message: "not found" }]])
      const { at } = yield* folder
      const directory = yield* Effect.flip(Stream.runDrain(OllamaNode.watchPolicy(at)))
      assert.strictEqual(directory.reason, "unreadable")
      const nowhere = yield* Effect.flip(Stream.runDrain(OllamaNode.watchPolicy(path.join(at, "a", "b.json"))))
      assert.strictEqual(nowhere.reason, "unreadable")
    })
  )
})

describe("the watcher", () => {
  it.scopedLive("is closed when the stream is left, and when it fails", () =>
    Effect.gen(function* () {
      const { file, files } = yield* folder
      const before = watchers()
      yield* Effect.flip(Stream.runDrain(OllamaNode.watchPolicy(file)))
      yield* Effect.repeat(turn, { until: () => watchers() === before })

      yield* files.writeFileString(file, attempts(1))
      const scope = yield* Scope.make()
      const { next } = yield* Scope.extend(watched(file), scope)
      assert.strictEqual(yield* next, 1)
      assert.strictEqual(watchers(), before + 1)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.repeat(turn, { until: () => watchers() === before })
    })
  )
})
