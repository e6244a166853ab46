/**
 * Sends one request and feeds a reader with whatever comes of it: a body, a status that is a failure, a broken
 * connection. Redirects are followed on the same host only, so credentials and prompts stay where they belong.
 */
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type * as OllamaError from "../OllamaError.js"
import * as Answers from "./answers.js"
import * as AnswerText from "./answerText.js"
import * as Body from "./body.js"
import * as Classify from "./classify.js"
import * as Transport from "./classifyTransport.js"
import type { Attempt } from "./context.js"
import type { Endpoint } from "./endpoint.js"
import type * as Host from "./host.js"
import * as Lines from "./lines.js"
import * as Page from "./page.js"
import type * as Reader from "./reader.js"
import * as RetryAfter from "./retryAfter.js"

export interface Send {
  readonly host: Host.Host
  readonly endpoint: Endpoint
  readonly request: HttpClientRequest.HttpClientRequest
  readonly hasModel: boolean
  readonly attempt: Attempt
  /** Answers that are a value here, though their status is bad: HEAD of a missing blob. */
  readonly accept?: ((status: number, contentType: string | undefined) => boolean) | undefined
}

const redirectLimit = 3
/** The most bytes of a failed answer that are read. */
const failureLimit = 64 * 1024
const tlsProbeLimit = "1 second"

const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304

/** Where a redirect leads, if it stays on the host (the same name; from http to https, but not back). */
const onSameHost = (from: string, location: string | undefined): string | undefined => {
  if (location === undefined || !URL.canParse(location, from)) return undefined
  const here = new URL(from)
  const there = new URL(location, from)
  if (there.hostname !== here.hostname || there.username + there.password !== "") return undefined
  const sameOrigin = there.origin === here.origin
  const upgrade = here.protocol === "http:" && there.protocol === "https:"
  return sameOrigin || upgrade ? there.href : undefined
}

/** A browser does not say where a redirect leads, only that there is one. */
const isOpaqueRedirect = (response: HttpClientResponse.HttpClientResponse): boolean => {
  const source: unknown = Predicate.hasProperty(response, "source") ? response.source : undefined
  return Predicate.hasProperty(source, "type") && source.type === "opaqueredirect"
}

/** The beginning of a body, as text; what breaks while it is read leaves what there was. */
export const text = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.flatMap(Effect.makeLatch(), (over) => {
    const parts: Array<Uint8Array> = []
    let size = 0
    const end = (): void => {
      over.unsafeOpen()
    }
    const data = (bytes: Uint8Array): void => {
      if (size < limit) {
        parts.push(bytes)
        size += bytes.length
      }
      if (size >= limit) end()
    }
    return Effect.flatMap(Body.attach(response, { data, end, error: end }), (body) =>
      Effect.map(over.await, () => {
        body.cancel()
        return new TextDecoder().decode(Lines.concat(parts, size))
      })
    )
  })

/** Any answer to a small request, or a failure that says as much. */
const answers = (
  host: Host.Host,
  scheme: "http" | "https",
  saysSo?: (found: Transport.Found) => boolean
): Effect.Effect<boolean> =>
  Answers.any(
    host,
    HttpClientRequest.head(`${scheme}://${host.address.hostname}:${host.address.port}/`),
    tlsProbeLimit,
    saysSo && ((error) => saysSo(Transport.find(error)))
  )

/** A certificate that is not trusted is a certificate. */
const isOfCertificate = ({ code = "" }: Transport.Found): boolean =>
  /CERT|SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|ALTNAME/.test(code)

/** Whether what listens there speaks TLS: the answer to plain HTTP may be nothing but a closed connection. */
const speaksTls = (host: Host.Host): Effect.Effect<boolean> =>
  Effect.flatMap(answers(host, "https", isOfCertificate), (secured) =>
    // what answers plain HTTP as well has only closed this one connection
    secured ? Effect.map(answers(host, "http"), (plain) => !plain) : Effect.succeed(false)
  ).pipe(
    Effect.tap((tls) => {
      host.isKnownPlain = !tls
      return Effect.void
    })
  )

const transportFailure = (send: Send, found: Transport.Found): Effect.Effect<OllamaError.OllamaError> => {
  const { attempt, host } = send
  const limit = host.connectLimit === undefined ? undefined : Duration.millis(host.connectLimit)
  const seed = Transport.classify(found, limit)
  const fail = (seen: typeof seed, isBefore = Transport.isBeforeConnection(found)) =>
    attempt.failure(seen, { phase: isBefore ? "connect" : attempt.stage, cause: Transport.cause(found) })
  const page = Page.silent(found.chain)
  if (page !== undefined) {
    return Effect.map(Page.examine(page, host, send.request.headers), (finding) =>
      finding === "absent" ? fail(Transport.refused, true) : fail(finding === "present" ? Transport.reset : finding)
    )
  }
  const isStrange = !host.hasAnswered && !host.isKnownPlain && host.address.scheme === "http"
  return Transport.isReset(seed) && isStrange
    ? Effect.map(speaksTls(host), (tls) => fail(tls ? Transport.tlsPort : seed))
    : Effect.sync(() => fail(seed))
}

const answerFailure = (
  send: Send,
  response: HttpClientResponse.HttpClientResponse,
  body: string
): Effect.Effect<OllamaError.OllamaError> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const answerText = AnswerText.fromBody(response.headers["content-type"], body)
    const wait = RetryAfter.parse(response.headers, now)
    const seed = Classify.answer({
      status: response.status,
      text: answerText,
      endpoint: send.endpoint,
      hasModel: send.hasModel,
      sentOrigin: send.host.sendsOrigin,
      retryAfter: wait === undefined ? undefined : Duration.millis(wait)
    })
    return send.attempt.failure(seed, {
      status: answerText.status ?? response.status,
      detail: answerText.message
    })
  })

/** Sends, and goes on feeding the reader until the Scope closes. */
export const run = <A>(
  send: Send,
  reader: Reader.Reader<A>,
  answer: { readonly head: (status: number, isStream: boolean) => void }
): Effect.Effect<void, never, Scope.Scope> => {
  const { attempt, host } = send

  const deliver = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void, never, Scope.Scope> => {
    const status = response.status
    answer.head(status, isStream(response))
    if (
      send.accept?.(status, response.headers["content-type"]) === true ||
      (status >= 200 && status < 300 && !isPage(response))
    ) {
      return Effect.map(Body.attach(response, reader), (body) => reader.attach(body))
    }
    // a page is known by its type: there is no need to read it
    if (status >= 200 && status < 400) return elsewhere(status)
    return Effect.flatMap(text(response, failureLimit), (body) =>
      Effect.map(answerFailure(send, response, body), (error) => reader.fail(error))
    )
  }

  const go = (
    request: HttpClientRequest.HttpClientRequest,
    hops: number
  ): Effect.Effect<void, HttpClientError, Scope.Scope> =>
    Effect.flatMap(Effect.catchAll(host.client.execute(request), badStatus), (response) => {
      host.hasAnswered = true
      if (isOpaqueRedirect(response)) return elsewhere(302)
      if (!isRedirect(response.status)) return deliver(response)
      const next = onSameHost(request.url, response.headers.location)
      return next === undefined || hops >= redirectLimit
        ? elsewhere(response.status)
        : Effect.zipRight(Body.discard(response), go(HttpClientRequest.setUrl(request, next), hops + 1))
    })

  const elsewhere = (status: number): Effect.Effect<void> =>
    Effect.sync(() => reader.fail(attempt.failure(Classify.captivePortal, { status })))

  return Effect.catchAllCause(go(send.request, 0), (cause) => {
    const failure = Cause.failureOrCause(cause)
    const error = Cause.squash(cause)
    const found = Transport.find(error)
    // a defect of the transport is nobody's answer; but one that a socket wrote is known by its code
    if (Either.isRight(failure) && Cause.isDie(cause) && found.code === undefined) {
      return Effect.sync(() => reader.die(error))
    }
    if (Transport.isReleased(found)) return Effect.sync(() => reader.leave())
    // where it is we who interrupt, the reader is closed, and hears nothing of it
    return Effect.map(transportFailure(send, found), (error) => reader.fail(error))
  })
}

/** A client that takes a bad status for a failure (`HttpClient.filterStatusOk`) has the answer in it. */
const badStatus = (error: HttpClientError): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError> =>
  error._tag === "ResponseError" && error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)

const isStream = (response: HttpClientResponse.HttpClientResponse): boolean =>
  /ndjson/i.test(response.headers["content-type"] ?? "") && response.headers["content-length"] !== "0"

const isPage = (response: HttpClientResponse.HttpClientResponse): boolean =>
  AnswerText.isHtml(response.headers["content-type"], "")
