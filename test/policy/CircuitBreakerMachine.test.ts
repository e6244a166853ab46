/** What must hold of the pure state machine, whatever happens to it. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { CircuitBreaker, type OllamaError } from "effect-ollama"
import { anyBreaker } from "./breakers.js"

const failure: OllamaError.Attempt = { tag: "Timeout", phase: "gap", elapsed: Duration.seconds(1), host: "h" }

type Event = CircuitBreaker.Event
type State = CircuitBreaker.State

/** An event, the time before it, and which call it is of: one that is running, or a number out of nowhere. */
interface Happening {
  readonly op: Event["_tag"]
  readonly ms: number
  readonly pick: number
  readonly isWild: boolean
}

const often = <A>(weight: number, ...values: readonly [A, ...ReadonlyArray<A>]) => ({
  weight,
  arbitrary: FastCheck.constantFrom(...values)
})

const happening: FastCheck.Arbitrary<Happening> = FastCheck.record({
  op: FastCheck.oneof(
    often<Event["_tag"]>(40, "Acquired"),
    often<Event["_tag"]>(30, "Failed"),
    often<Event["_tag"]>(20, "Succeeded"),
    often<Event["_tag"]>(5, "Ignored", "StillRunning"),
    often<Event["_tag"]>(2, "Automatic", "Close", "ForceOpen", "Disable", "ObserveOnly", "Doubt")
  ),
  // mostly a little time, sometimes as long as waits are, and now and then a clock that is set back
  ms: FastCheck.oneof(
    { weight: 8, arbitrary: FastCheck.integer({ min: 0, max: 50 }) },
    { weight: 3, arbitrary: FastCheck.integer({ min: 0, max: 5000 }) },
    { weight: 1, arbitrary: FastCheck.integer({ min: -5000, max: 0 }) }
  ),
  // mostly the call that began last
  pick: FastCheck.oneof(often(3, 0), { weight: 1, arbitrary: FastCheck.nat(50) }),
  isWild: FastCheck.oneof(often(9, false), often(1, true))
})

const history = FastCheck.array(happening, { maxLength: 150, size: "max" })

interface Running {
  readonly generation: number
  readonly startedAt: number
  wasStillRunning: boolean
}

const isEnd = (op: Event["_tag"]): op is "Failed" | "Succeeded" | "Ignored" =>
  op === "Failed" || op === "Succeeded" || op === "Ignored"

/** Which of the running calls is meant; counted from the last. */
const picked = (running: ReadonlyArray<Running>, pick: number): number =>
  running.length - 1 - (pick % Math.max(1, running.length))

/** Plays a history, and shows each step. */
const play = (
  value: CircuitBreaker.CircuitBreaker,
  happenings: ReadonlyArray<Happening>,
  see: (step: { before: State; event: Event; now: number; after: State }) => void,
  start: number = 1_000_000
): { readonly state: State; readonly now: number } => {
  let now = start
  let state = CircuitBreaker.initial(value, now, 7)
  const running: Array<Running> = []
  const tell = (event: Event): void => {
    const before = state
    state = CircuitBreaker.transition(value, before, event, now)
    see({ before, event, now, after: state })
  }
  for (const { isWild, ms, op, pick } of happenings) {
    now += ms
    if (op === "Acquired") {
      const isPermitted = CircuitBreaker.permits(value, state, now)._tag === "Permitted"
      tell({ _tag: "Acquired" })
      if (isPermitted) running.push({ generation: state.generation, startedAt: now, wasStillRunning: false })
    } else if (isEnd(op)) {
      const call = isWild ? undefined : running.splice(picked(running, pick), 1)[0]
      const { generation, startedAt, wasStillRunning } = call ?? {
        generation: pick,
        startedAt: now - pick,
        wasStillRunning: pick % 2 === 0
      }
      const ended = { generation, durationMillis: Math.max(0, now - startedAt), wasStillRunning }
      tell(op === "Failed" ? { _tag: op, ...ended, failure } : { _tag: op, ...ended })
    } else if (op === "StillRunning") {
      const call = running[picked(running, pick)]
      if (call === undefined || call.wasStillRunning) continue
      call.wasStillRunning = true
      tell({ _tag: op, generation: call.generation })
    } else {
      tell({ _tag: op })
    }
  }
  return { state, now }
}

const isAutomatic = ({ state }: State) => state === "closed" || state === "open" || state === "halfOpen"

/** The longest wait that a value allows. */
const longest = (value: CircuitBreaker.CircuitBreaker) => Duration.toMillis(value.openMax) * (1 + value.openJitter)

describe("transition", () => {
  it.prop("never counts below zero, and its sums are right", [anyBreaker, history], ([value, happenings]) => {
    play(value, happenings, ({ after }) => {
      const { buckets, calls, failed, slow, total } = after.window
      const sum = (of: (bucket: (typeof buckets)[number]) => number) => buckets.reduce((all, one) => all + of(one), 0)
      assert.deepStrictEqual(
        [sum((one) => one.total), sum((one) => one.failed), sum((one) => one.slow)],
        [total, failed, slow]
      )
      for (const one of [after.window, after.tried, after.evidence, ...buckets]) {
        assert.isTrue(one.failed >= 0 && one.slow >= 0 && one.failed <= one.total && one.slow <= one.total)
      }
      for (const one of buckets) assert.isAbove(one.total, 0)
      if (calls !== "all") assert.isAtMost(total, calls)
      assert.isTrue(after.consecutive >= 0 && after.running >= 0 && after.runningSlow >= 0)
      assert.isAtMost(after.runningSlow, after.running)
      assert.isAtMost(after.succeeded, after.tried.total)
    })
  })

  it.prop("never has more trials than the value says", [anyBreaker, history], ([value, happenings]) => {
    play(value, happenings, ({ after }) => {
      assert.isAtMost(after.trials.length + after.tried.total, value.trials)
      if (after.state === "halfOpen") assert.isAtLeast(after.trials.length + after.tried.total, 0)
      else assert.lengthOf(after.trials, 0)
    })
  })

  it.prop("opens for no longer than the value allows", [anyBreaker, history], ([value, happenings]) => {
    play(value, happenings, ({ after, before, now }) => {
      if (after.state !== "open") return
      assert.isAtLeast(after.wait, 0)
      assert.isAtMost(after.wait, longest(value))
      if (before.state !== "open") {
        // whole milliseconds: less than one may be missing
        const shortest = Duration.toMillis(value.openFor) * (1 - value.openJitter) - 1
        assert.isAtLeast(after.wait, shortest)
      }
      const permission = CircuitBreaker.permits(value, after, now)
      if (permission._tag === "Refused") assert.isAtMost(permission.retryAfterMillis, after.wait)
    })
  })

  it.prop("ignores what ends of an earlier generation", [anyBreaker, history], ([value, happenings]) => {
    play(value, happenings, ({ after, before, event, now }) => {
      if (event._tag === "Acquired" || !("generation" in event)) return
      const isKnown =
        before.state === "halfOpen"
          ? before.trials.some(({ generation }) => generation === event.generation)
          : before.state !== "open" && before.state !== "forcedOpen" && event.generation === before.generation
      if (isKnown || now < before.at) return
      assert.strictEqual(after, before)
    })
  })

  it.prop("leaves a forced state by command only", [anyBreaker, history], ([value, happenings]) => {
    play(value, happenings, ({ after, before, event }) => {
      const isCommand = ["ForceOpen", "Close", "Disable", "ObserveOnly", "Automatic"].includes(event._tag)
      if (!isCommand && !isAutomatic(before)) assert.strictEqual(after.state, before.state)
      if (!isCommand && isAutomatic(before)) assert.isTrue(isAutomatic(after))
      if (event._tag === "ForceOpen") assert.strictEqual(after.state, "forcedOpen")
      if (event._tag === "Doubt") {
        assert.strictEqual(after.state, isAutomatic(before) ? "halfOpen" : before.state)
        if (before.state === "halfOpen") assert.deepStrictEqual(after.trials, before.trials)
      }
      if (event._tag === "Close") assert.strictEqual(after.state, "closed")
    })
  })

  it.prop("changes from closed to open to half-open only", [anyBreaker, history], ([value, happenings]) => {
    const ways = ["closed open", "open halfOpen", "halfOpen open", "halfOpen closed"]
    play(value, happenings, ({ after, before, event, now }) => {
      if (after.state === before.state) return
      assert.isAbove(after.generation, before.generation)
      assert.strictEqual(after.since, now)
      assert.isNotNull(after.why)
      if (after.why !== "command") assert.include(ways, `${before.state} ${after.state}`, event._tag)
    })
  })

  it.prop("refuses without a trace, and lets pass with one", [anyBreaker, history], ([value, happenings]) => {
    play(value, happenings, ({ after, before, event, now }) => {
      if (event._tag !== "Acquired" || now < before.at) return
      const permission = CircuitBreaker.permits(value, before, now)
      if (permission._tag === "Refused") {
        assert.isAbove(permission.retryAfterMillis, 0)
        assert.strictEqual(after, before)
      } else if (after.state === "halfOpen") {
        assert.strictEqual(after.trials.at(-1)?.generation, after.generation)
      } else if (after.state === "closed") {
        assert.strictEqual(after.running, before.running + 1)
      } else {
        assert.include(["disabled", "observeOnly"], after.state)
      }
    })
  })

  it.prop("never wedges: a call passes after the longest wait", [anyBreaker, history], ([value, happenings]) => {
    const { now, state } = play(value, happenings, () => {})
    const asked = CircuitBreaker.transition(value, state, { _tag: "Acquired" }, now)
    const ramp = value.ramp === "off" ? 0 : Duration.toMillis(value.ramp)
    const wait = longest(value) + Duration.toMillis(value.trialLimit) + ramp
    const later = CircuitBreaker.permits(value, asked, now + wait)
    assert.strictEqual(later._tag, asked.state === "forcedOpen" ? "Refused" : "Permitted")
  })

  it.prop("is JSON", [anyBreaker, history], ([value, happenings]) => {
    const { state } = play(value, happenings, () => {})
    const encode = Schema.encodeSync(CircuitBreaker.State)
    const decode = Schema.decodeUnknownSync(CircuitBreaker.State, { onExcessProperty: "error" })
    assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(encode(state)))), state)
    assert.deepStrictEqual(JSON.parse(JSON.stringify(state)), state)
  })

  it.prop("is pure", [anyBreaker, history], ([value, happenings]) => {
    const steps: Array<string> = []
    const first = play(value, happenings, ({ after, before }) => {
      steps.push(JSON.stringify([before, after]))
    })
    let index = 0
    const second = play(value, happenings, ({ after, before }) => {
      assert.strictEqual(JSON.stringify([before, after]), steps[index++])
    })
    assert.deepStrictEqual(second, first)
  })

  it.prop(
    "looks at the time between events, not at the time",
    [anyBreaker, history, FastCheck.integer({ min: 0, max: 2 ** 41 })],
    ([value, happenings, start]) => {
      const sinceStart = (start: number) => {
        const { state } = play(value, happenings, () => {}, start)
        const since = <A extends { readonly at: number }>(one: A): A => ({ ...one, at: one.at - start })
        return {
          ...since(state),
          since: state.since - start,
          recoveredAt: state.recoveredAt === null ? null : state.recoveredAt - start,
          window: { ...state.window, buckets: state.window.buckets.map(since) },
          trials: state.trials.map(since)
        }
      }
      assert.deepStrictEqual(sinceStart(start), sinceStart(0))
    }
  )

  it("takes its chances from the seed by mulberry32, whose first number after the seed 1 is 0.62707…", () => {
    const value = CircuitBreaker.of({
      consecutive: 1,
      belief: "off",
      openFor: 1_000_000,
      openMax: 1_000_000,
      openJitter: 1
    })
    const first = CircuitBreaker.transition(value, CircuitBreaker.initial(value, 0, 1), { _tag: "Acquired" }, 0)
    const failed = { _tag: "Failed", generation: first.generation, durationMillis: 0, failure } as const
    assert.strictEqual(CircuitBreaker.transition(value, first, failed, 0).wait, 1_254_147)
  })

  it("was seen in every state, and on every way between them", () => {
    const ways = new Set<string>()
    const refusals = new Set<string>()
    const whys = new Set<string | null>()
    for (const [value, happenings] of FastCheck.sample(FastCheck.tuple(anyBreaker, history), {
      seed: 1,
      numRuns: 300
    })) {
      play(value, happenings, ({ after, before, event, now }) => {
        if (after.state !== before.state) {
          ways.add(`${before.state} ${after.state}`)
          whys.add(after.why)
        }
        const isRefused = event._tag === "Acquired" && CircuitBreaker.permits(value, before, now)._tag === "Refused"
        if (isRefused) refusals.add(before.state)
      })
    }
    assert.includeMembers([...ways], ["closed open", "open halfOpen", "halfOpen open", "halfOpen closed"])
    // closed: while calls come back gradually
    assert.sameMembers([...refusals], ["closed", "open", "halfOpen", "forcedOpen"])
    assert.sameMembers([...whys], [...CircuitBreaker.Why.literals])
  })
})

describe("weight", () => {
  it.prop("is a share, and grows until it is whole", [anyBreaker, history], ([value, happenings]) => {
    const { now, state } = play(value, happenings, ({ after, now }) => {
      const weight = CircuitBreaker.weight(value, after, now)
      assert.isTrue(weight >= 0 && weight <= 1)
      if (after.state === "open" || after.state === "forcedOpen") assert.strictEqual(weight, 0)
    })
    if (state.state !== "closed") return
    let last = 0
    for (let ms = 0; ms <= 10_000; ms += 100) {
      const weight = CircuitBreaker.weight(value, state, Math.max(now, state.at) + ms)
      assert.isAtLeast(weight, last)
      last = weight
    }
    assert.strictEqual(last, 1)
  })
})

describe("belief", () => {
  const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k)

  it("is what few outcomes make of a uniform prior", () => {
    const table = [
      [3, 3, 0.9375],
      [4, 4, 0.96875],
      [6, 7, 0.96484375],
      [8, 10, 0.96728515625],
      [0, 0, 0.5],
      [5, 10, 0.5]
    ] as const
    for (const [failed, total, wanted] of table) assert.strictEqual(CircuitBreaker.belief(failed, total), wanted)
  })

  it.prop(
    "is a binomial sum, rises with failures and falls with successes",
    [FastCheck.nat(60), FastCheck.nat(60)],
    ([a, b]) => {
      const [failed, total] = [Math.min(a, b), Math.max(a, b)]
      const sum = Array.from({ length: failed + 1 }, (_, k) => choose(total + 1, k)).reduce((x, y) => x + y)
      assert.approximately(CircuitBreaker.belief(failed, total), sum / 2 ** (total + 1), 1e-12)
      assert.isAbove(CircuitBreaker.belief(failed + 1, total + 1), CircuitBreaker.belief(failed, total) - 1e-12)
      assert.isBelow(CircuitBreaker.belief(failed, total + 1), CircuitBreaker.belief(failed, total) + 1e-12)
    }
  )

  it("goes on where the sum would vanish", () => {
    for (const share of [0.45, 0.49, 0.5, 0.52, 0.6]) {
      const failed = Math.round(1000 * share)
      assert.approximately(CircuitBreaker.belief(failed, 1001), CircuitBreaker.belief(failed, 1000), 0.03)
    }
    assert.approximately(CircuitBreaker.belief(500_000, 1_000_000), 0.5, 0.001)
    assert.isAbove(CircuitBreaker.belief(502_000, 1_000_000), 0.9999)
    assert.isBelow(CircuitBreaker.belief(498_000, 1_000_000), 0.0001)
  })
})
