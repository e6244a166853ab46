/**
 * The spans of a call: one for it as long as its answer goes on, with a child for each attempt and for a load that it has
 * begun; named after OpenTelemetry's conventions for generative AI. They hold no word of what was asked or answered,
 * unless a program wants that.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as DefaultServices from "effect/DefaultServices"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import { defined } from "../internal/defined.js"
import type { Endpoint } from "../internal/endpoint.js"
import * as GenAi from "../internal/genAi.js"
import type * as Host from "../internal/host.js"
import type * as OllamaError from "../OllamaError.js"
import * as Content from "./content.js"

/** A span that has begun. */
export interface Traced {
  readonly span: Tracer.Span
  readonly tracer: Tracer.Tracer
  readonly clock: Clock.Clock
  readonly wants: Wants
}

/** What a program wants of spans. */
export interface Wants {
  /** What was asked and answered is recorded. */
  readonly content: boolean
  /** Requests carry the span. */
  readonly propagation: boolean
}

type Attributes = Readonly<Record<string, unknown>>

/** What is known of a call when it begins. */
export interface Call {
  readonly id: number
  readonly endpoint: Endpoint
  readonly host: Host.Host
  readonly model: string | undefined
  readonly session: string | undefined
  /** The encoded request. */
  readonly request: unknown
  /** Whether the caller takes the answer as it is written. */
  readonly isStreamed: boolean
}

/** Spans that are not to be parents of others. */
const parentOf = (span: Tracer.AnySpan | undefined): Option.Option<Tracer.AnySpan> => {
  let parent = span
  while (parent !== undefined && Context.get(parent.context, Tracer.DisablePropagation)) {
    parent = parent._tag === "Span" ? Option.getOrUndefined(parent.parent) : undefined
  }
  return Option.fromNullable(parent)
}

const options = (request: unknown): Attributes => {
  const given = Predicate.isRecord(request) && Predicate.isRecord(request.options) ? request.options : {}
  const named = Object.entries(GenAi.requestOptions).flatMap(([option, name]) => {
    const value = given[option]
    if (value === undefined || value === null) return []
    return [[name, option === "stop" && typeof value === "string" ? [value] : value] as const]
  })
  const { dimensions, format }: Readonly<Record<string | symbol, unknown>> = Predicate.isRecord(request) ? request : {}
  return {
    ...Object.fromEntries(named),
    ...(format === undefined || format === "" ? {} : { "gen_ai.output.type": "json" }),
    ...defined({ "gen_ai.embeddings.dimension.count": dimensions ?? undefined })
  }
}

const where = ({ address }: Host.Host): Attributes => {
  const server = GenAi.serverOf(address.url)
  return server === undefined ? {} : { "server.address": server.address, "server.port": server.port }
}

/** The span of OpenTelemetry's own below one of Effect's, which makes texts of lists. */
const below = (span: Tracer.Span): { readonly setAttribute: (name: string, value: unknown) => unknown } | undefined => {
  const found: unknown = Predicate.hasProperty(span, "span") ? span.span : undefined
  return isSettable(found) ? found : undefined
}

const isSettable = (u: unknown): u is { readonly setAttribute: (name: string, value: unknown) => unknown } =>
  Predicate.hasProperty(u, "setAttribute") && typeof u.setAttribute === "function"

const set = (span: Tracer.Span, attributes: Attributes): void => {
  for (const [name, value] of Object.entries(attributes)) {
    span.attribute(name, value)
    if (Array.isArray(value)) below(span)?.setAttribute(name, value)
  }
}

/** Effect's default, which keeps spans for nobody: they would cost half as much again as a call in memory does. */
const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** Whether anybody could ever look at a span. */
const isSeen = (fiber: Fiber.RuntimeFiber<unknown, unknown>, wants: Wants): boolean =>
  fiber.getFiberRef(FiberRef.currentTracerEnabled) &&
  (fiber.currentTracer !== native || wants.propagation || wants.content)

/**
 * The span of a call, in that of the fiber; nothing where tracing is disabled, or where there is no tracer but Effect's
 * own and the span is not sent along.
 */
export const begin = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  clock: Clock.Clock,
  { endpoint, host, id, isStreamed, model, request, session }: Call,
  wants: Wants
): Traced | undefined => {
  if (!isSeen(fiber, wants)) return undefined
  const tracer = fiber.currentTracer
  const operation = GenAi.operationName(endpoint.name) ?? endpoint.name
  const name = [operation, model].filter(Predicate.isNotUndefined).join(" ")
  const links = [...fiber.getFiberRef(FiberRef.currentTracerSpanLinks)]
  const span = tracer.span(
    name,
    parentOf(fiber.currentSpan),
    Context.empty(),
    links,
    clock.unsafeCurrentTimeNanos(),
    "client"
  )
  const annotations = fiber.getFiberRef(FiberRef.currentTracerSpanAnnotations)
  if (HashMap.size(annotations) > 0) HashMap.forEach(annotations, (value, key) => span.attribute(key, value))
  set(span, {
    "gen_ai.operation.name": operation,
    "gen_ai.provider.name": GenAi.provider,
    ...where(host),
    ...options(request),
    ...defined({
      "gen_ai.request.model": model,
      "gen_ai.request.stream": isStreamed && endpoint.kind === "generation" ? true : undefined,
      "gen_ai.conversation.id": session
    }),
    "ollama.operation": endpoint.name,
    "ollama.call": id,
    ...(wants.content ? Content.input(request) : {})
  })
  return { span, tracer, clock, wants }
}

/** A span in that of a call. */
export const child = (parent: Traced | undefined, name: string, attributes: Attributes): Traced | undefined => {
  if (parent === undefined) return undefined
  const { clock, tracer } = parent
  const span = tracer.span(
    name,
    Option.some(parent.span),
    Context.empty(),
    [],
    clock.unsafeCurrentTimeNanos(),
    "client"
  )
  set(span, attributes)
  return { ...parent, span }
}

/** The span of an attempt: a request over HTTP. */
export const attempt = (
  parent: Traced | undefined,
  { method, path }: Endpoint,
  host: Host.Host,
  model: string | undefined,
  number: number
): Traced | undefined =>
  parent === undefined
    ? undefined
    : child(parent, `${method} ${path}`, {
        ...where(host),
        "http.request.method": method,
        "url.path": path,
        ...defined({ "gen_ai.request.model": model }),
        ...(number === 0 ? {} : { "http.request.resend_count": number })
      })

export const load = (parent: Traced | undefined, host: Host.Host, model: string): Traced | undefined =>
  parent === undefined
    ? undefined
    : child(parent, `load ${model}`, {
        ...where(host),
        "gen_ai.provider.name": GenAi.provider,
        "gen_ai.request.model": model,
        "ollama.operation": "load"
      })

export const event = (traced: Traced | undefined, name: string, attributes: Attributes = {}): void =>
  traced?.span.event(name, traced.clock.unsafeCurrentTimeNanos(), { ...attributes })

/** How it ended; `left` is an interruption by the caller. */
export const end = (
  traced: Traced | undefined,
  outcome: OllamaError.OllamaError | "success" | "left",
  attributes: Attributes
): void => {
  if (traced === undefined) return
  const { clock, span } = traced
  set(span, attributes)
  if (typeof outcome !== "string") span.attribute("error.type", outcome._tag)
  span.end(
    clock.unsafeCurrentTimeNanos(),
    outcome === "success" ? Exit.void : outcome === "left" ? Exit.interrupt(FiberId.none) : Exit.fail(outcome)
  )
}

/** The request with the span as its parent, as W3C Trace Context has it, where a program wants that. */
export const propagated = (
  traced: Traced | undefined,
  request: HttpClientRequest.HttpClientRequest
): HttpClientRequest.HttpClientRequest => {
  if (traced === undefined || !traced.wants.propagation) return request
  const { sampled, spanId, traceId } = traced.span
  return HttpClientRequest.setHeader(request, "traceparent", `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`)
}
