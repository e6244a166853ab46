/** `effect-ollama doctor`. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as OllamaNode from "../../node/OllamaNode.js"
import * as Doctor from "../../observe/Doctor.js"
import * as Waiting from "../terminal/Waiting.js"
import { keyFor } from "../connection.js"
import * as ExitCodes from "../exitCodes.js"
import { Ended } from "../failure.js"
import { effective } from "../policy/effective.js"
import * as Output from "../terminal/Output.js"
import * as Units from "../terminal/units.js"
import { view } from "./view.js"

export interface Options {
  readonly host: Option.Option<string>
  readonly model: Option.Option<string>
  readonly policy: Option.Option<string>
  readonly call: "never" | "resident" | "load"
  readonly origin: Option.Option<string>
  readonly json: boolean
}

const encode = Schema.encode(Doctor.Report)

export const run = (options: Options) =>
  Effect.gen(function* () {
    const policy = yield* effective(options.policy)
    const env = yield* OllamaNode.config
    const { stdout } = yield* Output.Output
    const waiting = yield* Waiting.make((elapsed) => Effect.succeed(`examining, ${Units.rough(elapsed)}`))
    const report = yield* OllamaNode.doctor({
      ...env,
      ...Option.match(options.host, { onNone: () => ({}), onSome: (host) => ({ host, apiKey: keyFor(host, env) }) }),
      policy,
      call: options.call,
      model: Option.getOrUndefined(options.model),
      origin: Option.getOrUndefined(options.origin)
    })
    yield* waiting
    yield* options.json
      ? Effect.flatMap(Effect.orDie(encode(report)), Output.printJson)
      : Output.printLines(view(report, stdout.columns()))
    const code = Doctor.exitCode(report)
    if (code !== ExitCodes.success) return yield* new Ended({ code })
  }).pipe(Effect.scoped)
