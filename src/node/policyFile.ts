/** A policy in a file: read, checked as a whole, and every problem named with its field. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Policy from "../policy/Policy.js"
import * as Problems from "../policy/problems.js"

/**
 * A policy file that cannot be used. `reason`: `unreadable` (it is not there, or may not be read), `notJson`, `invalid`
 * (a field that there is not, or a value that is not possible). `problems` names each with its field, such as
 * `retry.attempts`; the field is empty for what concerns the whole file.
 *
 * @since 0.1.0
 * @category errors
 */
export class PolicyFileError extends Schema.TaggedError<PolicyFileError>("effect-ollama/PolicyFileError")(
  "PolicyFileError",
  {
    path: Schema.String,
    reason: Schema.Literal("unreadable", "notJson", "invalid"),
    problems: Schema.Array(Schema.Struct({ field: Schema.String, message: Schema.String }))
  }
) {
  override get message(): string {
    return `The policy file ${this.path} cannot be used: ${Problems.text(this.problems)}`
  }
}

const whole = (path: string, reason: "unreadable" | "notJson", message: string): PolicyFileError =>
  new PolicyFileError({ path, reason, problems: [{ field: "", message }] })

const unreadable = (path: string) => (error: PlatformError) =>
  whole(path, "unreadable", error._tag === "SystemError" && error.reason === "NotFound" ? "not found" : error.message)

/** The text of the file. */
export const text = (path: string): Effect.Effect<string, PolicyFileError> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path)).pipe(
    Effect.mapError(unreadable(path)),
    Effect.provide(NodeFileSystem.layer)
  )

const json = (path: string, content: string): Either.Either<unknown, PolicyFileError> =>
  Either.try({
    // editors on Windows write a byte order mark
    try: (): unknown => JSON.parse(content.replace(/^\uFEFF/, "")),
    catch: (error) => {
      // what the engine quotes of the text stays out: it may be the wrong file
      const [why] = (error instanceof Error ? error.message : "").split('"')
      return whole(path, "notJson", `not JSON: ${why?.replace(/[\s,.:]+$/, "")}`)
    }
  })

const invalid = (path: string) => (error: ParseResult.ParseError) =>
  new PolicyFileError({ path, reason: "invalid", problems: Problems.list(error) })

/** The policy in the text of the file. */
export const parse = (path: string, content: string): Effect.Effect<Policy.Policy, PolicyFileError> =>
  Effect.flatMap(json(path, content), (value) => Effect.mapError(Policy.fromJson(value), invalid(path)))
