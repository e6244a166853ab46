import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Model from "../../src/api/Model.js"
import * as Shared from "../../src/api/Shared.js"
import { problemsOf } from "./problems.js"

describe("KeepAlive", () => {
  const encode = Schema.encodeSync(Shared.KeepAlive)

  it("sends numbers and the server's strings as they are, and durations as seconds", () => {
    assert.strictEqual(encode(300), 300)
    assert.strictEqual(encode(-1), -1)
    assert.strictEqual(encode(0), 0)
    assert.strictEqual(encode("1h30m"), "1h30m")
    assert.strictEqual(encode(Duration.minutes(5)), 300)
    assert.strictEqual(encode(Duration.millis(1500)), 1.5)
    assert.strictEqual(encode(Duration.nanos(1_500_000_000n)), 1.5)
    assert.strictEqual(encode(Duration.zero), 0)
    assert.strictEqual(encode(Duration.infinity), -1)
  })

  it("sends any duration as its seconds", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(), (millis) => {
        const sent = encode(Duration.millis(millis))
        assert.strictEqual(Math.round(Number(sent) * 1000), millis)
      })
    )
  })

  it("sends only what JSON can hold", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Shared.KeepAlive), (value) => {
        const sent = encode(value)
        assert.isTrue(sent === JSON.parse(JSON.stringify(sent)), `${sent}`)
        assert.isTrue(sent === encode(Schema.decodeSync(Shared.KeepAlive)(sent)))
      })
    )
  })

  it("takes every string that Go's duration syntax has", () => {
    for (const text of ["0", "5m", "300ms", "1.5h", ".5s", "1.s", "-1m", "+3s", "1h2m3s4ms5us6µs7μs8ns"]) {
      assert.strictEqual(encode(text), text)
    }
  })

  it("refuses what the server answers with 400", () => {
    for (const text of ["", "-1", "300", "1d", " 5m", "5m ", "soon", "5 minutes", "m", "."]) {
      assert.match(problemsOf(Shared.KeepAlive, text).join(), /expected seconds/, JSON.stringify(text))
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, true, null, {}, []]) {
      assert.match(problemsOf(Shared.KeepAlive, value).join(), /expected seconds/)
    }
  })
})

describe("Image", () => {
  const encode = Schema.encodeSync(Shared.Image)

  it("sends bytes as standard padded base64", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = encode(bytes)
        assert.strictEqual(text, Buffer.from(bytes).toString("base64"))
        // and that text is itself accepted
        assert.strictEqual(encode(text), text)
      })
    )
  })

  it("sends base64 text as it is, with line breaks too", () => {
    for (const text of ["AQID", "+/+/", "AQ==", "AQ\r\nID\n"]) assert.strictEqual(encode(text), text)
  })

  it("refuses a data: URL and says why", () => {
    assert.deepStrictEqual(problemsOf(Shared.Image, "data:image/png;base64,AQID"), [
      ": a data: URL is not accepted: pass only the base64 text after its comma"
    ])
    assert.match(problemsOf(Shared.Image, "DATA:,x").join(), /data: URL/)
  })

  it("refuses what is no base64, without repeating it", () => {
    assert.match(problemsOf(Shared.Image, "./cat.png").join(), /not standard base64 \(character 1\)/)
    assert.match(problemsOf(Shared.Image, "AQ-_").join(), /not standard base64 \(character 3\)/)
    assert.match(problemsOf(Shared.Image, "AQI").join(), /padding/)
    assert.match(problemsOf(Shared.Image, 5).join(), /expected the bytes/)
    assert.notInclude(problemsOf(Shared.Image, "my secret!").join(), "secret")
  })
})

describe("Options", () => {
  const encode = Schema.encodeSync(Shared.Options)

  it("sends known and unknown options, and leaves undefined out", () => {
    assert.deepStrictEqual(
      encode({ temperature: 0, num_ctx: undefined, stop: ["\n"], warp_factor: 9, nested: { a: [1] } }),
      { temperature: 0, stop: ["\n"], warp_factor: 9, nested: { a: [1] } }
    )
  })

  it("refuses values that JSON or the server cannot take, naming them", () => {
    assert.deepStrictEqual(
      problemsOf(Shared.Options, { temperature: Number.NaN, num_ctx: 4.5, stop: "x", seed: null }).map(
        (problem) => problem.split(":")[0]
      ),
      ["num_ctx", "seed", "temperature", "stop"]
    )
  })
})

describe("the small ones", () => {
  it("a model's name is neither empty nor padded", () => {
    assert.strictEqual(Schema.encodeSync(Shared.ModelName)("hf.co/a/b:Q4_K_M"), "hf.co/a/b:Q4_K_M")
    for (const name of ["", " ", " llama3.2", "llama3.2\n"]) {
      assert.match(problemsOf(Shared.ModelName, name).join(), /name of a model/)
    }
  })

  it("think is a boolean or a level", () => {
    for (const think of [true, false, "low", "medium", "high", "max"]) {
      assert.deepStrictEqual(problemsOf(Shared.Think, think), [])
    }
    for (const think of ["", "very", 1, null]) assert.lengthOf(problemsOf(Shared.Think, think), 1)
  })

  it('format is "json" or an object', () => {
    assert.deepStrictEqual(problemsOf(Shared.Format, "json"), [])
    assert.deepStrictEqual(problemsOf(Shared.Format, { type: "object" }), [])
    for (const format of ["", "yaml", [], null, Schema.Struct({})]) {
      assert.deepStrictEqual(problemsOf(Shared.Format, format), [': expected "json" or a JSON Schema object'])
    }
  })

  it("null in an answer means absent", () => {
    const decode = Schema.decodeUnknownSync(Shared.ModelDetails)
    assert.deepStrictEqual(decode({ family: "bert", families: null, context_length: null }), { family: "bert" })
  })

  it("an object that Go never made is null or missing, and empty here", () => {
    const call = { function: { name: "now", arguments: null } }
    assert.deepStrictEqual(Schema.decodeUnknownSync(Shared.ToolCall)(call), {
      function: { name: "now", arguments: {} }
    })
    for (const more of [{}, { model_info: null }]) {
      assert.deepStrictEqual(Schema.decodeUnknownSync(Model.ShowResponse)({ details: {}, ...more }).model_info, {})
    }
  })
})
