/** The text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as Exposition from "../../src/observe/metrics/exposition.js"
import * as Naming from "../../src/observe/metrics/naming.js"

/** The text of the metrics whose names begin so: the registry is the process's, and others are in it too. */
const textOf = (prefix: string): Effect.Effect<string> =>
  Effect.map(Metric.snapshot, (pairs) =>
    Exposition.text(pairs.filter(({ metricKey }) => metricKey.name.startsWith(prefix)))
  )

const family = (name: string, unit: string | undefined, isCounter: boolean): string =>
  Naming.family(name, Naming.unitOf(unit), isCounter)

const lines = (text: string): ReadonlyArray<string> => text.split("\n")

describe("names", () => {
  it("have the unit at their end, in words, and _total on counters", () => {
    assert.strictEqual(
      family("gen_ai.client.operation.duration", "s", false),
      "gen_ai_client_operation_duration_seconds"
    )
    assert.strictEqual(family("ollama.client.io", "By", true), "ollama_client_io_bytes_total")
    assert.strictEqual(family("gen_ai.client.token.usage", "{token}", false), "gen_ai_client_token_usage")
    assert.strictEqual(family("jobs", undefined, true), "jobs_total")
  })

  it("do not say twice what they say already", () => {
    assert.strictEqual(family("http_requests_total", undefined, true), "http_requests_total")
    assert.strictEqual(family("sent_total", "By", true), "sent_bytes_total")
    assert.strictEqual(family("age_seconds", "s", false), "age_seconds")
  })

  it("have only characters that Prometheus takes", () => {
    assert.strictEqual(family("1. größe (neu)", "kg·m", false), "_1_gr_e_neu__kg_m")
    assert.strictEqual(Naming.label("gen_ai.request.model"), "gen_ai_request_model")
    assert.strictEqual(Naming.label("0:a"), "_0_a")
  })
})

describe("the text", () => {
  it.effect("of a histogram is its buckets, which add up, then its sum and count", () =>
    Effect.gen(function* () {
      const histogram = Metric.histogram(
        "exposition.histogram",
        MetricBoundaries.fromIterable([0.1, 1, 2.5]),
        "How long it took."
      ).pipe(Metric.tagged("unit", "s"), Metric.tagged("gen_ai.request.model", "llama3.2"))
      for (const value of [0.05, 0.5, 0.5, 4]) yield* Metric.update(histogram, value)
      const model = 'gen_ai_request_model="llama3.2"'
      assert.deepStrictEqual(lines(yield* textOf("exposition.histogram")), [
        "# HELP exposition_histogram_seconds How long it took.",
        "# TYPE exposition_histogram_seconds histogram",
        "# UNIT exposition_histogram_seconds seconds",
        `exposition_histogram_seconds_bucket{${model},le="0.1"} 1`,
        `exposition_histogram_seconds_bucket{${model},le="1"} 3`,
        `exposition_histogram_seconds_bucket{${model},le="2.5"} 3`,
        `exposition_histogram_seconds_bucket{${model},le="+Inf"} 4`,
        `exposition_histogram_seconds_sum{${model}} 5.05`,
        `exposition_histogram_seconds_count{${model}} 4`,
        ""
      ])
    })
  )

  it.effect("escapes backslashes, quotes and line ends", () =>
    Effect.gen(function* () {
      const odd = 'a\\b"c\nd'
      const counter: Metric.Metric.Counter<number> = Metric.counter("exposition.odd", {
        incremental: true,
        description: odd
      })
      yield* Metric.increment(Metric.tagged(counter, "tag", odd))
      assert.deepStrictEqual(lines(yield* textOf("exposition.odd")), [
        '# HELP exposition_odd_total a\\\\b"c\\nd',
        "# TYPE exposition_odd_total counter",
        'exposition_odd_total{tag="a\\\\b\\"c\\nd"} 1',
        ""
      ])
    })
  )

  it.effect("has the series of one name side by side, under one description, and names in their order", () =>
    Effect.gen(function* () {
      const one = Metric.gauge("exposition.order.b", { description: "One." })
      yield* Metric.set(Metric.tagged(one, "a", "1"), 1)
      yield* Metric.set(Metric.gauge("exposition.order.a"), Number.POSITIVE_INFINITY)
      yield* Metric.set(Metric.tagged(one, "a", "2"), -2.5)
      const text = lines(yield* textOf("exposition.order"))
      assert.deepStrictEqual(text.slice(0, 5), [
        "# HELP exposition_order_a Not described.",
        "# TYPE exposition_order_a gauge",
        "exposition_order_a +Inf",
        "# HELP exposition_order_b One.",
        "# TYPE exposition_order_b gauge"
      ])
      assert.sameMembers(text.slice(5, 7), ['exposition_order_b{a="1"} 1', 'exposition_order_b{a="2"} -2.5'])
    })
  )

  it.effect("knows all types of Effect's metrics", () =>
    Effect.gen(function* () {
      yield* Metric.incrementBy(Metric.counter("exposition.types.updown"), -3)
      yield* Metric.incrementBy(Metric.counter("exposition.types.big", { bigint: true, incremental: true }), 2n ** 60n)
      yield* Metric.update(Metric.frequency("exposition.types.words"), "yes")
      const summary = Metric.summary({
        name: "exposition.types.summary",
        maxAge: "1 day",
        maxSize: 10,
        error: 0.01,
        quantiles: [0.5]
      })
      yield* Metric.update(summary, 4)
      const text = yield* textOf("exposition.types")
      assert.include(text, "# TYPE exposition_types_updown gauge\nexposition_types_updown -3\n")
      assert.include(
        text,
        "# TYPE exposition_types_big_total counter\nexposition_types_big_total 1152921504606846976\n"
      )
      assert.include(text, '# TYPE exposition_types_words_total counter\nexposition_types_words_total{key="yes"} 1\n')
      assert.include(text, "# TYPE exposition_types_summary summary\n")
      assert.include(text, "exposition_types_summary_sum 4\nexposition_types_summary_count 1\n")
    })
  )

  it.effect("is in base units, whatever the metric is in", () =>
    Effect.gen(function* () {
      const timer = Metric.timerWithBoundaries("exposition.timer", [1, 300])
      yield* Metric.update(timer, Duration.millis(250))
      const age = Metric.gauge("exposition.timer.age").pipe(Metric.tagged("unit", "h"))
      yield* Metric.set(age, 2)
      const text = yield* textOf("exposition.timer")
      assert.include(text, "# UNIT exposition_timer_seconds seconds\n")
      assert.include(text, 'exposition_timer_seconds_bucket{le="0.001"} 0\n')
      assert.include(text, 'exposition_timer_seconds_bucket{le="0.3"} 1\n')
      assert.include(text, "exposition_timer_seconds_sum 0.25\nexposition_timer_seconds_count 1\n")
      assert.include(text, "exposition_timer_age_seconds 7200\n")
    })
  )

  it.effect("keeps apart what would become one name", () =>
    Effect.gen(function* () {
      yield* Metric.set(Metric.gauge("exposition.same"), 1)
      yield* Metric.update(Metric.histogram("exposition_same", MetricBoundaries.fromIterable([1])), 1)
      const gauge = Metric.gauge("exposition.tags").pipe(Metric.tagged("a.b", "1"), Metric.tagged("a_b", "2"))
      yield* Metric.set(gauge, 1)
      const types = lines(yield* textOf("exposition")).filter((line) => line.startsWith("# TYPE exposition_same"))
      assert.strictEqual(types.length, 2)
      assert.strictEqual(new Set(types.map((line) => line.split(" ")[2])).size, 2)
      assert.include(yield* textOf("exposition.tags"), 'exposition_tags{a_b="1;2"} 1\n')
    })
  )
})
