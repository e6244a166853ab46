/**
 * A small agent: the model is asked, its calls are run, it is told the results, until it calls no more.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Concurrency } from "effect/Types"
import type * as Chat from "../api/Chat.js"
import type * as Shared from "../api/Shared.js"
import { type CallOptions, OllamaClient } from "../client/service.js"
import { InvalidRequest, type OllamaError } from "../OllamaError.js"
import type { Any, Outcome, Tool } from "./definition.js"
import { LimitReached } from "./limit.js"

/**
 * The request of a chat, with tools that can be run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request<Tools extends ReadonlyArray<Any>> extends Omit<Chat.ChatRequest, "tools"> {
  readonly tools: Tools
}

/**
 * The limits of a run, and who sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  /** The most answers of the model; 10 by default. */
  readonly turns?: number | undefined
  /** The longest that the whole may take, tools included; no limit by default. Each call has the clocks of its policy. */
  readonly time?: Duration.DurationInput | undefined
  /** How many calls of one answer run at once; one after the other by default. */
  readonly concurrency?: Concurrency | undefined
  /** Of each call to the server. */
  readonly call?: CallOptions | undefined
  /** Sees each turn when it is complete, before the next one begins. */
  readonly onTurn?: ((turn: Turn) => Effect.Effect<void>) | undefined
}

/**
 * A call that the model asked for, with what came of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Called extends Outcome {
  readonly call: Shared.ToolCall
}

/**
 * An answer of the model, with the calls in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Turn {
  readonly response: Chat.ChatResponse
  readonly calls: ReadonlyArray<Called>
}

/**
 * What came of it all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Run {
  /** The last answer, which calls no tool. */
  readonly response: Chat.ChatResponse
  /** The whole conversation, that answer included: the messages of a request that goes on with it. */
  readonly messages: ReadonlyArray<Chat.Message>
  readonly turns: ReadonlyArray<Turn>
}

/**
 * The failures of a tool that fail a run with it.
 *
 * @since 0.1.0
 * @category type helpers
 */
export type ErrorOf<T extends Any> = T extends Tool<string, infer E, unknown> ? E : never

/**
 * The services that a tool needs.
 *
 * @since 0.1.0
 * @category type helpers
 */
export type ContextOf<T extends Any> = T extends Tool<string, unknown, infer R> ? R : never

const defaultTurns = 10

const unknownTool = (name: string, tools: ReadonlyArray<Any>): Outcome => {
  const names = tools.map((tool) => tool.name).join(", ")
  return {
    content: JSON.stringify({ error: `There is no tool ${JSON.stringify(name)}, only: ${names}` }),
    isFailure: true
  }
}

/** With a span as the conventions for generative AI have it; arguments and results are not recorded. */
const runCall = (tools: ReadonlyArray<Any>, call: Shared.ToolCall): Effect.Effect<Called, unknown, unknown> => {
  const { arguments: args, name } = call.function
  const tool = tools.find((tool) => tool.name === name)
  const outcome = tool === undefined ? Effect.succeed(unknownTool(name, tools)) : tool.run(args)
  return Effect.map(outcome, (outcome) => ({ call, ...outcome })).pipe(
    Effect.withSpan(`execute_tool ${tool === undefined ? "unknown" : name}`, {
      captureStackTrace: false,
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        ...(tool !== undefined && { "gen_ai.tool.name": name }),
        ...(call.id !== undefined && { "gen_ai.tool.call.id": call.id })
      }
    })
  )
}

const told = ({ call, content }: Called): Chat.Message => ({
  role: "tool",
  content,
  tool_name: call.function.name,
  ...(call.id !== undefined && { tool_call_id: call.id })
})

const invalid = (field: string, remedy: string) => new InvalidRequest({ issue: "malformed", field, remedy })

/** What cannot be, before anything is sent. */
const problem = (tools: ReadonlyArray<Any>, turns: number): InvalidRequest | undefined => {
  if (!Number.isInteger(turns) || turns < 1)
    return invalid("turns", "Correct turns: it must be a whole number, 1 or more")
  const names = tools.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  return twice === undefined ? undefined : invalid("tools", `Give the tools different names: "${twice}" is there twice`)
}

/** What has been done when a limit is reached. */
interface Progress {
  turns: number
}

const loop = (
  { messages: asked, tools, ...request }: Request<ReadonlyArray<Any>>,
  options: RunOptions,
  progress: Progress,
  reached: (limit: LimitReached["limit"]) => Effect.Effect<never, LimitReached>
): Effect.Effect<Run, unknown, unknown> =>
  Effect.gen(function* () {
    const client = yield* OllamaClient
    const definitions = tools.map(({ definition }) => definition)
    const most = options.turns ?? defaultTurns
    const impossible = problem(tools, most)
    if (impossible !== undefined) return yield* impossible
    const turns: Array<Turn> = []
    const messages = [...asked]
    while (true) {
      const chat = { ...request, messages: [...messages], ...(definitions.length > 0 && { tools: definitions }) }
      const response = yield* client.chat(chat, options.call)
      progress.turns++
      const wanted = response.message.tool_calls ?? []
      if (wanted.length > 0 && progress.turns >= most) return yield* reached("turns")
      const calls = yield* Effect.forEach(wanted, (call) => runCall(tools, call), { concurrency: options.concurrency })
      const turn: Turn = { response, calls }
      turns.push(turn)
      messages.push(response.message, ...calls.map(told))
      if (options.onTurn !== undefined) yield* options.onTurn(turn)
      if (wanted.length === 0) return { response, messages, turns }
    }
  })

/**
 * Asks the model, runs the tools that it calls, tells it the results, and asks again, until an answer calls no tool.
 *
 * The model is told of arguments that do not fit, of tools that there are not, and of the failures that a tool describes
 * (`failure`); any other failure of a tool fails the run, as those of the client do. `LimitReached` when the answer of the
 * last turn still calls tools (they are not run), or when the time is over. Two tools of one name, and `turns` that are no
 * whole number from 1 on, are `InvalidRequest` before anything is sent. Interruption stops the server and the tools.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Tool } from "effect-ollama"
 *
 * const add = Tool.make({
 *   name: "add",
 *   description: "The sum of two numbers",
 *   parameters: Schema.Struct({ a: Schema.Number, b: Schema.Number }),
 *   handler: ({ a, b }) => Effect.succeed(a + b)
 * })
 *
 * const program = Tool.runTools(
 *   { model: "llama3.2", messages: [{ role: "user", content: "What is 2 + 3?" }], tools: [add] },
 *   { turns: 5, time: "2 minutes" }
 * ).pipe(Effect.map(({ response }) => response.message.content))
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export function runTools<const Tools extends ReadonlyArray<Any>>(
  request: Request<Tools>,
  options?: RunOptions
): Effect.Effect<Run, OllamaError | LimitReached | ErrorOf<Tools[number]>, OllamaClient | ContextOf<Tools[number]>>
export function runTools(
  request: Request<ReadonlyArray<Any>>,
  options: RunOptions = {}
): Effect.Effect<Run, unknown, unknown> {
  return Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
    const progress: Progress = { turns: 0 }
    const reached = (limit: LimitReached["limit"]) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.fail(new LimitReached({ limit, turns: progress.turns, elapsed: Duration.millis(now - startedAt) }))
      )
    const run = loop(request, options, progress, reached)
    const limited =
      options.time === undefined
        ? run
        : Effect.flatten(
            Effect.timeoutTo(Effect.either(run), {
              duration: options.time,
              onSuccess: (either) => either,
              onTimeout: () => reached("time")
            })
          )
    return limited.pipe(
      Effect.withSpan("invoke_agent", {
        captureStackTrace: false,
        attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": request.model }
      })
    )
  })
}
