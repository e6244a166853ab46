/** What all calls of a client have in common: its servers, what it knows, and what a call runs under. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as EffectContext from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import * as Watchdog from "../internal/watchdog.js"
import * as OllamaError from "../OllamaError.js"
import * as Patch from "../policy/patch.js"
import * as Policy from "../policy/Policy.js"
import * as CallOptions from "./callOptions.js"
import * as GivenPolicy from "./givenPolicy.js"
import * as Hub from "./hub.js"
import * as Knowledge from "./knowledge.js"
import * as Report from "./report.js"
import * as Request from "./request.js"
import type * as Running from "./running.js"
import type * as OllamaClient from "./service.js"
import * as Servers from "./servers.js"

/** The most bytes of a line: what the server's own client takes (Ollama `api/client.go`, `maxBufferSize`). */
const lineLimit = 8 * 1024 * 1024

type Failure = OllamaError.OllamaError

/** Bun's fetch gives up after five minutes, where it is not told to leave that to our clocks; others do not know the option. */
const withoutLimit: object = { timeout: false }

/**
 * Fetch follows redirects by itself, and takes only Authorization along no further: it is told not to. Other transports
 * do not look at this. What a program gives to fetch (`FetchHttpClient.RequestInit`) has to be visible here to be kept.
 */
const redirectsByHand =
  (init: RequestInit) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.mapInputContext(effect, (context: EffectContext.Context<R>) => {
      const own = Option.getOrUndefined(EffectContext.getOption(context, FetchHttpClient.RequestInit))
      // without CORS a browser wants to follow; nothing of ours goes along then
      const redirect = own?.mode === "no-cors" ? "follow" : "manual"
      return EffectContext.add(context, FetchHttpClient.RequestInit, { ...withoutLimit, ...init, ...own, redirect })
    })

/** Where the calls of a client with several servers go. */
export interface Steering {
  /** Where a call may go, whose options may name a host; or why it cannot. */
  readonly steer: (
    endpoint: Endpoint.Endpoint,
    host: string | undefined
  ) => Either.Either<Running.Goal, CallOptions.Problem>
}

export interface Core {
  readonly hub: Hub.Hub
  readonly knowledge: Knowledge.Knowledge
  readonly servers: Servers.Servers
  /** Tells of a call that is refused before it becomes one. */
  readonly refusing: <B, E, R>(
    endpoint: Endpoint.Endpoint,
    options: OllamaClient.CallOptions | undefined,
    before: Effect.Effect<B, E, R>
  ) => Effect.Effect<B, E, R>
  /** What a call runs under, looked up when it is run. */
  readonly settings: (
    endpoint: Endpoint.Endpoint,
    options: OllamaClient.CallOptions | undefined
  ) => Effect.Effect<Running.Settings, Failure>
}

/** A header that cannot be sent. */
export const unsendable = (sent: Servers.Sent): Effect.Effect<void, OllamaError.InvalidRequest> => {
  const field = Host.unsendable(sent)
  return field === undefined
    ? Effect.void
    : Effect.fail(
        new OllamaError.InvalidRequest({
          issue: "malformed",
          field,
          host: sent.address.url,
          remedy: `Correct ${field}: a header cannot have line ends or characters beyond Latin-1 in its value, nor spaces in its name, nor say where the body ends`
        })
      )
}

/** @param steering of a client with several servers, once it is made */
export const make = (
  own: Servers.Sent,
  options: Omit<OllamaClient.Options, "host" | "apiKey" | "headers">,
  steering: () => Steering | undefined = () => undefined
): Effect.Effect<Core, never, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const transport = yield* HttpClient.HttpClient
    const transformed = options.transformClient === undefined ? transport : options.transformClient(transport)
    const init = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.RequestInit), () => ({}))
    const hub = yield* Hub.make
    const knowledge: Knowledge.Knowledge = Knowledge.make(hub, () => servers.all())
    const servers: Servers.Servers = yield* Servers.make({
      hub,
      onLoad: knowledge.loaded,
      own,
      client: HttpClient.withScope(HttpClient.transformResponse(transformed, redirectsByHand(init))),
      policy: options.policy ?? Policy.defaults
    })
    const { host } = servers.own
    const watchdog = Watchdog.make()
    const wants = { content: options.recordContent === true, propagation: options.propagateTrace === true }
    if (options.policyChanges !== undefined) {
      yield* Effect.forkScoped(Stream.runForEach(options.policyChanges, servers.retune))
    }

    const refusing: Core["refusing"] = (endpoint, callOptions, before) =>
      Effect.tapError(before, (error) =>
        OllamaError.isOllamaError(error)
          ? Report.refused({ endpoint, host: host.address.url, hub, knowledge, options: callOptions }, error)
          : Effect.void
      )

    const alone: Running.Goal = { server: servers.own, routes: undefined }

    /** To another host, as a policy's fallback names it; without one, where the call went. */
    const goalOf =
      (endpoint: Endpoint.Endpoint, first: Running.Goal) =>
      (address: string | undefined): Effect.Effect<Running.Goal, Failure> => {
        if (address === undefined) return Effect.succeed(first)
        const known = steering()?.steer(endpoint, address)
        return known !== undefined && Either.isRight(known)
          ? Effect.succeed(known.right)
          : Effect.map(servers.at(address, endpoint), (server) => ({ server, routes: undefined }))
      }

    const settings: Core["settings"] = (endpoint, callOptions) =>
      Effect.withFiberRuntime((fiber) => {
        const current = EffectContext.get(fiber.currentContext, Patch.CurrentPatch)
        const isProbe = EffectContext.get(fiber.currentContext, Hub.IsProbe)
        const invalid = (problem: CallOptions.Problem) =>
          refusing(endpoint, callOptions, Request.invalid(host, endpoint, problem))
        const steers = steering()
        const problem = CallOptions.problem(callOptions, steers === undefined ? host.address.url : undefined)
        if (problem !== undefined) return invalid(problem)
        const steered = steers?.steer(endpoint, callOptions?.host)
        if (steered !== undefined && Either.isLeft(steered)) return invalid(steered.left)
        const goal = steered === undefined ? alone : steered.right
        const patch = callOptions?.policy === undefined ? current : Patch.both(current, callOptions.policy)
        const refused = (problem: Request.Problem) => invalid({ issue: "malformed", ...problem })
        const under = (policy: Policy.Policy, policyAt: Running.Settings["policyAt"]): Running.Settings => ({
          endpoint,
          server: goal.server,
          routes: goal.routes,
          goal: goalOf(endpoint, goal),
          watchdog,
          hub: isProbe ? Hub.mute : hub,
          knowledge,
          wants: isProbe ? undefined : wants,
          lineLimit: options.lineLimit ?? lineLimit,
          retrySchedule: callOptions?.retrySchedule ?? options.retrySchedule,
          policy,
          policyAt,
          budget: policy.budget === "off" ? undefined : servers.budget(),
          options: callOptions
        })
        const here = goal.server.policy() ?? servers.policy()
        if (Predicate.isRecord(patch) && Object.keys(patch).length === 0) return Effect.succeed(under(here, ownPolicy))
        return Either.match(Policy.decodeUnknownPatch(patch), {
          onRight: (changes) => {
            const local = Policy.localProblem(patch)
            if (local !== undefined) return refused({ field: `policy.${local.field}`, why: local.why })
            const changed = (policy: Policy.Policy): Policy.Policy =>
              Either.getOrElse(Policy.applyEither(policy, changes), () => policy)
            return Either.match(Policy.applyEither(here, changes), {
              onRight: (policy) =>
                Effect.succeed(under(policy, (server) => changed(server.policy() ?? servers.policy()))),
              onLeft: (error) => refused(GivenPolicy.problemIn(error))
            })
          },
          onLeft: (error) => refused(GivenPolicy.problemIn(error))
        })
      })

    const ownPolicy = ({ policy }: Running.Goal["server"]): Policy.Policy => policy() ?? servers.policy()

    return { hub, knowledge, servers, refusing, settings }
  })
