import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as TokenLine from "../../src/internal/tokenLine.js"

const words = FastCheck.oneof(
  FastCheck.string(),
  FastCheck.string({ unit: "binary" }),
  FastCheck.constantFrom("", " the", "\n", '"', "\\", "\u2028", "é", "日本", "🙂", "\ud83d", "<b>", "\ufffd", "}")
)

interface Written {
  readonly model: string
  readonly created_at: string
  readonly role: string
  readonly text: string
  readonly thinking: string | undefined
}

const written: FastCheck.Arbitrary<Written> = FastCheck.record({
  model: FastCheck.oneof(words, FastCheck.constant("llama3.2:1b")),
  created_at: FastCheck.oneof(words, FastCheck.constant("2026-11-22T20:36:18.040916917Z")),
  role: FastCheck.constantFrom("assistant", "assistant", "user"),
  text: words,
  thinking: FastCheck.option(words, { nil: undefined })
})

/** As Go writes it, which escapes more than JavaScript. */
const go = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)

const chatLine = ({ created_at, model, role, text, thinking }: Written): string =>
  go({ model, created_at, message: { role, content: text, ...(thinking !== undefined && { thinking }) }, done: false })

const generateLine = ({ created_at, model, text, thinking }: Written): string =>
  go({ model, created_at, response: text, ...(thinking !== undefined && { thinking }), done: false })

/** A line with some of it gone, twice, or replaced by what matters in JSON. */
const damaged = (line: string): FastCheck.Arbitrary<string> =>
  FastCheck.tuple(
    FastCheck.nat(line.length),
    FastCheck.nat(3),
    FastCheck.constantFrom(
      "",
      '"',
      "\\",
      "{",
      "}",
      ",",
      ":",
      "x",
      "\u0000",
      "\t",
      '","done":true,"x":"',
      '"},"done":false}',
      "\\u12"
    )
  ).map(([at, gone, put]) => line.slice(0, at) + put + line.slice(at + gone))

const lines = FastCheck.oneof(written.map(chatLine), written.map(generateLine))
const perhapsDamaged = FastCheck.oneof(lines, lines.chain(damaged))

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return "not JSON"
  }
}

describe("a line that is nothing but a piece of text", () => {
  for (const [name, make] of [
    ["chat", TokenLine.chat],
    ["generate", TokenLine.generate]
  ] as const) {
    it.prop(`is what JSON.parse makes of it, or left to that: ${name}`, [perhapsDamaged], ([line]) => {
      const value = make()(line, 0, line.length)
      if (value !== undefined) expect(value).toStrictEqual(parsed(line))
    })

    it.prop(`is read wherever it stands in a text: ${name}`, [words, lines, words], ([before, line, after]) => {
      const token = make()
      const text = before + line + after
      expect(token(text, before.length, before.length + line.length)).toStrictEqual(token(line, 0, line.length))
    })
  }

  const usual = { model: "llama3.2:1b", created_at: "2026-11-22T20:36:18.040916917Z", role: "assistant" }

  it.prop("is read, whatever the text is", [words, FastCheck.option(words, { nil: undefined })], ([text, thinking]) => {
    for (const [token, line] of [
      [TokenLine.chat(), chatLine({ ...usual, text, thinking })],
      [TokenLine.generate(), generateLine({ ...usual, text, thinking })]
    ] as const) {
      expect(token(line, 0, line.length)).toStrictEqual(JSON.parse(line))
    }
  })

  it("is not read where it is long, or the last", () => {
    const long = chatLine({ ...usual, text: "x".repeat(2000), thinking: undefined })
    expect(TokenLine.chat()(long, 0, long.length)).toBeUndefined()
    const last = long.replace("false", "true").replace(/x+/, "")
    expect(TokenLine.chat()(last, 0, last.length)).toBeUndefined()
  })

  it("of one answer has the same name, and not that of the answer before", () => {
    const token = TokenLine.chat()
    const read = (model: string) => {
      const line = chatLine({ ...usual, model, text: "", thinking: undefined })
      return token(line, 0, line.length)?.model
    }
    expect([read("a"), read("a"), read("b"), read("")]).toEqual(["a", "a", "b", ""])
  })
})
