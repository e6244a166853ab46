/** Documents of several clients put together, in any order and any number of times. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Document from "../../../src/fleet/sharing/document.js"
import * as Merge from "../../../src/fleet/sharing/merge.js"
import * as Estimate from "../../../src/record/predictor/estimate.js"
import * as Predictor from "../../../src/record/Predictor.js"
import * as Duration from "effect/Duration"

const number = (min: number, max: number) =>
  // JSON knows no negative zero
  FastCheck.double({ min, max, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)

const moment = FastCheck.integer({ min: 0, max: 1000 })

const estimate: FastCheck.Arbitrary<Document.Estimate> = FastCheck.tuple(
  number(0, 101),
  number(0, 101),
  number(-60, 60),
  number(0, 1e6),
  moment
)

const some = <A>(value: FastCheck.Arbitrary<A>) => FastCheck.option(value, { nil: undefined })

const defined = <A extends object>(value: A): A =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as A

const model = FastCheck.record({
  name: FastCheck.constantFrom("a:latest", "b:latest", "__proto__", "constructor"),
  at: moment,
  gigabytes: some(number(0, 1e6)),
  loading: some(estimate),
  prompt: some(estimate),
  generating: some(estimate),
  answer: some(estimate),
  parallel: some(
    FastCheck.record({ parallelism: FastCheck.integer({ min: 1, max: 9 }), hasQueue: FastCheck.boolean() })
  ),
  open: some(FastCheck.record({ since: moment, until: moment, cause: FastCheck.constant("ServerError") }))
}).map(defined) as FastCheck.Arbitrary<Document.Model>

const part = FastCheck.record({
  id: FastCheck.integer({ min: 0, max: 30 }).map((n) => n.toString(16).padStart(16, "0")),
  at: moment,
  loading: some(estimate),
  prompt: some(estimate),
  memory: some(FastCheck.record({ most: number(0, 1e6), putOutAt: moment })),
  down: some(FastCheck.record({ since: moment })),
  answeredAt: some(moment),
  models: FastCheck.array(model, { maxLength: 4 })
}).map(defined) as FastCheck.Arbitrary<Document.Part>

const document = FastCheck.array(part, { maxLength: Document.limits.clients }).map((clients): Document.Document => ({
  version: 1,
  clients
}))

const estimates = FastCheck.array(estimate.map(Document.estimate), { minLength: 1, maxLength: 20 })

const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))

describe("documents put together", () => {
  it("are the same in any order, and any number of times", () => {
    FastCheck.assert(
      FastCheck.property(document, document, document, (a, b, c) => {
        const all = Merge.documents(a, b, c)
        assert.deepStrictEqual(Merge.documents(c, a, b), all)
        assert.deepStrictEqual(Merge.documents(Merge.documents(a, b), c), all)
        assert.deepStrictEqual(Merge.documents(a, Merge.documents(b, c)), all)
        assert.deepStrictEqual(Merge.documents(all, a, all, b), all)
      })
    )
  })

  it("are no larger than one of them may be, and still documents", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(document, { maxLength: 5 }), (all) => {
        const one = Merge.documents(...all)
        assert.isAtMost(one.clients.length, Document.limits.clients)
        assert.deepStrictEqual(Document.read(JSON.parse(JSON.stringify(one))), one)
      })
    )
  })

  it("keep of each client what it wrote last, and of all clients those that wrote last", () => {
    FastCheck.assert(
      FastCheck.property(document, document, (a, b) => {
        const one = Merge.documents(a, b)
        const oldest = Math.min(...one.clients.map(({ at }) => at))
        for (const { at, id } of [...a.clients, ...b.clients]) {
          const kept = one.clients.find((client) => client.id === id)
          if (kept === undefined) assert.isAtMost(at, oldest)
          else assert.isAtLeast(kept.at, at)
        }
      })
    )
  })

  it("are read out of nothing but documents", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.anything(), (value) => {
        const read = Document.read(value)
        if (read !== undefined) assert.strictEqual(read.version, 1)
      })
    )
    const angry = new Proxy({}, { get: () => assert.fail("a secret"), ownKeys: () => assert.fail("a secret") })
    assert.isUndefined(Document.read(angry))
    const one: Document.Document = { version: 1, clients: [] }
    for (const bad of [
      { ...one, version: 2 },
      { ...one, clients: [{ id: "0123456789abcdef", at: Number.NaN, models: [] }] },
      { ...one, clients: [{ id: "0123456789abcdef", at: -1, models: [] }] },
      { ...one, clients: [{ id: "mine", at: 1, models: [] }] },
      { ...one, clients: [{ id: "0123456789abcdef", at: 1, models: [], prompt: [1e9, 1, 1, 1, 1] }] },
      { ...one, clients: Array.from({ length: 17 }, () => ({ id: "0123456789abcdef", at: 1, models: [] })) }
    ]) {
      assert.isUndefined(Document.read(bad), JSON.stringify(bad))
    }
  })
})

describe("estimates put together", () => {
  it("are the same in any order, between the least and the most, and weigh no more than one may", () => {
    FastCheck.assert(
      FastCheck.property(estimates, (all) => {
        const one = Estimate.together(all)
        const turned = Estimate.together(all.toReversed())
        assert.isTrue(close(one.mean, turned.mean) && close(one.weight, turned.weight))
        assert.isTrue(Object.values(one).every(Number.isFinite))
        if (all.length > 1) assert.isAtMost(one.weight, 101)
        const seen = all.filter(({ weight }) => weight > 0)
        if (seen.length === 0) return
        const means = seen.map(({ mean }) => mean)
        assert.isAtLeast(one.mean, Math.min(...means) - 1e-6)
        assert.isAtMost(one.mean, Math.max(...means) + 1e-6)
        assert.isAtLeast(one.spread, 0)
      })
    )
  })

  it("count by their samples, and half for each ten minutes that they are older", () => {
    const of = (weight: number, mean: number, at: number): Estimate.Estimate => ({
      weight,
      squares: weight,
      mean,
      spread: 0,
      at
    })
    assert.closeTo(Estimate.together([of(30, 1, 0), of(10, 2, 0)]).mean, 1.25, 1e-9)
    assert.closeTo(Estimate.together([of(30, 1, 0), of(10, 2, 600_000)]).mean, 1.4, 1e-9)
    assert.closeTo(Estimate.together([of(30, 1, 0), of(10, 2, 3_600_000)]).mean, 2, 0.05)
  })
})

describe("what was learned", () => {
  const host = "http://gpu-1:11434"
  const sample = (at: number, seconds: number): Predictor.Sample => ({
    host,
    model: "a:latest",
    at,
    gigabytes: 5,
    loading: Duration.seconds(seconds),
    promptTokens: 1000,
    prompt: Duration.seconds(seconds),
    answerTokens: 100,
    generating: Duration.seconds(seconds)
  })
  const learn = (seconds: number) =>
    Array.from({ length: 10 }, (_, at) => sample(at, seconds)).reduce(Predictor.observe, Predictor.empty)
  const told = (state: Predictor.State, id: string): Document.Part => {
    const known = state.hosts[host]
    const here = known?.models["a:latest"]
    const all = state.models["a:latest"]
    if (known === undefined || here === undefined || all === undefined) return assert.fail("nothing was learned")
    const of = Document.written
    return defined({
      id,
      at: 10,
      loading: of(known.loading),
      models: [
        defined({ name: "a:latest", at: 10, gigabytes: 5, prompt: of(here.prompt), generating: of(here.generating) })
      ]
    }) as Document.Part
  }
  const rates = (state: Predictor.State) => Predictor.figures(state, { host, model: "a:latest", at: 20 })

  it("by others is known to a client that has learned nothing", () => {
    const heard = { host, parts: [told(learn(2), "0000000000000001")] }
    const known = rates(Merge.learned(Predictor.empty, [heard]))
    assert.closeTo(known.generationRate ?? 0, 50, 0.1)
    assert.closeTo(known.promptRate ?? 0, 500, 1)
    assert.closeTo(known.loadRate ?? 0, 2.5, 0.01)
  })

  it("by several is the mean of what each has seen", () => {
    const heard = { host, parts: [told(learn(2), "0000000000000001"), told(learn(8), "0000000000000002")] }
    // rates are averaged as logarithms
    assert.closeTo(rates(Merge.learned(Predictor.empty, [heard])).generationRate ?? 0, 25, 0.1)
    assert.closeTo(rates(Merge.learned(learn(4), [heard])).generationRate ?? 0, 25, 0.1)
  })

  it("stays as it is where nobody else says anything", () => {
    const own = learn(4)
    assert.deepStrictEqual(Merge.learned(own, [{ host, parts: [] }]), own)
  })
})
