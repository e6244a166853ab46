import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { detailLimit, scrub } from "../../src/internal/scrub.js"

const request = (...contents: ReadonlyArray<string>) => ({ messages: contents.map((content) => ({ content })) })

/** Words that no error text and no other prompt has. */
const anyProse = FastCheck.array(FastCheck.stringMatching(/^[b-df-hj-np-tv-z]{3,9}$/), {
  minLength: 4,
  maxLength: 300
}).map((words) => words.join(" "))

const anyNoise = FastCheck.stringMatching(/^[AEIOU0-9 :,.]{0,60}$/)

describe("the words of a prompt", () => {
  it.prop(
    "are not in the text, however much of them is said back",
    [anyProse, FastCheck.nat(), FastCheck.nat(), anyNoise, anyNoise],
    ([prompt, from, length, before, after]) => {
      const start = from % prompt.length
      const piece = prompt.slice(start, start + 16 + (length % prompt.length))
      if (piece.length < 16) return
      const out = scrub(before + piece + after, [], request("another prompt that says nothing", prompt))
      for (let at = 0; at + 16 <= piece.length; at++) assert.notInclude(out, piece.slice(at, at + 16))
      assert.notMatch(out.replaceAll("[prompt]", ""), /[b-df-hj-np-tv-z]/)
    }
  )

  it.prop("that are not there change nothing", [anyNoise, anyProse], ([text, prompt]) => {
    assert.strictEqual(scrub(text, [], request(prompt)), text.trim())
  })

  it("short ones are taken out as a whole, the shortest are words that every text has", () => {
    assert.strictEqual(scrub("no pin: 1234 there", [], request("pin: 1234")), "no [prompt] there")
    assert.strictEqual(scrub("Hello there", [], request("Hello")), "Hello there")
  })

  it("are found as they look inside JSON", () => {
    const prompt = 'a "quoted"\nline with é and \\ inside'
    assert.strictEqual(scrub(`x ${JSON.stringify(prompt)} y`, [], request(prompt)), 'x "[prompt]" y')
  })

  it("two prompts that touch are both taken out", () => {
    const one = "the first of the prompts"
    const two = "and then the second one"
    assert.strictEqual(scrub(`a ${one}${two} b`, [], request(one, two)), "a [prompt] b")
  })
})

describe("secrets", () => {
  it.prop(
    "are in no part of the text, wherever a limit cuts it",
    [FastCheck.integer({ min: 1900, max: 2100 }), FastCheck.integer({ min: 400, max: 600 }), FastCheck.boolean()],
    ([at, near, spaced]) => {
      const secret = spaced ? "se cret wor se" : "sk-1234567890sk"
      const filler = (length: number) => "x".repeat(length - 1) + " "
      const prompt = "some words of a prompt ".repeat(200)
      for (const text of [
        prompt.slice(0, at) + secret + prompt,
        filler(near) + secret + filler(near),
        filler(at) + secret
      ]) {
        assert.notInclude(scrub(text, [secret], request(prompt)), secret.slice(0, 5))
      }
    }
  )

  it("of others are taken out by their looks", () => {
    const texts = [
      "Authorization: Bearer abcdef123456",
      "basic dXNlcjpwYXNz",
      "at https://me:pa55word@example.com/x",
      "api_key=abcdef123456",
      '"token": "abcdef123456"',
      "password: abcdef123456"
    ]
    for (const text of texts) assert.notMatch(scrub(text, []), /abcdef|dXNlc|pa55/, text)
  })
})

describe("the text", () => {
  it("is one line of at most 500 characters, without control characters", () => {
    const out = scrub(`\u001b[31mred\u001b[0m\nsecond\r\n${"long ".repeat(1000)}`, [])
    assert.strictEqual(out.length, detailLimit)
    assert.isTrue(out.endsWith("…"))
    assert.notMatch(out, /[\u0000-\u001f]/)
    assert.isTrue(out.startsWith("[31mred [0m second"))
  })
})
