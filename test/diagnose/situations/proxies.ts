/** Forward proxies, which the client is told of by its environment, and networks that ask everybody to log in. */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as Certificates from "../../support/real/certificates.js"
import { addresses, type Lab } from "../../support/real/lab.js"
import * as Nginx from "../../support/real/nginx.js"
import * as Proxies from "../../support/real/proxies.js"
import { behind, nameServer, port, quick, server, type Situation, situation, type Told } from "../situation.js"

type Rest = Omit<Parameters<typeof situation>[2], "stage">

const well = { expected: "success", verdict: "AsExpected", cause: "none" } as const
const inTheWay = { verdict: "ProxyInTheWay", cause: "blocked" } as const
const refused = { expected: { _tag: "Blocked", by: "proxy", attempts: 0 }, ...inTheWay } as const
const unusable = {
  expected: { _tag: "Unreachable", reason: "gateway", attempts: 1 },
  verdict: "HostDown",
  // whether the server is down cannot be seen behind a proxy, which may be the wrong way to it
  cause: "unreachable",
  mayBe: "blocked"
} as const

const told = (proxy = Proxies.address, more: Readonly<Record<string, string>> = {}): Told => ({
  env: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, OLLAMA_HOST: `http://${addresses.server}:${port}`, ...more }
})

const withUser = (name: string, password: string): string => Proxies.address.replace("://", `://${name}:${password}@`)

interface Staged extends Rest {
  /** Starts the proxy. */
  readonly proxy: (lab: Lab) => Effect.Effect<void, never, Scope.Scope>
  readonly told?: Told
  /** Whether the server runs; by default. */
  readonly isUp?: boolean
}

const proxied = (
  id: string,
  what: string,
  { isUp = true, needs = ["netns", "nft", "squid", "openssl"], proxy, told: given = told(), ...rest }: Staged
): Situation =>
  situation(id, what, {
    needs,
    stage: (lab) =>
      Effect.gen(function* () {
        if (isUp) yield* server(lab, quick)
        yield* Proxies.only(lab)
        yield* proxy(lab)
        return given
      }),
    ...rest
  })

const tinyproxy = { needs: ["netns", "nft", "tinyproxy"] } as const

const open = (lab: Lab) => Proxies.squid(lab, "http_access allow all")
const withCredentials = (lab: Lab) => Proxies.squid(lab, Proxies.withCredentials(lab))
const none = () => Effect.void

/** A server behind TLS, which a proxy gives a tunnel to. */
const tunnelled = (id: string, what: string, access: (lab: Lab) => string, rest: Rest, proxy?: string): Situation =>
  situation(id, what, {
    needs: ["netns", "nft", "squid", "nginx", "openssl"],
    stage: (lab) =>
      Effect.gen(function* () {
        const { ca, good } = Certificates.make(lab)
        yield* server(lab, behind)
        yield* Nginx.start(
          lab,
          "server",
          `server { listen 443 ssl; ssl_certificate ${good.cert}; ssl_certificate_key ${good.key};
            location / { ${Nginx.streaming} proxy_pass http://127.0.0.1:${port}; } }`
        )
        yield* Proxies.only(lab)
        yield* Proxies.squid(lab, access(lab))
        return { ...told(proxy, { OLLAMA_HOST: "https://ollama.test" }), ca }
      }),
    ...rest
  })

export const proxies: ReadonlyArray<Situation> = [
  proxied("proxy", "tinyproxy lets the call through", {
    ...tinyproxy,
    proxy: (lab) => Proxies.tinyproxy(lab),
    ...well
  }),
  proxied("proxy-squid", "squid lets the call through", { proxy: open, ...well }),
  proxied("proxy-407", "squid asks for credentials", { proxy: withCredentials, ...refused, isInTests: true }),
  proxied("proxy-wrong-user", "squid gets the wrong credentials", {
    proxy: withCredentials,
    told: told(withUser("eve", "guessed-it")),
    ...refused
  }),
  proxied("proxy-user", "squid gets its credentials", {
    proxy: withCredentials,
    told: told(withUser(Proxies.user.name, Proxies.user.password)),
    ...well,
    isInTests: true
  }),
  proxied("proxy-407-tiny", "tinyproxy asks for credentials", {
    ...tinyproxy,
    proxy: (lab) => Proxies.tinyproxy(lab, `BasicAuth ${Proxies.user.name} ${Proxies.user.password}`),
    ...refused
  }),
  proxied("proxy-403", "squid refuses the host", {
    proxy: (lab) => Proxies.squid(lab, "http_access deny all"),
    ...refused,
    isInTests: true
  }),
  proxied("proxy-403-tiny", "tinyproxy refuses the client", {
    ...tinyproxy,
    proxy: (lab) => Proxies.tinyproxy(lab, "Deny 0.0.0.0/0"),
    ...refused
  }),
  proxied("proxy-no-server", "squid finds no server there", {
    proxy: open,
    isUp: false,
    ...unusable,
    isInTests: true
  }),
  proxied("proxy-no-server-tiny", "tinyproxy finds no server there", {
    ...tinyproxy,
    proxy: (lab) => Proxies.tinyproxy(lab),
    isUp: false,
    ...unusable
  }),
  proxied("proxy-no-name", "squid does not know the name", {
    proxy: (lab) => Effect.zipRight(nameServer(lab, { otherwise: "nxdomain" }), open(lab)),
    told: told(Proxies.address, { OLLAMA_HOST: `http://ollama.lan:${port}` }),
    ...unusable
  }),
  proxied("proxy-down", "nothing listens where the proxy should be", {
    needs: ["netns", "nft"],
    proxy: none,
    expected: { ...unusable.expected, phase: "connect" },
    verdict: "HostDown",
    cause: "blocked",
    isInTests: true
  }),
  proxied("proxy-silent", "packets to the proxy are dropped", {
    needs: ["netns", "nft"],
    proxy: (lab) => lab.filter("way", "input", "drop"),
    expected: { _tag: "Timeout", phase: "connect", limit: 2000, attempts: 1, says: /The proxy does not answer/ },
    verdict: "HostDown",
    cause: "blocked"
  }),
  situation("no-proxy", "the host is named in NO_PROXY, and there is no proxy", {
    stage: (lab) => Effect.as(server(lab), told(Proxies.address, { NO_PROXY: "localhost,10.99.2.0/24" })),
    ...well
  }),
  tunnelled("tunnel", "squid gives a tunnel", () => "http_access allow all", well),
  tunnelled("tunnel-407", "squid asks for credentials before it gives a tunnel", Proxies.withCredentials, refused),
  tunnelled(
    "tunnel-403",
    "squid gives no tunnels",
    () => "acl CONNECT method CONNECT\nhttp_access deny CONNECT",
    refused
  )
]

/** The router answers in the place of every server on the web, as the network of a hotel does. */
const portal = (id: string, what: string, answer: string, status: number, isInTests = false): Situation =>
  situation(id, what, {
    needs: ["netns", "nft", "nginx"],
    isInTests,
    stage: (lab) =>
      Effect.gen(function* () {
        yield* server(lab)
        yield* Nginx.start(lab, "way", `server { listen 80; location / { ${answer} } }`)
        yield* lab.run(
          "way",
          "nft",
          `add table ip portal; add chain ip portal to { type nat hook prerouting priority dstnat; };
           add rule ip portal to iifname eth1 tcp dport != 53 redirect to :80`
        )
        return {}
      }),
    expected: { _tag: "Blocked", by: "captivePortal", status, attempts: 0 },
    ...inTheWay
  })

const page = "'<!doctype html><html><head><title>Welcome</title></head><body>Please log in</body></html>'"

export const portals: ReadonlyArray<Situation> = [
  portal("portal", "a login page in the place of every answer", `return 200 ${page};`, 200, true),
  portal("portal-302", "the way to a login page", "return 302 http://login.hotel.test/;", 302),
  portal("portal-511", "a login page that says what it is (RFC 6585)", `error_page 511 /x; return 511 ${page};`, 511)
]
