/**
 * Why calls fail or are slow: a look at everything between the program and the model, from the address to a token, as a
 * report of data. It says for each of the four causes (server unreachable, clock too short, server overloaded, firewall
 * or proxy) whether it holds, why, and what to do.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as OllamaConfig from "../OllamaConfig.js"
import type * as OllamaError from "../OllamaError.js"
import type * as Policy from "../policy/Policy.js"
import type { CallRecord } from "../record/CallRecord.js"
import type { Report } from "./doctor/report.js"
import * as Examine from "./doctor/examine.js"
import * as Render from "./doctor/render.js"

export { Facts, Machine, Place, ProxyAnswer, Resolved, Tcp, Tls } from "./doctor/facts.js"
export {
  type Connected,
  CurrentProbes,
  type Finding,
  noProbes,
  type Probes,
  type ProxySetting
} from "./doctor/probes.js"
export { Cause, CauseName, Check, CheckName, Commands, Fix, Report } from "./doctor/report.js"

/**
 * What to examine; everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends OllamaConfig.OllamaConfig {
  /** Whose clocks are compared with what was measured; `Policy.defaults` by default. */
  readonly policy?: Policy.Policy | undefined
  /** The model that calls are slow with; by default one that is in memory. */
  readonly model?: string | undefined
  /**
   * What may be called, to measure how long it takes: `never` a model; a model that is `resident` in memory, for one token
   * (the default); or any, which may `load` it, and put others out of memory.
   */
  readonly call?: "never" | "resident" | "load" | undefined
  /** The origin of the web page that calls the server: `https://app.example.com`. */
  readonly origin?: string | undefined
  /** The failure of a call that is to be explained. */
  readonly failure?: OllamaError.OllamaError | undefined
  /** What became of calls before, as the client recorded it: loads and first tokens that need not be measured again. */
  readonly records?: ReadonlyArray<CallRecord> | undefined
  /** The most time for all of it: 15 seconds by default; with `call: "load"` the policy's limit of a load besides. */
  readonly limit?: Duration.DurationInput | undefined
}

/**
 * Examines a server and the way to it. Never fails: what cannot be found out is `unknown` in the report. Names, sockets,
 * certificates and proxies are looked at where there are `Probes` for it (`OllamaNode.layerProbes`); everything else
 * needs nothing but the `HttpClient`. No secret of the options or of the proxies' addresses is in the report.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Console, Effect } from "effect"
 * import { Doctor } from "effect-ollama"
 *
 * const program = Doctor.run({ host: "gpu-box", model: "llama3.2" }).pipe(
 *   Effect.tap((report) => Console.log(Doctor.render(report))),
 *   Effect.map((report) => report.causes.unreachable.holds),
 *   Effect.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (options: Options = {}): Effect.Effect<Report, never, HttpClient.HttpClient> => Examine.run(options)

/**
 * What a program that examines exits with: 0 nothing is wrong, 1 something else is, 3 the server is unreachable, 4 a
 * clock is too short, 5 the server is overloaded, 6 a firewall or proxy is in the way.
 *
 * @since 0.1.0
 * @category getters
 */
export const exitCode = (report: Report): number => Render.exitCode(report)

/**
 * The report as plain text, without colours: a line for each check, then the causes that hold or may, with what to do.
 *
 * @since 0.1.0
 * @category getters
 */
export const render = (report: Report): string => Render.render(report)
