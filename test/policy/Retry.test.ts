import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Random from "effect/Random"
import { OllamaError, Policy, Retry } from "effect-ollama"
import { within } from "../support/clock.js"
import { anyRetry } from "./arbitraries.js"

const chance = FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const chances = FastCheck.array(chance, { minLength: 1, maxLength: 60 })

const retryOf = (patch: Retry.Patch): Retry.Retry => Policy.make({ retry: patch }).retry

/** The waits of a sequence, by the chances given, in milliseconds. */
const waits = (retry: Retry.Retry, units: ReadonlyArray<number>): ReadonlyArray<number> => {
  let state = Retry.initial
  return units.map((unit) => {
    const [delay, next] = Retry.next(retry, state, unit)
    state = next
    return Duration.toMillis(delay)
  })
}

/** What the wait would be without jitter. */
const plain = (retry: Retry.Retry, n: number): number => {
  const base = Duration.toMillis(retry.baseDelay)
  const grown =
    retry.backoff === "constant" ? base : retry.backoff === "linear" ? base * (n + 1) : base * retry.factor ** n
  return Math.min(grown, Duration.toMillis(retry.maxDelay))
}

describe("next", () => {
  it.prop("is finite, not negative, and never above maxDelay", [anyRetry, chances], ([retry, units]) => {
    for (const millis of waits(retry, units)) {
      assert.isTrue(Number.isFinite(millis))
      assert.isAtLeast(millis, 0)
      assert.isAtMost(millis, Duration.toMillis(retry.maxDelay))
    }
  })

  it.prop("is bounded by its kind of jitter", [anyRetry, chances], ([retry, units]) => {
    waits(retry, units).forEach((millis, n) => {
      const wait = plain(retry, n)
      // a Duration below a millisecond is whole nanoseconds
      if (retry.jitter === "none") assert.approximately(millis, wait, 1e-5)
      if (retry.jitter === "full") assert.isAtMost(millis, wait + 1e-5)
      if (retry.jitter === "equal") {
        assert.isAtLeast(millis, wait / 2 - 1e-5)
        assert.isAtMost(millis, wait + 1e-5)
      }
    })
  })

  it.prop("reaches both ends of its range", [anyRetry, FastCheck.nat(20)], ([retry, n]) => {
    const state = { retries: n, spread: 0 }
    const at = (jitter: Retry.Retry["jitter"], unit: number) =>
      Duration.toMillis(Retry.next({ ...retry, jitter }, state, unit)[0])
    const wait = plain(retry, n)
    assert.strictEqual(at("full", 0), 0)
    assert.approximately(at("full", 1 - 1e-12), wait, wait * 1e-9 + 1e-5)
    assert.approximately(at("equal", 0), wait / 2, 1e-5)
    assert.approximately(at("equal", 1 - 1e-12), wait, wait * 1e-9 + 1e-5)
  })

  it.prop(
    "keeps a server's wish between the computed wait and five seconds more",
    [anyRetry, chance, FastCheck.double({ min: 0, max: 1e7, noNaN: true })],
    ([retry, unit, hint]) => {
      const computed = Duration.toMillis(Retry.next(retry, Retry.initial, unit)[0])
      const millis = Duration.toMillis(Retry.next(retry, Retry.initial, unit, Duration.millis(hint))[0])
      assert.isAtLeast(millis, computed - 1e-5)
      assert.isAtMost(millis, computed + 5000 + 1e-5)
      if (hint >= computed && hint <= computed + 5000) assert.approximately(millis, hint, 1e-5)
    }
  )

  it("counts, and a wish does not change where the sequence stands", () => {
    const retry = retryOf({ jitter: "decorrelated" })
    const [, without] = Retry.next(retry, Retry.initial, 0.5)
    const [, withHint] = Retry.next(retry, Retry.initial, 0.5, Duration.seconds(3))
    assert.deepStrictEqual(without, withHint)
    assert.strictEqual(without.retries, 1)
  })

  it("stays finite where the exponential has long overflown", () => {
    for (const jitter of ["none", "full", "equal", "decorrelated"] as const) {
      const millis = waits(
        retryOf({ jitter, factor: 100 }),
        Array.from({ length: 3000 }, () => 0.999)
      )
      assert.isTrue(millis.every((wait) => wait >= 0 && wait <= 8000))
    }
  })

  it("decorrelated: the median of the first waits is near the plain exponential ones", () => {
    const random = Array.from({ length: 999 }, (_, i) => (i + 0.5) / 999)
    const median = (n: number) => {
      const all = random
        .map(
          (unit) => waits(retryOf({ jitter: "decorrelated", maxDelay: "1 day" }), [...Array(n).fill(0.5), unit])[n] ?? 0
        )
        .sort((a, b) => a - b)
      return all[499] ?? 0
    }
    for (const n of [0, 1, 2, 3]) assert.approximately(median(n) / (250 * 2 ** n), 1, 0.5)
  })
})

const call = { host: "h", endpoint: "/api/chat" }
const busy = new OllamaError.Overloaded({ ...call, by: "server" })
const toldToWait = new OllamaError.Overloaded({ ...call, by: "server", retryAfter: Duration.seconds(3) })
const missing = new OllamaError.ModelNotFound(call)

/** When a program was run that fails with these, the last one again and again. */
const runs = (retry: Retry.Retry, failures: readonly [unknown, ...ReadonlyArray<unknown>]) =>
  Effect.gen(function* () {
    const at: Array<number> = []
    const start = yield* Clock.currentTimeMillis
    const program = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      at.push(now - start)
      return Effect.fail(failures[Math.min(at.length, failures.length) - 1])
    })
    const error = yield* within(Effect.flip(Effect.retry(program, Retry.toSchedule(retry))))
    return { at, error }
  })

describe("toSchedule", () => {
  const retry = retryOf({ jitter: "none", attempts: 5, baseDelay: 100 })

  it.effect("waits as next says, and stops after the attempts", () =>
    Effect.gen(function* () {
      const { at, error } = yield* runs(retry, [busy])
      assert.deepStrictEqual(at, [0, 100, 300, 700, 1500])
      assert.strictEqual(error, busy)
    })
  )

  it.effect("one attempt is no retry", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* runs(Retry.none, [busy])).at, [0])
    })
  )

  it.effect("stops at what is not retryable, and at what is not ours", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* runs(retry, [missing])).at, [0])
      assert.deepStrictEqual((yield* runs(retry, [busy, missing])).at, [0, 100])
      assert.deepStrictEqual((yield* runs(retry, [new Error("mine")])).at, [0])
      assert.deepStrictEqual((yield* runs(retry, [{ _tag: "Overloaded", isRetryable: true }])).at, [0])
    })
  )

  it.effect("honours Retry-After within its bounds", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* runs(retry, [toldToWait, busy, missing])).at, [0, 3000, 3200])
    })
  )

  it.effect("takes its chances from Random", () =>
    Effect.gen(function* () {
      const full = retryOf({ jitter: "full", attempts: 4, baseDelay: 1000 })
      const pinned = Effect.suspend(() => Effect.withRandom(runs(full, [busy]), Random.make("seed")))
      const units = yield* Effect.all([Random.next, Random.next, Random.next]).pipe(
        Effect.withRandom(Random.make("seed"))
      )
      const expected = waits(full, units)
      const { at } = yield* pinned
      const found = at.slice(1).map((time, i) => time - (at[i] ?? 0))
      found.forEach((wait, i) => assert.approximately(wait, expected[i] ?? Number.NaN, 1))
      const again = yield* pinned
      again.at.forEach((time, i) => assert.approximately(time, at[i] ?? Number.NaN, 1e-3))
    })
  )

  it.effect("gives the waits as its output, and begins anew with each use", () =>
    Effect.gen(function* () {
      const heard: Array<number> = []
      const schedule = Retry.toSchedule(retry)
      const program = Effect.retryOrElse(Effect.fail(busy), schedule, (_, delay) =>
        Effect.sync(() => {
          heard.push(Duration.toMillis(delay))
        })
      )
      yield* within(program)
      yield* within(program)
      assert.deepStrictEqual(heard, [0, 0])
      assert.deepStrictEqual((yield* runs(retry, [busy])).at, [0, 100, 300, 700, 1500])
    })
  )
})

describe("sameHost", () => {
  const partial = { text: "a", thinking: "", tool_calls: [], chunks: 1 }

  it("a failure after a chunk is never sent again", () => {
    for (const make of [
      () => new OllamaError.Overloaded({ ...call, by: "server", partial }),
      () => new OllamaError.Unreachable({ ...call, reason: "reset", partial }),
      () => new OllamaError.StreamInterrupted({ ...call, partial }),
      () => new OllamaError.ServerError({ ...call, crashed: true, partial }),
      () => new OllamaError.Timeout({ ...call, phase: "connect", limit: Duration.seconds(1), partial })
    ]) {
      assert.strictEqual(Retry.sameHost(make()), "no")
    }
  })

  it("what we shed ourselves, and what the quota sheds, is not sent again", () => {
    for (const by of ["client", "quota"] as const) {
      const shed = new OllamaError.Overloaded({ ...call, by, retryAfter: Duration.seconds(1) })
      assert.strictEqual(Retry.sameHost(shed), "no")
      assert.isFalse(shed.isRetryable)
    }
  })

  it("a clock that ran out is the caller's to judge, but for the connection's", () => {
    const sameHost = (phase: OllamaError.Phase) => {
      const timeout = new OllamaError.Timeout({ ...call, phase, limit: Duration.seconds(1) })
      return [Retry.sameHost(timeout), timeout.isRetryable]
    }
    assert.deepStrictEqual(sameHost("connect"), ["backoff", true])
    for (const phase of ["load", "firstToken", "response", "gap"] as const) {
      assert.deepStrictEqual(sameHost(phase), ["no", true])
    }
    assert.deepStrictEqual(sameHost("total"), ["no", false])
  })

  it("an open breaker is for another host, or later", () => {
    const lastFailure = { tag: "Timeout", phase: "load", elapsed: Duration.zero } as const
    const open = new OllamaError.CircuitOpen({ ...call, retryAfter: Duration.seconds(5), lastFailure })
    assert.strictEqual(Retry.sameHost(open), "no")
    assert.isTrue(open.isRetryable)
  })

  it("text that does not fit a schema is the caller's to ask for again", () => {
    const malformed = new OllamaError.MalformedOutput({ ...call, text: "", issues: [] })
    assert.strictEqual(Retry.sameHost(malformed), "no")
    assert.isTrue(malformed.isRetryable)
  })
})

describe("pushback", () => {
  it("is a wait, forbids, or is not there", () => {
    assert.isUndefined(Retry.pushback([]))
    assert.deepStrictEqual(Retry.pushback(["0"]), Duration.zero)
    assert.deepStrictEqual(Retry.pushback(["1500"]), Duration.millis(1500))
    for (const values of [["-1"], ["xxx"], [""], ["1.5"], ["10", "10"], [" 5"]]) {
      assert.strictEqual(Retry.pushback(values), "forbidden", JSON.stringify(values))
    }
  })
})

describe("retryAfter", () => {
  it.prop(
    "gives a finite wait that is not negative, or none",
    [FastCheck.string(), FastCheck.integer()],
    ([text, now]) => {
      for (const name of ["retry-after", "retry-after-ms"]) {
        const found = Retry.retryAfter({ [name]: text }, now)
        if (found === undefined) continue
        assert.isAtLeast(Duration.toMillis(found), 0)
        assert.isTrue(Duration.isFinite(found))
      }
    }
  )

  it("an unreadable retry-after-ms leaves retry-after", () => {
    assert.deepStrictEqual(Retry.retryAfter({ "retry-after-ms": "x", "retry-after": "2" }, 0), Duration.seconds(2))
  })

  it("a number too great for a clock is no wish", () => {
    assert.isUndefined(Retry.retryAfter({ "retry-after": "9".repeat(400) }, 0))
    assert.isUndefined(Retry.retryAfter({ "retry-after-ms": "9".repeat(400) }, 0))
  })
})
