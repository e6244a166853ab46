import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Fallback, OllamaError } from "effect-ollama"
import * as Problems from "./problems.js"

const model: Fallback.Fallback = { model: "small" }
const host: Fallback.Fallback = { host: "other" }

const partial: OllamaError.Partial = { text: "a", thinking: "", tool_calls: [], chunks: 1 }
const refused = new OllamaError.Unreachable({ reason: "refused" })
const busy = new OllamaError.Overloaded({ by: "server" })
const missing = new OllamaError.ModelNotFound({})
const tooBig = new OllamaError.LoadFailed({ outOfMemory: true })
const timeout = (phase: OllamaError.Phase) => new OllamaError.Timeout({ phase, limit: Duration.seconds(1) })
const circuit = (tag: string, phase: OllamaError.Phase) =>
  new OllamaError.CircuitOpen({
    retryAfter: Duration.seconds(1),
    lastFailure: { tag, phase, elapsed: Duration.zero }
  })
const malformed = new OllamaError.MalformedOutput({ text: "x", issues: [] })
const badRequest = new OllamaError.InvalidRequest({ issue: "option" })

describe("the value", () => {
  const decode = Schema.decodeUnknownEither(Fallback.Fallback)
  /** As `field: message`. */
  const problemsOf = (json: unknown): ReadonlyArray<string> =>
    Problems.problemsOf({ fallback: [json] }).map((problem) => problem.replace(/^fallback\.0[.]?/, ""))

  it("is a model, a host, or both", () => {
    for (const entry of [
      model,
      host,
      { model: "small", host: "https://gpu.lan/ollama" },
      { model: "m", on: ["Timeout"] }
    ]) {
      assert.deepStrictEqual(Either.getOrThrow(decode(entry)), entry)
    }
  })

  it.each([
    ["nothing", {}, ["neither a model nor a host"]],
    ["only tags", { on: ["Timeout"] }, ["neither a model nor a host"]],
    ["empty names", { model: "", host: " " }, ["model: an empty name", "host: an empty address"]],
    ["an address that is none", { host: "ftp://a" }, ["host: not an address"]],
    ["no tags", { model: "a", on: [] }, ["on: no failure leads here"]],
    ["a tag that there is not", { model: "a", on: ["Timeout", "Boom"] }, ["on.1: "]],
    ["a key that there is not", { model: "a", url: "b" }, ["url: "]],
    ["what is no text", { model: 1, host: null }, ["model: ", "host: "]]
  ])("refuses %s", (_, json, problems) => {
    const found = problemsOf(json)
    assert.lengthOf(found, problems.length, found.join("\n"))
    for (const problem of problems) assert.include(found.join("\n"), problem)
  })

  it("refuses credentials, and does not repeat them", () => {
    const found = problemsOf({ host: "https://me:hunter2@gpu.lan" })
    assert.deepStrictEqual(found, ["host: credentials do not belong into a policy"])
  })

  it("knows the tags of all failures", () => {
    assert.deepStrictEqual(
      [...Fallback.Tag.literals],
      OllamaError.OllamaError.members.map((member) => member._tag)
    )
  })
})

describe("applies", () => {
  const cases: ReadonlyArray<readonly [string, OllamaError.OllamaError, onHost: boolean, onModel: boolean]> = [
    ["nothing listens", refused, true, false],
    ["no TLS", new OllamaError.Unreachable({ reason: "tls" }), true, false],
    ["no way to the cloud", new OllamaError.Unreachable({ reason: "upstream" }), true, true],
    ["connect clock", timeout("connect"), true, false],
    ["load clock", timeout("load"), true, true],
    ["first token clock", timeout("firstToken"), true, true],
    ["response clock", timeout("response"), true, false],
    ["gap clock", timeout("gap"), false, false],
    ["total clock", timeout("total"), false, false],
    ["queue full", busy, true, true],
    ["gateway", new OllamaError.Overloaded({ by: "gateway" }), true, true],
    ["own admission", new OllamaError.Overloaded({ by: "client" }), true, true],
    ["usage limit", new OllamaError.Overloaded({ by: "quota" }), false, true],
    ["firewall", new OllamaError.Blocked({ by: "firewall" }), true, false],
    ["no cloud here", new OllamaError.Blocked({ by: "cloudDisabled" }), true, true],
    ["breaker of the host", circuit("Unreachable", "connect"), true, false],
    ["breaker of the host, slow connect", circuit("Timeout", "connect"), true, false],
    ["breaker of the model", circuit("Timeout", "firstToken"), true, true],
    ["bad key", new OllamaError.Unauthorized({ status: 401 }), true, false],
    ["not signed in", new OllamaError.Unauthorized({ status: 401, signinUrl: "https://ollama.com" }), true, true],
    ["to be paid", new OllamaError.Unauthorized({ status: 402 }), true, true],
    ["no subscription", new OllamaError.Unauthorized({ status: 403 }), true, true],
    ["not installed", missing, true, true],
    ["out of memory", tooBig, true, true],
    ["crash", new OllamaError.ServerError({ crashed: true }), true, true],
    ["passing state", new OllamaError.ServerError({ crashed: false, transient: true }), true, true],
    ["another 500", new OllamaError.ServerError({ crashed: false }), false, true],
    ["broken off", new OllamaError.StreamInterrupted({}), true, true],
    ["bad option", badRequest, false, false],
    ["no tools", new OllamaError.InvalidRequest({ issue: "unsupported" }), false, true],
    ["too long", new OllamaError.InvalidRequest({ issue: "contextExceeded" }), false, true],
    ["too new", new OllamaError.InvalidRequest({ issue: "upgradeRequired" }), false, true],
    ["not Ollama", new OllamaError.ProtocolError({ excerpt: "<html>" }), false, false],
    ["misshapen", malformed, false, false]
  ]
  for (const [name, error, onHost, onModel] of cases) {
    it(`${name}: another host ${onHost ? "may" : "does not"} help, another model ${onModel ? "may" : "does not"}`, () => {
      assert.strictEqual(Fallback.applies(host, error), onHost)
      assert.strictEqual(Fallback.applies(model, error), onModel)
      assert.strictEqual(Fallback.applies({ ...host, ...model }, error), onHost || onModel)
    })
  }

  it("has a case for every tag", () => {
    const seen = new Set(cases.map(([, error]) => error._tag))
    assert.deepStrictEqual(
      [...Fallback.Tag.literals].filter((tag) => !seen.has(tag)),
      []
    )
  })

  const anyError: FastCheck.Arbitrary<OllamaError.OllamaError> = FastCheck.oneof(
    ...cases.map(([, error]) => FastCheck.constant(error))
  )
  const anyEntry = Arbitrary.make(Schema.Struct({ on: Schema.Array(Fallback.Tag) })).map(({ on }) => ({
    model: "m",
    on
  }))

  it.prop("`on` decides alone, but for the clock over the whole", [anyEntry, anyError], ([entry, error]) => {
    const isTotal = error._tag === "Timeout" && error.phase === "total"
    assert.strictEqual(Fallback.applies(entry, error), !isTotal && entry.on.includes(error._tag))
  })

  it.prop("never after a chunk", [FastCheck.constantFrom(...Fallback.Tag.literals)], ([tag]) => {
    for (const [, error] of cases) {
      if (error._tag !== tag) continue
      const encoded = Schema.encodeSync(OllamaError.OllamaError)(error)
      const begun = Schema.decodeUnknownSync(OllamaError.OllamaError)({ ...encoded, partial })
      for (const entry of [model, host, { ...model, ...host }, { model: "m", on: [tag] }]) {
        assert.isFalse(Fallback.applies(entry, begun))
        assert.isUndefined(Fallback.next([entry], 0, [{ host: undefined, error: begun }]))
      }
    }
  })
})

describe("next", () => {
  const own = (error: OllamaError.OllamaError): Fallback.Failed => ({ host: undefined, error })
  const at = (hostName: string, error: OllamaError.OllamaError): Fallback.Failed => ({ host: hostName, error })

  it("passes over entries that do not fit", () => {
    const entries = [{ model: "a" }, { model: "b", on: ["Timeout" as const] }, { host: "c" }]
    assert.strictEqual(Fallback.next(entries, 0, [own(refused)]), 2)
    assert.strictEqual(Fallback.next(entries, 0, [own(busy)]), 0)
    assert.strictEqual(Fallback.next(entries, 1, [own(timeout("load"))]), 1)
    assert.strictEqual(Fallback.next(entries, 3, [own(busy)]), undefined)
    assert.strictEqual(Fallback.next([], 0, [own(busy)]), undefined)
    assert.strictEqual(Fallback.next(entries, 0, []), undefined)
  })

  it("a dead other host says nothing against a smaller model on the first", () => {
    const entries = [{ host: "c" }, { model: "b" }]
    assert.strictEqual(Fallback.next(entries, 1, [own(tooBig), at("c", refused)]), 1)
    assert.strictEqual(Fallback.next(entries, 1, [own(refused), at("c", busy)]), undefined)
  })

  it("another model on another host that failed needs a failure that a model can help against", () => {
    const entries = [{ host: "c" }, { host: "c", model: "b" }]
    assert.strictEqual(Fallback.next(entries, 1, [own(refused), at("c", refused)]), undefined)
    assert.strictEqual(Fallback.next(entries, 1, [own(refused), at("c", missing)]), 1)
  })

  it("`on` counts for the last failure and for that of its own host", () => {
    const entries: ReadonlyArray<Fallback.Fallback> = [{ host: "c" }, { model: "b", on: ["LoadFailed"] }]
    assert.strictEqual(Fallback.next(entries, 1, [own(tooBig), at("c", refused)]), 1)
    assert.strictEqual(Fallback.next(entries, 1, [own(refused), at("c", tooBig)]), 1)
    assert.strictEqual(Fallback.next(entries, 1, [own(refused), at("c", busy)]), undefined)
  })
})

/** Notes what is tried; fails as the script says, and succeeds after it. */
const scripted = (...script: ReadonlyArray<OllamaError.OllamaError | string>) => {
  const tried: Array<Fallback.Fallback | undefined> = []
  const use = (entry: Fallback.Fallback | undefined) =>
    Effect.suspend(() => {
      const failure = script[tried.length]
      tried.push(entry)
      return failure === undefined ? Effect.succeed(entry?.model ?? entry?.host ?? "first") : Effect.fail(failure)
    })
  return { tried, use }
}

describe("run", () => {
  it.effect("does nothing about what succeeds", () =>
    Effect.gen(function* () {
      const { tried, use } = scripted()
      assert.strictEqual(yield* Fallback.run([model], use), "first")
      assert.deepStrictEqual(tried, [undefined])
    })
  )

  it.effect("tries each entry that fits, in order", () =>
    Effect.gen(function* () {
      const { tried, use } = scripted(refused, busy)
      assert.strictEqual(yield* Fallback.run([model, host, { host: "third" }], use), "third")
      assert.deepStrictEqual(tried, [undefined, host, { host: "third" }])
    })
  )

  it.effect("fails with the first failure, and the others behind it", () =>
    Effect.gen(function* () {
      const { use } = scripted(refused, missing)
      const exit = yield* Effect.exit(Fallback.run([host], use))
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isSuccess(exit)) return
      assert.deepStrictEqual(Chunk.toReadonlyArray(Cause.failures(exit.cause)), [refused, missing])
      const again = scripted(refused, missing)
      assert.strictEqual(yield* Effect.flip(Fallback.run([host], again.use)), refused)
    })
  )

  it.effect("leaves alone what is not of this library, or may not be repeated", () =>
    Effect.gen(function* () {
      for (const failure of ["my own", badRequest, timeout("total")]) {
        const { tried, use } = scripted(failure)
        assert.strictEqual(yield* Effect.flip(Fallback.run([host, model], use)), failure)
        assert.lengthOf(tried, 1)
      }
    })
  )

  it.effect("a defect ends it, also in a fallback", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Fallback.run([host], (entry) => (entry === undefined ? Effect.fail(refused) : Effect.die("broken")))
      )
      assert.deepStrictEqual(exit, Exit.die("broken"))
      const thrown = yield* Effect.exit(
        Fallback.run([host], (): Effect.Effect<string> => {
          throw new Error("thrown")
        })
      )
      assert.isTrue(Exit.isFailure(thrown) && Cause.isDie(thrown.cause))
    })
  )

  it.effect("interrupted in a fallback, it is interrupted, and nothing else is tried", () =>
    Effect.gen(function* () {
      const running = yield* Deferred.make<void>()
      const tried: Array<Fallback.Fallback | undefined> = []
      const fiber = yield* Effect.fork(
        Fallback.run([host, { host: "third" }], (entry) => {
          tried.push(entry)
          return entry === undefined
            ? Effect.fail(refused)
            : Effect.zipRight(Deferred.succeed(running, undefined), Effect.never)
        })
      )
      yield* Deferred.await(running)
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
      assert.deepStrictEqual(tried, [undefined, host])
    })
  )

  it.effect("each run begins anew", () =>
    Effect.gen(function* () {
      const { tried, use } = scripted(refused)
      const program = Fallback.run([host], use)
      assert.strictEqual(yield* program, "other")
      assert.strictEqual(yield* program, "first")
      assert.deepStrictEqual(tried, [undefined, host, undefined])
    })
  )
})

describe("runStream", () => {
  it.effect("goes over before the first element", () =>
    Effect.gen(function* () {
      const stream = Fallback.runStream<number, OllamaError.OllamaError, never>([host], (entry) =>
        entry === undefined ? Stream.concat(Stream.empty, Stream.fail(refused)) : Stream.make(1, 2, 3)
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(stream)), [1, 2, 3])
    })
  )

  it.effect("after the first element a failure is the stream's own", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      let runs = 0
      const stream = Fallback.runStream([host], () => {
        runs += 1
        return Stream.concat(Stream.make(1, 2), Stream.fail(new OllamaError.StreamInterrupted({})))
      })
      const error = yield* Effect.flip(Stream.runForEach(stream, (n) => Effect.sync(() => seen.push(n))))
      assert.strictEqual(error._tag, "StreamInterrupted")
      assert.deepStrictEqual([seen, runs], [[1, 2], 1])
    })
  )

  it.effect("a fallback that fails after its first element is not replaced either", () =>
    Effect.gen(function* () {
      const tried: Array<string> = []
      const stream = Fallback.runStream<number, OllamaError.OllamaError, never>([host, { host: "third" }], (entry) => {
        tried.push(entry?.host ?? "first")
        return entry === undefined ? Stream.fail(refused) : Stream.concat(Stream.make(1), Stream.fail(busy))
      })
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(stream)), busy)
      assert.deepStrictEqual(tried, ["first", "other"])
    })
  )

  it.effect("fails with the first failure", () =>
    Effect.gen(function* () {
      const failures = [refused, busy, missing]
      let runs = 0
      const stream = Fallback.runStream([host, { host: "third" }], () => Stream.fail(failures[runs++] ?? malformed))
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(stream)), refused)
      assert.strictEqual(runs, 3)
    })
  )

  it.effect("what a try holds is given back before the next", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const stream = Fallback.runStream<number, OllamaError.OllamaError, never>([host], (entry) => {
        const name = entry?.host ?? "first"
        return Stream.acquireRelease(
          Effect.sync(() => events.push(`${name} open`)),
          () => Effect.sync(() => events.push(`${name} closed`))
        ).pipe(Stream.flatMap(() => (entry === undefined ? Stream.fail(refused) : Stream.make(1))))
      })
      yield* Stream.runDrain(stream)
      assert.deepStrictEqual(events, ["first open", "first closed", "other open", "other closed"])
    })
  )
})

describe("make", () => {
  it.scoped("runs a program, and a stream, that is told the entry", () =>
    Effect.gen(function* () {
      const fallback = yield* Fallback.make([model, host])
      const tried: Array<Fallback.Fallback | undefined> = []
      const failures: Array<OllamaError.OllamaError> = [busy]
      const next = (entry: Fallback.Fallback | undefined) => {
        tried.push(entry)
        return failures.shift()
      }
      const answer = yield* fallback.run<string, OllamaError.OllamaError, never>(
        (entry) => next(entry) ?? Effect.succeed("answer")
      )
      assert.strictEqual(answer, "answer")
      // a smaller model does not help against a host that is down
      failures.push(refused)
      const values = fallback.runStream<number, OllamaError.OllamaError, never>((entry) => {
        const failed = next(entry)
        return failed === undefined ? Stream.make(1, 2) : Stream.fail(failed)
      })
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(values)), [1, 2])
      assert.deepStrictEqual(tried, [undefined, model, undefined, host])
    })
  )
})
