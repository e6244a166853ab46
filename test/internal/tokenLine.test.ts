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

/** A line with some of it gone, or with something in between or in its place that matters in JSON. */
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

/** The values of the lines of a text, from `start`, and where the first line begins that was left. */
const skimmed = (skim: TokenLine.Skim<never>, text: string, start = 0): readonly [ReadonlyArray<unknown>, number] => {
  const values: Array<never> = []
  const end = skim(text, start, values, usual.model)
  return [values, end]
}

const texts = FastCheck.record({ text: words, thinking: FastCheck.option(words, { nil: undefined }) })

const usual = { model: "llama3.2:1b", created_at: "2026-11-22T20:36:18.040916917Z", role: "assistant" }

describe("lines that are nothing but a piece of text", () => {
  for (const [name, skim, other] of [
    ["chat", TokenLine.chat, generateLine],
    ["generate", TokenLine.generate, chatLine]
  ] as const) {
    it.prop(`are what JSON.parse makes of them, or left to that: ${name}`, [perhapsDamaged], ([line]) => {
      const [values, end] = skimmed(skim, line)
      // a line that was damaged by a line end is two
      for (const [i, text] of line.split("\n").slice(0, values.length).entries()) {
        expect(values[i]).toStrictEqual(parsed(text))
      }
      expect(end).toBe(values.length === 0 ? 0 : line.length + 1)
    })

    it.prop(
      `are read up to the first that is none: ${name}`,
      [FastCheck.array(texts, { maxLength: 5 }), words],
      ([all, rest]) => {
        const own = name === "chat" ? chatLine : generateLine
        const good = all.map((value) => own({ ...usual, ...value })).map((line) => `${line}\n`)
        const text = ["before ", ...good, other({ ...usual, text: rest, thinking: undefined })].join("")
        const [values, end] = skimmed(skim, text, 7)
        expect(values).toStrictEqual(good.map(parsed))
        expect(end).toBe(7 + good.join("").length)
      }
    )
  }

  it.prop("are read, whatever the text is", [texts], ([text]) => {
    for (const [skim, line] of [
      [TokenLine.chat, chatLine({ ...usual, ...text })],
      [TokenLine.generate, generateLine({ ...usual, ...text })]
    ] as const) {
      expect(skimmed(skim, line)).toStrictEqual([[parsed(line)], line.length + 1])
    }
  })

  it("are left where they are long, the last, or not all of the line", () => {
    const line = chatLine({ ...usual, text: " the", thinking: undefined })
    for (const other of [
      line.replace("the", "x".repeat(2000)),
      line.replace("false", "true"),
      `${line} `,
      `${line}\r`
    ]) {
      expect(skimmed(TokenLine.chat, `${other}\n${line}`)).toStrictEqual([[], 0])
    }
  })

  it("of one answer need not have one name", () => {
    const skim = TokenLine.chat
    const text = ["a", "a", "b", ""]
      .map((model) => chatLine({ ...usual, model, text: "", thinking: undefined }))
      .join("\n")
    expect(skimmed(skim, text)[0].map((value) => (value as Written).model)).toEqual(["a", "a", "b", ""])
  })
})
