import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { Prediction } from "../../src/record/CallRecord.js"
import * as Predictor from "../../src/record/Predictor.js"

const seconds = Duration.seconds
const day = 24 * 3_600_000

const host = "http://one:11434"
const model = "llama3.2:latest"

const learned = (samples: ReadonlyArray<Partial<Predictor.Sample>>, state = Predictor.empty): Predictor.State =>
  samples.reduce<Predictor.State>(
    (known, sample, index) => Predictor.observe(known, { host, model, at: index * 1000, ...sample }),
    state
  )

const many = (count: number, sample: Partial<Predictor.Sample>) => Array.from({ length: count }, () => sample)

const ask = (state: Predictor.State, question: Partial<Predictor.Question> = {}): Predictor.Predictions =>
  Predictor.predict(state, { host, model, at: 0, isCold: false, ...question })

const expected = (prediction: Prediction | undefined): number =>
  prediction === undefined ? Number.NaN : Duration.toSeconds(prediction.expected)

const width = (prediction: Prediction | undefined): number =>
  prediction === undefined ? Number.NaN : Duration.toSeconds(prediction.high) / Duration.toSeconds(prediction.low)

const isNear = (prediction: Prediction | undefined, wanted: number, within = 0.1): void =>
  assert.closeTo(expected(prediction) / wanted, 1, within)

/** 400 tokens a second for the prompt, 20 for an answer of 200. */
const call: Partial<Predictor.Sample> = {
  promptTokens: 800,
  promptCharacters: 2400,
  prompt: seconds(2),
  answerTokens: 200,
  generating: seconds(10)
}

describe("what is not known", () => {
  it("is absent", () => {
    const nothing = ask(Predictor.empty, { isCold: true })
    assert.deepStrictEqual(
      Object.values(nothing).filter((prediction) => prediction !== undefined),
      []
    )
  })

  it("is guessed from the size and the length, very roughly, as from no samples", () => {
    const guess = ask(Predictor.empty, { isCold: true, gigabytes: 5, promptTokens: 1000, answerTokens: 60 })
    isNear(guess.loading, 10)
    isNear(guess.prompt, 2)
    isNear(guess.generating, 2)
    isNear(guess.firstToken, 12)
    isNear(guess.total, 14)
    for (const prediction of [guess.loading, guess.prompt, guess.generating]) {
      assert.strictEqual(prediction?.samples, 0)
      assert.isAbove(width(prediction), 100)
    }
  })

  it("stays unknown after samples that say nothing", () => {
    const useless = [
      { prompt: seconds(1) },
      { promptTokens: 100 },
      { promptTokens: 0, prompt: Duration.zero, answerTokens: 0, generating: Duration.zero },
      { promptTokens: -5, prompt: seconds(1), answerTokens: Number.NaN, generating: seconds(1) },
      { loading: Duration.infinity, gigabytes: Number.POSITIVE_INFINITY },
      { at: Number.NaN, answerTokens: 10, generating: seconds(1) }
    ]
    const nothing = ask(learned(useless), { isCold: true })
    assert.deepStrictEqual(
      Object.values(nothing).filter((prediction) => prediction !== undefined),
      []
    )
  })
})

describe("rates", () => {
  const state = learned(many(30, call))

  it("are learned, and with them what a call of another length takes", () => {
    const { generating, prompt } = ask(state, { promptTokens: 4000, answerTokens: 50 })
    isNear(prompt, 10)
    isNear(generating, 2.5)
    assert.isAbove(prompt?.samples ?? 0, 24)
  })

  it("with the tokens guessed from the characters, and the length of the answer from earlier ones", () => {
    const { firstToken, generating, prompt, total } = ask(state, { promptCharacters: 1200 })
    isNear(prompt, 1)
    isNear(generating, 10)
    isNear(firstToken, 1)
    isNear(total, 11)
  })

  it("no answer is longer than num_predict lets it be", () => {
    isNear(ask(state, { answerLimit: 20 }).generating, 1)
    isNear(ask(state, { answerLimit: 100_000 }).generating, 10)
  })

  it("the intervals get narrower", () => {
    const widths = [1, 3, 10, 50].map((count) =>
      width(ask(learned(many(count, call)), { answerTokens: 200 }).generating)
    )
    assert.deepStrictEqual(
      widths,
      [...widths].sort((a, b) => b - a)
    )
    assert.isAbove(widths[0] ?? 0, 10)
  })

  it("are told in figures", () => {
    const figures = Predictor.figures(state, { host, model, at: 0 })
    assert.closeTo(figures.promptRate ?? 0, 400, 1)
    assert.closeTo(figures.generationRate ?? 0, 20, 0.1)
    assert.closeTo(figures.answerTokens ?? 0, 200, 1)
    assert.closeTo(figures.charactersPerToken ?? 0, 3, 0.1)
    assert.isUndefined(figures.loadRate)
  })

  it("of a model that never ran here: from other models of the host, by their size", () => {
    const sized = learned(many(10, { ...call, gigabytes: 4 }))
    const other = ask(sized, { model: "large", gigabytes: 16, answerTokens: 100, promptTokens: 100 })
    isNear(other.generating, 20)
    isNear(other.prompt, 1)
    assert.strictEqual(other.generating?.samples, 0)
    assert.isAbove(width(other.generating), width(ask(sized, { answerTokens: 100 }).generating))
  })

  it("of a model that ran elsewhere only: as there; and else as other hosts do by size", () => {
    const elsewhere = learned(many(10, { ...call, gigabytes: 4 }))
    isNear(ask(elsewhere, { host: "http://two:11434", answerTokens: 100 }).generating, 5)
    isNear(ask(elsewhere, { host: "http://two:11434", model: "large", gigabytes: 8, answerTokens: 100 }).generating, 10)
  })

  it("a prompt that was still in the server's memory says little of one that is to be read", () => {
    const cached = { ...call, prompt: Duration.millis(40) }
    const mixed = learned(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? call : cached)))
    isNear(ask(mixed, { promptTokens: 800 }).prompt, 2, 0.35)
  })

  it("a few tokens say little of many", () => {
    const short = { promptTokens: 5, prompt: Duration.millis(60), answerTokens: 1, generating: Duration.millis(200) }
    const mixed = learned(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? call : short)))
    isNear(ask(mixed, { promptTokens: 800 }).prompt, 2, 0.15)
    isNear(ask(mixed, { answerTokens: 200 }).generating, 10, 0.15)
  })
})

describe("loads", () => {
  const load = { loading: seconds(20), gigabytes: 4 }

  it("of a model with a known size are predicted from what the host has shown with others", () => {
    const state = learned(many(6, load))
    const other = ask(state, { model: "large", gigabytes: 16, isCold: true })
    isNear(other.loading, 80)
    assert.isAtLeast(other.loading?.samples ?? 0, 5)
  })

  it("of a model whose size nobody knows, from its own", () => {
    const state = learned(many(6, { loading: seconds(20) }))
    isNear(ask(state).loading, 20)
    assert.isUndefined(ask(state, { model: "large" }).loading)
    isNear(ask(state, { host: "http://two:11434" }).loading, 20)
  })

  it("that a model has shown itself count more than its size", () => {
    const state = learned([...many(10, load), ...many(5, { model: "slow", gigabytes: 4, loading: seconds(60) })])
    isNear(ask(state, { model: "slow" }).loading, 60, 0.15)
  })

  it("count for the first token of a cold call only", () => {
    const state = learned([...many(6, load), ...many(6, call)])
    isNear(ask(state, { promptTokens: 800, isCold: true }).firstToken, 22)
    isNear(ask(state, { promptTokens: 800, isCold: false }).firstToken, 2)
  })

  it("of a model that has become another one are learned anew", () => {
    const state = learned([...many(50, load), ...many(3, { loading: seconds(80), gigabytes: 8 })])
    isNear(ask(state).loading, 80, 0.3)
  })
})

describe("old samples", () => {
  it("fade with new ones", () => {
    const state = learned([...many(100, call), ...many(250, { ...call, generating: seconds(5) })])
    isNear(ask(state, { answerTokens: 200 }).generating, 5)
  })

  it("fade with time: after weeks they count little, after a year nothing", () => {
    const state = learned([{ loading: seconds(10) }, { loading: seconds(10) }])
    const widths = [0, 14, 28].map((days) => width(ask(state, { at: days * day }).loading))
    assert.deepStrictEqual(
      widths,
      [...widths].sort((a, b) => a - b)
    )
    assert.isUndefined(ask(state, { at: 365 * day }).loading)
  })

  it("a load today goes before a hundred of last year", () => {
    const lastYear = learned(many(100, { loading: seconds(10), gigabytes: 4 }))
    const today = Predictor.observe(lastYear, { host, model, at: 365 * day, loading: seconds(60), gigabytes: 4 })
    isNear(ask(today, { at: 365 * day }).loading, 60, 0.2)
  })

  it("do not come back when the clock is set back", () => {
    const state = learned([{ ...call, at: 365 * day }])
    const back = Predictor.observe(state, { ...call, host, model, at: 0 })
    isNear(ask(back, { answerTokens: 200 }).generating, 10, 0.2)
  })
})

describe("outliers", () => {
  it("one of a hundred times does not move what is expected by half", () => {
    const state = learned([...many(20, call), { ...call, generating: seconds(1000) }])
    isNear(ask(state, { answerTokens: 200 }).generating, 10, 0.2)
  })

  it("that are the rule now are learned", () => {
    const state = learned([...many(20, call), ...many(60, { ...call, generating: seconds(100) })])
    isNear(ask(state, { answerTokens: 200 }).generating, 100, 0.5)
  })

  it("of a phase under suspicion are learned ten times more slowly", () => {
    const slow = { ...call, generating: seconds(20) }
    const at = (suspect: ReadonlyArray<Predictor.Learnable>) =>
      expected(ask(learned([...many(20, call), ...many(10, { ...slow, suspect })]), { answerTokens: 200 }).generating)
    assert.isBelow(at(["generating"]), 10.8)
    assert.isAbove(at([]), 12)
    assert.closeTo(at(["prompt"]), at([]), 1e-9)
  })
})

describe("the queue of the server", () => {
  const alone = learned(many(10, { ...call, queued: Duration.zero, inFlight: 1 }))

  it("is empty for a call that finds room", () => {
    const { queued } = ask(alone, { ahead: 0 })
    assert.strictEqual(expected(queued), 0)
    assert.strictEqual(Duration.toMillis(queued?.high ?? Duration.infinity), 0)
  })

  it("takes as long as those ahead, the first of them half done", () => {
    isNear(ask(alone, { ahead: 1 }).queued, 6)
    isNear(ask(alone, { ahead: 3 }).queued, 30)
    isNear(ask(alone, { ahead: 1, promptTokens: 800 }).firstToken, 8)
  })

  it("is shared by as many as the server answers at once, as was seen", () => {
    const four = learned([1, 2, 3, 4, 3].map((inFlight) => ({ ...call, queued: Duration.millis(100), inFlight })))
    assert.strictEqual(Predictor.figures(four, { host, model, at: 0 }).parallel, 4)
    assert.strictEqual(expected(ask(four, { ahead: 3 }).queued), 0)
    isNear(ask(four, { ahead: 4 }).queued, 1.5)
  })

  it("the parallelism falls after three calls that waited though there should have been room", () => {
    const waited = { ...call, queued: seconds(12), inFlight: 4 }
    const four = [{ ...call, queued: Duration.zero, inFlight: 4 }, waited, waited]
    const parallel = (samples: ReadonlyArray<Partial<Predictor.Sample>>) =>
      Predictor.figures(learned(samples), { host, model, at: 0 }).parallel
    assert.strictEqual(parallel(four), 4)
    assert.strictEqual(parallel([...four, waited]), 3)
    assert.strictEqual(parallel(many(30, { ...call, queued: seconds(12), inFlight: 1 })), 1)
  })

  it("may not be empty where others use the server too", () => {
    const crowded = learned(
      Array.from({ length: 20 }, (_, n) => ({ ...call, inFlight: 1, queued: seconds(n % 3 === 0 ? 5 : 0) }))
    )
    assert.isAbove(Duration.toSeconds(ask(crowded, { ahead: 0 }).queued?.high ?? Duration.zero), 10)
  })
})

describe("the state", () => {
  it("is plain JSON, and goes on where it was", () => {
    const state = learned([
      ...many(5, { ...call, gigabytes: 4, queued: seconds(3), inFlight: 2 }),
      { loading: seconds(9) }
    ])
    const json: unknown = JSON.parse(JSON.stringify(state))
    const back = Schema.decodeUnknownSync(Predictor.State)(json)
    assert.deepStrictEqual(back, state)
    assert.deepStrictEqual(ask(learned([call], back)), ask(learned([call], state)))
  })

  it("is bounded, and forgets what was not heard of for the longest time", () => {
    const state = learned(
      Array.from({ length: 1200 }, (_, n) => ({ ...call, host: `http://h${n % 600}`, model: `m${n % 90}` }))
    )
    const hosts = Object.values(state.hosts)
    assert.isAtMost(hosts.length, 512)
    assert.isTrue(hosts.every(({ models }) => Object.keys(models).length <= 64))
    assert.isAtMost(Object.keys(state.models).length, 64)
    const one = learned(Array.from({ length: 200 }, (_, n) => ({ ...call, model: `m${n}` })))
    assert.deepStrictEqual(Object.keys(one.models).sort(), Array.from({ length: 64 }, (_, n) => `m${136 + n}`).sort())
    assert.isBelow(JSON.stringify(one).length, 200_000)
  })

  it("is not changed by what is learned from it", () => {
    const state = learned(many(3, call))
    const before = structuredClone(state)
    learned(many(3, { ...call, gigabytes: 3, inFlight: 3, queued: seconds(1), loading: seconds(1) }), state)
    assert.deepStrictEqual(state, before)
  })

  it("forgets a host, or a model of it", () => {
    const state = learned([...many(3, call), { ...call, model: "other" }])
    const model = Predictor.forget(state, host, "other")
    assert.deepStrictEqual(Object.keys(model.hosts[host]?.models ?? {}), ["llama3.2:latest"])
    assert.deepStrictEqual(Predictor.forget(state, host).hosts, {})
    assert.deepStrictEqual(Predictor.forget(state, "elsewhere"), state)
  })

  it("takes any name for a name", () => {
    for (const name of ["__proto__", "constructor", "toString", ""]) {
      const state = learned(many(5, { ...call, host: name, model: name }))
      isNear(ask(state, { host: name, model: name, answerTokens: 200 }).generating, 10, 0.2)
      const unknown = ask(Predictor.empty, { host: name, model: name })
      assert.isUndefined(unknown.generating)
    }
  })
})
