/** One input out of the recorded answers: what is sent, in which pieces, and how it ends. All of it by the dice. */
import type * as Corpus from "./corpus.js"
import type { Dice } from "./dice.js"

export interface Input {
  readonly name: string
  readonly kind: Corpus.Kind
  readonly status: number
  readonly contentType: string
  readonly body: Uint8Array
  /** Lengths of the reads, again and again; of two clients that read the same. */
  readonly reads: readonly [ReadonlyArray<number>, ReadonlyArray<number>]
  /** The connection breaks in the place of an end. */
  readonly isBroken: boolean
}

/** What nobody may say back. */
export const secret = "sk-fuzz-5f2a9c77e1"
export const prompt = "The patient Jane Roe, born 1970, has a rash on her left arm."

const utf8 = new TextEncoder()

const nested = (open: string, close: string, depth: number, inner = ""): string =>
  open.repeat(depth) + inner + close.repeat(depth)

/** JSON values in the place of others. */
const values: ReadonlyArray<string> = [
  "null",
  "true",
  "false",
  "0",
  "-0",
  "-5",
  "0.1",
  "1e400",
  "-1e400",
  "1e308",
  "9007199254740993",
  "123456789012345678901234567890",
  '""',
  "[]",
  "{}",
  "[null]",
  '"\\ud800"',
  '"\\u0000"',
  '"\\u001b[31m\\u009b2J"',
  '"\\u2028\\u202e\\ufeff"',
  '"__proto__"',
  `"${secret}"`,
  `"${prompt}"`,
  `{"error":"${secret} ${prompt}"}`,
  '{"__proto__":{"polluted":true,"done":true,"logprobs":5,"tool_calls":5}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":1,"toJSON":1,"then":1,"length":1e9,"_tag":"Left","_op":"Failure"}',
  '[{"function":{"name":"f","arguments":{"__proto__":{"polluted":true}}}}]',
  '[{"function":{"index":null,"name":"f","arguments":null}}]',
  '[{"id":null,"function":{"index":1.5,"name":"","arguments":{}}}]',
  nested("[", "]", 2000),
  nested('{"a":', "}", 2000, "1"),
  nested('{"error":', "}", 1500, '"deep"'),
  `"${nested('{\\"error\\":', "}", 300, "1")}"`,
  `"${"x".repeat(3000)}"`
]

/** Fields that are put into objects. */
const fields: ReadonlyArray<string> = [
  '"__proto__":{"polluted":true,"done":true,"done_reason":"x","logprobs":5,"error":"e"}',
  '"\\u005f_proto__":{"polluted":true}',
  '"constructor":{"prototype":{"polluted":true}}',
  '"prototype":{"polluted":true}',
  '"hasOwnProperty":null',
  '"toString":null',
  '"toJSON":null',
  '"":0',
  '"error":null',
  '"error":{}',
  '"error":[]',
  '"error":0',
  '"error":"boom"',
  `"error":"${secret} says ${prompt}"`,
  `"error":${nested('{"error":', "}", 1500, '"deep"')}`,
  '"done":true',
  '"done":false',
  '"done_reason":"\\u001b[2Jstop"',
  `"done_reason":"${secret}"`,
  `"model":"${secret}"`,
  '"status":"success"',
  '"StatusCode":503',
  '"signin_url":"javascript:alert(1)"',
  `"signin_url":"https://x/?k=${secret}"`,
  '"total_duration":1e400',
  '"eval_count":-7.5',
  '"prompt_eval_count":9007199254740993',
  '"load_duration":-1e300',
  '"tool_calls":[{"function":{"name":"f","arguments":{}}}]',
  '"_debug_info":{"rendered_template":"x"}',
  `"${"k".repeat(3000)}":1`
]

/** Bytes that mean something to a reader of lines, of characters or of JSON. */
const bytes: ReadonlyArray<Uint8Array> = [
  ...'\n|\r\n|\n\n\n|\r|\0| |\t|\ufeff|\u2028|\u0085|\ufffd|{|}|[|]|"|\\|\\u|\\ud83e|,|:'.split("|"),
  ...'<html>|HTTP/1.1 200 OK\r\n\r\n|data: |null\n|[]\n|"x"\n|{}\n|5\n|{"error":"boom"}\n|{"error":'.split("|"),
  secret,
  prompt,
  '{"error":"model \'x\' not found"}\n',
  "\n".repeat(500),
  " ".repeat(500),
  "x".repeat(5000),
  '{"a":'.repeat(500),
  "[".repeat(3000)
]
  .map((text) => utf8.encode(text))
  .concat([
    Uint8Array.of(0xff),
    Uint8Array.of(0xc3),
    Uint8Array.of(0xf0, 0x9f),
    Uint8Array.of(0xed, 0xa0, 0x80),
    Uint8Array.of(0xc0, 0x80),
    Uint8Array.of(0xfe, 0xff),
    Uint8Array.of(0x1f, 0x8b, 0x08)
  ])

const splice = (body: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array => {
  const out = new Uint8Array(from + middle.length + body.length - to)
  out.set(body.subarray(0, from))
  out.set(middle, from)
  out.set(body.subarray(to), from + middle.length)
  return out
}

const nothing = new Uint8Array(0)

/** Where the JSON value ends that begins at `from`, as far as commas and braces tell. */
const valueEnd = (body: Uint8Array, from: number): number => {
  let isString = false
  let depth = 0
  for (let at = from; at < body.length; at++) {
    const byte = body[at]
    if (isString) {
      if (byte === 0x5c) at++
      else if (byte === 0x22) isString = false
    } else if (byte === 0x22) isString = true
    else if (byte === 0x7b || byte === 0x5b) depth++
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return at
      depth--
    } else if ((byte === 0x2c || byte === 0x0a) && depth === 0) return at
  }
  return body.length
}

type Mutation = (body: Uint8Array, dice: Dice, others: ReadonlyArray<Corpus.Answer>) => Uint8Array

/** The most bytes of a piece that is taken out or put in. */
const pieceLimit = 200

const piece = (body: Uint8Array, dice: Dice): readonly [number, number] => {
  const from = dice.below(body.length + 1)
  return [from, Math.min(body.length, from + dice.below(pieceLimit))]
}

const mutations: ReadonlyArray<Mutation> = [
  // a bit falls over
  (body, dice) => {
    if (body.length === 0) return body
    const out = body.slice()
    const at = dice.below(out.length)
    out[at] = (out[at] ?? 0) ^ (1 << dice.below(8))
    return out
  },
  // a byte is another
  (body, dice) => {
    if (body.length === 0) return body
    const out = body.slice()
    out[dice.below(out.length)] = dice.below(256)
    return out
  },
  // something is lost
  (body, dice) => splice(body, ...piece(body, dice), nothing),
  // something comes twice
  (body, dice) => {
    const [from, to] = piece(body, dice)
    return splice(body, to, to, body.subarray(from, to))
  },
  // the end is lost
  (body, dice) => body.subarray(0, dice.below(body.length + 1)),
  // a part of another answer
  (body, dice, others) => {
    const other = dice.pick(dice.pick(others).lines)
    const [from, to] = piece(other, dice)
    const at = dice.below(body.length + 1)
    return splice(body, at, at, other.subarray(from, to))
  },
  // a line of another answer
  (body, dice, others) => {
    const after = body.indexOf(10, dice.below(body.length + 1)) + 1
    return splice(body, after, after, dice.pick(dice.pick(others).lines))
  },
  // bytes that mean something
  (body, dice) => {
    const at = dice.below(body.length + 1)
    return splice(body, at, at, dice.pick(bytes))
  },
  // another value
  (body, dice) => {
    const colon = body.indexOf(0x3a, dice.below(body.length + 1))
    return colon === -1 ? body : splice(body, colon + 1, valueEnd(body, colon + 1), utf8.encode(dice.pick(values)))
  },
  // another field
  (body, dice) => {
    const brace = body.indexOf(0x7b, dice.below(body.length + 1))
    return brace === -1 ? body : splice(body, brace + 1, brace + 1, utf8.encode(`${dice.pick(fields)},`))
  },
  // line ends of another system
  (body) => utf8.encode(new TextDecoder().decode(body).replace(/\n/g, "\r\n"))
]

/** Values and fields keep a line JSON, so that it gets further. */
const favourites: ReadonlyArray<Mutation> = mutations.slice(-3, -1)

const windowOf = (lines: ReadonlyArray<Uint8Array>, dice: Dice): ReadonlyArray<Uint8Array> => {
  const most = 8
  if (lines.length <= most) return lines
  const from = dice.below(lines.length)
  return [...lines.slice(from, from + dice.below(most)), ...lines.slice(-2)]
}

export const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** The lengths of reads: everything at once, a few bytes, or a network's. */
const reads = (dice: Dice): ReadonlyArray<number> => {
  const most = dice.pick([1 << 20, 7, 300, 1500])
  return Array.from({ length: 1 + dice.below(4) }, () => 1 + dice.below(most))
}

export const make = (corpus: ReadonlyArray<Corpus.Answer>, dice: Dice): Input => {
  const base = dice.pick(corpus)
  let body = join(windowOf(base.lines, dice))
  // one in thirty-two is as it was recorded
  const times = dice.chance(1 / 32) ? 0 : 1 + dice.below(4)
  for (let i = 0; i < times; i++) {
    const mutation = dice.chance(0.4) ? dice.pick(favourites) : dice.pick(mutations)
    body = mutation(body, dice, corpus)
  }
  const kind = dice.chance(1 / 64) ? dice.pick(corpus).kind : base.kind
  return {
    name: base.name,
    kind,
    status: dice.chance(1 / 64) ? dice.pick([200, 400, 401, 403, 404, 407, 429, 500, 502, 503, 511, 599]) : base.status,
    contentType: dice.chance(1 / 64)
      ? dice.pick(["", "text/html", "text/plain", "application/x-ndjson"])
      : base.contentType,
    body,
    reads: [reads(dice), reads(dice)],
    isBroken: dice.chance(1 / 16)
  }
}
