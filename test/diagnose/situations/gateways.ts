/** nginx in front of the server, set up in the ways that go wrong. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { addresses, type Lab } from "../../support/real/lab.js"
import * as Certificates from "../../support/real/certificates.js"
import * as Gateways from "../../support/real/gateways.js"
import * as Nginx from "../../support/real/nginx.js"
import type { ServerJob } from "../../support/real/programs/protocol.js"
import type { Tool } from "../../support/real/tools.js"
import { behind, model, port, server, type Situation, situation, type Told } from "../situation.js"

type Rest = Omit<Parameters<typeof situation>[2], "stage">

const to = `proxy_pass http://127.0.0.1:${port};`

/** As nginx is found in front of a server: with the server's own port at the address, or 80 and 443. */
const block = (location: string, rest = "", listen = "80"): string =>
  `server { listen ${listen}; ${rest} location / { ${location} } }`

const plain: Told = { env: { OLLAMA_HOST: `http://${addresses.server}:80` } }

interface Staged extends Rest {
  readonly http: string
  /** The server behind it; none with `null`. */
  readonly server?: ServerJob | null
  readonly told?: Told
}

const gateway = (id: string, what: string, { http, server: job = behind, told = plain, ...rest }: Staged): Situation =>
  situation(id, what, {
    needs: ["netns", "nginx"],
    stage: (lab) =>
      Effect.gen(function* () {
        if (job !== null) yield* server(lab, job)
        yield* Nginx.start(lab, "server", http)
        return told
      }),
    ...rest
  })

const well = { expected: "success", verdict: "AsExpected", cause: "none" } as const
const gaveUp = { verdict: "Overloaded", cause: "blocked" } as const
/** Who cut it cannot be seen, but that there is a proxy in front of the server. */
const brokenOff = { verdict: "ServerFailed", cause: "blocked" } as const
const inTheWay = { verdict: "ProxyInTheWay", cause: "blocked" } as const

/** Silent for longer than any proxy here waits: loaded, and says nothing; or says a part, and no more. */
const silentAfter = (chunks: number): ServerJob => ({
  ...behind,
  faults: [{ _tag: "StallAfter", chunks, path: "/api/chat" }]
})

const impatient = `${Nginx.streaming.replace("proxy_read_timeout 1h", "proxy_read_timeout 1s")} ${to}`

export const gateways: ReadonlyArray<Situation> = [
  gateway("through", "a proxy that is set up well", { http: block(`${Nginx.streaming} ${to}`), ...well }),
  gateway("buffering", "a proxy that keeps the answer until it is complete", {
    http: block(`proxy_buffering on; proxy_set_header Host localhost; ${to}`),
    ...well,
    isInTests: true
  }),
  gateway("502", "the proxy has no server behind it", {
    http: block(`${Nginx.streaming} ${to}`),
    server: null,
    expected: { _tag: "Unreachable", reason: "gateway", status: 502, attempts: 1 },
    verdict: "HostDown",
    cause: "unreachable",
    isInTests: true
  }),
  gateway("504", "the proxy's read timeout is shorter than the load", {
    http: block(impatient),
    server: { ...behind, models: [{ name: model, loadTime: "1 hour" }] },
    expected: { _tag: "Overloaded", by: "gateway", status: 504, attempts: 1 },
    ...gaveUp,
    isInTests: true
  }),
  gateway("cut-by-proxy", "the proxy's read timeout is shorter than a pause in the answer", {
    http: block(impatient),
    server: silentAfter(3),
    expected: { _tag: "StreamInterrupted", phase: "gap", partial: true },
    ...brokenOff,
    isInTests: true
  }),
  gateway("http-1.0", "the server dies behind a proxy that takes the end of a connection for the end of an answer", {
    http: block(`proxy_buffering off; proxy_set_header Host localhost; ${to}`),
    server: { ...behind, faults: [{ _tag: "CutAfter", chunks: 3, path: "/api/chat" }] },
    expected: { _tag: "StreamInterrupted", phase: "gap", partial: true },
    ...brokenOff
  }),
  gateway("403-page", "the proxy forbids the call, with a page of its own", {
    http: block(`deny all; ${to}`),
    expected: { _tag: "Blocked", by: "proxy", status: 403, attempts: 0 },
    ...inTheWay,
    isInTests: true
  }),
  gateway("401", "the proxy asks for a password", {
    http: block(`${Nginx.streaming} ${to}`, "auth_basic ollama; auth_basic_user_file /dev/null;"),
    expected: { _tag: "Unauthorized", status: 401, attempts: 0 },
    verdict: "BadRequest",
    cause: "blocked"
  }),
  gateway("413", "the prompt is larger than the proxy takes", {
    http: block(`${Nginx.streaming} ${to}`, "client_max_body_size 1k;"),
    told: { ...plain, characters: 4000 },
    expected: { _tag: "InvalidRequest", issue: "tooLarge", status: 413, attempts: 0 },
    verdict: "BadRequest",
    cause: "other"
  }),
  gateway("429", "the proxy limits how many calls come in a time", {
    http: `limit_req_zone $binary_remote_addr zone=calls:1m rate=1r/m; limit_req_status 429;
      ${block(`limit_req zone=calls; ${Nginx.streaming} ${to}`)}`,
    expected: { _tag: "Overloaded", by: "server", status: 429, attempts: 1 },
    verdict: "Overloaded",
    cause: "overloaded"
  }),
  gateway("limit-503", "the proxy limits how many calls come in a time, as nginx does it by itself", {
    http: `limit_req_zone $binary_remote_addr zone=calls:1m rate=1r/m;
      ${block(`limit_req zone=calls; ${Nginx.streaming} ${to}`)}`,
    expected: { _tag: "Overloaded", by: "gateway", status: 503, attempts: 1 },
    verdict: "Overloaded",
    cause: "overloaded"
  }),
  gateway("host-header", "a reverse proxy passes its public name on to a server on loopback", {
    http: block(`${Nginx.streaming.replace("Host localhost", "Host ollama.example.com")} ${to}`),
    expected: { _tag: "Blocked", by: "hostHeader", status: 403, attempts: 0 },
    ...inTheWay,
    isInTests: true
  }),
  gateway("sub-path", "the proxy has the server under a path that the address lacks", {
    http: `server { listen 80; root /nonexistent; location /ollama/ { ${Nginx.streaming} proxy_pass http://127.0.0.1:${port}/; } }`,
    expected: { _tag: "InvalidRequest", issue: "noSuchEndpoint", status: 404, attempts: 0 },
    verdict: "BadRequest",
    cause: "blocked"
  }),
  gateway("sub-path-given", "the proxy has the server under a path that the address has", {
    http: `server { listen 80; location /ollama/ { ${Nginx.streaming} proxy_pass http://127.0.0.1:${port}/; } }`,
    told: { env: { OLLAMA_HOST: `http://${addresses.server}:80/ollama` } },
    ...well
  })
]

/** Other gateways than nginx, with a server that says nothing for an hour behind them, or none. */
const other = (
  id: string,
  what: string,
  tool: Tool,
  start: (lab: Lab) => Effect.Effect<void, never, Scope.Scope>,
  isUp: boolean,
  rest: Rest
): Situation =>
  situation(id, what, {
    needs: ["netns", tool],
    stage: (lab) =>
      Effect.gen(function* () {
        if (isUp) yield* server(lab, { ...behind, models: [{ name: model, loadTime: "1 hour" }] })
        yield* start(lab)
        return plain
      }),
    ...rest
  })

const noServer = {
  expected: { _tag: "Unreachable", reason: "gateway", attempts: 1 },
  verdict: "HostDown",
  cause: "unreachable"
} as const

export const others: ReadonlyArray<Situation> = [
  other(
    "haproxy",
    "HAProxy has no server behind it",
    "haproxy",
    (lab) => Gateways.haproxy(lab, port, 1000),
    false,
    noServer
  ),
  other(
    "haproxy-504",
    "HAProxy's timeout is shorter than the load",
    "haproxy",
    (lab) => Gateways.haproxy(lab, port, 1000),
    true,
    { expected: { _tag: "Overloaded", by: "gateway", status: 504, attempts: 1 }, ...gaveUp }
  ),
  other("apache", "Apache has no server behind it", "apache2", (lab) => Gateways.apache(lab, port), false, noServer),
  other("caddy", "Caddy has no server behind it", "caddy", (lab) => Gateways.caddy(lab, port), false, noServer)
]

interface Secured extends Rest {
  readonly pair: Exclude<keyof Certificates.Certificates, "ca" | "caFile">
  readonly host?: string
  /** Whether the client knows the authority; by default. */
  readonly isTrusted?: boolean
  /** In the block of the server. */
  readonly more?: (certificates: Certificates.Certificates) => string
  /** Other blocks. */
  readonly beside?: string
}

const secured = (
  id: string,
  what: string,
  { beside = "", host = "https://ollama.test", isTrusted = true, more, pair, ...rest }: Secured
): Situation =>
  situation(id, what, {
    needs: ["netns", "nginx", "openssl"],
    stage: (lab: Lab): Effect.Effect<Told, never, Scope.Scope> =>
      Effect.gen(function* () {
        const certificates = Certificates.make(lab)
        const { cert, key } = certificates[pair]
        const own = `ssl_certificate ${cert}; ssl_certificate_key ${key}; ${more?.(certificates) ?? ""}`
        yield* server(lab, behind)
        yield* Nginx.start(lab, "server", beside + block(`${Nginx.streaming} ${to}`, own, "443 ssl"))
        return { env: { OLLAMA_HOST: host }, ...(isTrusted ? { ca: certificates.ca } : {}) }
      }),
    ...rest
  })

const noTls = {
  expected: { _tag: "Unreachable", reason: "tls", phase: "connect", attempts: 0 },
  verdict: "HostDown",
  cause: "blocked"
} as const

export const secure: ReadonlyArray<Situation> = [
  secured("tls", "TLS with an authority that the client knows", { pair: "good", ...well }),
  secured("tls-self", "a certificate signed by itself", { pair: "selfSigned", ...noTls, isInTests: true }),
  secured("tls-unknown", "a certificate of an authority that the client does not know", {
    pair: "good",
    isTrusted: false,
    ...noTls
  }),
  secured("tls-expired", "a certificate that has expired", { pair: "expired", ...noTls, isInTests: true }),
  secured("tls-name", "a certificate for another name", { pair: "otherName", ...noTls }),
  secured("tls-client", "the proxy asks for a certificate of the client", {
    pair: "good",
    more: ({ caFile }) => `ssl_client_certificate ${caFile}; ssl_verify_client on;`,
    expected: { _tag: "Blocked", by: "proxy", status: 400, attempts: 0 },
    ...inTheWay
  }),
  secured("http-to-tls", "HTTP to the port for TLS", {
    pair: "good",
    host: "http://ollama.test:443",
    expected: { _tag: "Unreachable", reason: "protocol", status: 400, attempts: 0 },
    verdict: "HostDown",
    cause: "blocked",
    isInTests: true
  }),
  secured("to-https", "a redirect from http to https", {
    pair: "good",
    host: "http://ollama.test:80",
    beside: block("return 301 https://$host$request_uri;"),
    ...well
  }),
  secured("to-elsewhere", "a redirect to another name", {
    pair: "good",
    host: "http://ollama.test:80",
    beside: block("return 301 https://elsewhere.test$request_uri;"),
    expected: { _tag: "Blocked", by: "captivePortal", status: 301, attempts: 0 },
    ...inTheWay
  })
]
