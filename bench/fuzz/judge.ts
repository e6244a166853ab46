/** What has to hold for every input, whatever it is. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as OllamaError from "../../src/OllamaError.js"
import * as Decoders from "./decoders.js"
import { type Input, secret } from "./mutate.js"
import * as Reference from "./reference.js"

/** A property that did not hold. */
export class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

/** Of the prompt that is planted. */
const promptWords = "Jane Roe, born 1970"

export const hold = (isTrue: boolean, what: string, seen?: unknown): void => {
  if (!isTrue) {
    throw new Broken({ message: seen === undefined ? what : `${what}: ${String(seen).slice(0, 600)}` })
  }
}

const encode = Schema.encodeSync(OllamaError.OllamaError)
const decode = Schema.decodeSync(OllamaError.OllamaError)

const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

/** A message is some lines of a terminal: a detail has at most 500 characters, and names and remedies are ours. */
const longestMessage = 1500

/** What is the answer itself, and not for anybody to print. */
const ofAnswer = ["partial", "text", "stack"]

/** What else a program can read of a failure. */
const readable = (error: OllamaError.OllamaError): string =>
  Object.getOwnPropertyNames(error)
    .filter((name) => !ofAnswer.includes(name))
    .map((name) => `${name}: ${JSON.stringify(Reflect.get(error, name))}`)
    .join("\n")

/**
 * A failure is one of ours, says nothing that it must not, and is the same after a way to another process.
 *
 * @param isSent whether it is sent there: that takes longer than all the rest
 * @param isAsked whether the call had the prompt: what is no prompt of a call is not looked for
 */
export const failure = (error: OllamaError.OllamaError, isSent: boolean, isAsked = true): void => {
  hold(OllamaError.isOllamaError(error), "it is one of ours", error)
  const { message } = error
  hold(!unprintable.test(message), "its message is one line without commands", JSON.stringify(message))
  hold(message.length <= longestMessage, "its message is short", message.length)
  const json = JSON.stringify(error)
  hold(!unprintable.test(json), "so is its JSON", json)
  const fields = readable(error)
  for (const text of [message, json, fields]) {
    hold(!text.includes(secret), "no secret is in it", text)
    if (isAsked) hold(!text.includes(promptWords), "no prompt is in it", text)
  }
  hold(fields.length <= 3 * longestMessage, "all of it is short", fields.length)
  if (isSent) hold(decode(encode(error)).message === message, "it can be sent to another process")
}

/** Nothing that a server wrote has become a prototype. */
const natural = (u: unknown, depth = 0): boolean => {
  if (typeof u !== "object" || u === null || depth > 8) return true
  const prototype: unknown = Object.getPrototypeOf(u)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return false
  return Object.values(u).every((inner) => natural(inner, depth + 1))
}

const isClean = (): boolean => !("polluted" in {}) && Object.keys(Object.prototype).length === 0

/** The failure that an outcome ended in; a defect is never right. */
const failed = ({ exit }: Decoders.Outcome): OllamaError.OllamaError | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (error === undefined) {
    throw new Broken({ message: `it died: ${Cause.pretty(exit.cause).slice(0, 600)}` })
  }
  return error
}

const joined = (kind: Input["kind"], values: ReadonlyArray<unknown>): string =>
  values.map((value) => Reference.textOf(kind, value)).join("")

/** A body of lines, against the simplest reading of it. */
const lines = (input: Input, streamed: Decoders.Outcome, error: OllamaError.OllamaError | undefined): void => {
  const reference = Reference.read(input.body, Decoders.lineLimit)
  const { values } = streamed
  hold(values.length <= reference.lines.length, "no more is delivered than can be read", values.length)
  for (const [i, value] of values.entries()) {
    const [seen, sent] = [Reference.faceOf(input.kind, value), Reference.faceOf(input.kind, reference.lines[i])]
    hold(seen === sent, "what is delivered is what was sent", `${seen} for ${sent}`)
  }
  if (error !== undefined) {
    hold(error.partial?.chunks === (values.length === 0 ? undefined : values.length), "partial counts what came", error)
    if (input.kind !== "progress") {
      hold((error.partial?.text ?? "") === joined(input.kind, values), "partial has the text that was delivered")
    }
    if (error._tag === "ProtocolError" && error.line !== undefined) {
      hold(error.line === values.length + 1, "the bad line is the next one", error.line)
    }
  }
  if (input.kind !== "chat" || !(input.status >= 200 && input.status < 300)) return
  // what breaks off inside a line may have lost a part of it
  if (input.isBroken && !Reference.isClosed(input.body)) return
  const last = reference.lines.findIndex(
    (line) => !Reference.isPlainChat(line) || Reference.faceOf(input.kind, line).includes(",true,")
  )
  const isGood = last !== -1 && Reference.isPlainChat(reference.lines[last])
  if (isGood) hold(error === undefined && values.length === last + 1, "a good answer is taken", error)
}

/** Both forms of one answer. */
const answer = (input: Input, isSent: boolean): string => {
  const streamed = Decoders.read(input, false)
  const folded = Decoders.read(input, true)
  const error = failed(streamed)
  const other = failed(folded)
  hold(folded.values.length === 0, "what is folded is not kept as well")
  hold(natural(streamed.values) && natural(folded.response), "no prototype comes from a server")
  if (Decoders.isLines(input.kind)) lines(input, streamed, error)
  else hold(error?.partial === undefined, "one value has no parts")
  const same = [error, other].map((one) =>
    JSON.stringify(one?._tag && [one._tag, one.detail, one.partial, one.message.replace(/\d+ m?s\b/g, "")])
  )
  hold(same[0] === same[1], "the folded form and the streamed one agree, however they are read", same.join(" | "))
  if (error === undefined) {
    hold(folded.response !== undefined && streamed.response !== undefined, "a complete answer is there")
    if (input.kind === "chat" || input.kind === "generate") {
      hold(
        Reference.textOf(input.kind, folded.response) === joined(input.kind, streamed.values),
        "the folded text is all of it"
      )
    }
    return "answered"
  }
  failure(error, isSent)
  return error._tag
}

const oneFailure = (input: Input, isSent: boolean): string => {
  const error = Decoders.failure(input)
  failure(error, isSent)
  return error._tag
}

/** One in so many failures is sent to another process. */
const sent = 16

/** Judges the decoders by one input; gives what became of it. Throws `Broken`. */
export const judge = (input: Input, index: number): string => {
  const isGood = input.status >= 200 && input.status < 300
  const became = (isGood ? answer : oneFailure)(input, index % sent === 0)
  hold(isClean(), "nothing is polluted")
  return became
}
