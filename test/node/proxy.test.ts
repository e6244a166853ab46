/** The rules of golang.org/x/net/http/httpproxy, case by case. */
import { assert, describe, it } from "@effect/vitest"
import { Either, Redacted } from "effect"
import * as Proxy from "../../src/node/proxy.js"

const route = (proxy: Proxy.Proxy, url: string): string => {
  const way = Either.getOrThrowWith(
    Proxy.routes(proxy),
    ({ field, why }) => new Error(`${field}: ${why}`)
  )(new URL(url))
  return way._tag === "direct" ? "direct" : `${way._tag} ${way.server.origin}`
}

const both = { http: "http://proxy:3128", https: "http://secure-proxy:3129" }

describe("which proxy", () => {
  const cases: ReadonlyArray<[name: string, proxy: Proxy.Proxy, url: string, expected: string]> = [
    ["http is forwarded", both, "http://gpu-box:11434", "forward http://proxy:3128"],
    ["https goes through a tunnel", both, "https://ollama.com", "tunnel http://secure-proxy:3129"],
    ["https does not fall back to the proxy of http", { http: "proxy:3128" }, "https://ollama.com", "direct"],
    ["http does not fall back to the proxy of https", { https: "proxy:3128" }, "http://gpu-box", "direct"],
    ["no scheme is http", { http: "proxy:3128" }, "http://gpu-box", "forward http://proxy:3128"],
    ["ports by scheme: http", { http: "http://proxy" }, "http://gpu-box", "forward http://proxy:80"],
    ["ports by scheme: https", { http: "https://proxy" }, "http://gpu-box", "forward https://proxy:443"],
    ["ports by scheme: socks5", { http: "socks5://proxy" }, "http://gpu-box", "tunnel socks5://proxy:1080"],
    ["socks5h is socks5", { https: "socks5h://proxy" }, "https://gpu-box", "tunnel socks5://proxy:1080"],
    ["IPv6", { http: "http://[fd00::1]:3128" }, "http://gpu-box", "forward http://[fd00::1]:3128"],
    ["an empty value is none", { http: "", https: "" }, "http://gpu-box", "direct"],
    ["credentials are not in the origin", { http: "u:p@proxy:1" }, "http://gpu-box", "forward http://proxy:1"],
    ["loopback: name", both, "http://localhost:11434", "direct"],
    ["loopback: IPv4", both, "http://127.0.0.1:11434", "direct"],
    ["loopback: the whole network", both, "https://127.8.9.10", "direct"],
    ["loopback: IPv6", both, "http://[::1]:11434", "direct"],
    ["loopback: IPv4 in IPv6", both, "http://[::ffff:127.0.0.1]:11434", "direct"],
    ["not loopback: a name that begins so", both, "http://localhost.example", "forward http://proxy:3128"]
  ]
  it.each(cases)("%s", (_, proxy, url, expected) => {
    assert.strictEqual(route(proxy, url), expected)
  })
})

describe("NO_PROXY", () => {
  const cases: ReadonlyArray<[no: string | ReadonlyArray<string>, url: string, isDirect: boolean]> = [
    ["*", "http://gpu-box", true],
    ["foo.com", "http://foo.com", true],
    ["foo.com", "http://bar.foo.com", true],
    ["foo.com", "http://foobar.com", false],
    ["foo.com", "http://notfoo.com", false],
    [".foo.com", "http://bar.foo.com", true],
    [".foo.com", "http://foo.com", false],
    ["*.foo.com", "http://bar.foo.com", true],
    ["*.foo.com", "http://foo.com", false],
    ["FOO.com", "http://bar.foo.COM", true],
    ["foo.com:80", "http://foo.com", true],
    ["foo.com:443", "http://foo.com", false],
    ["foo.com:443", "https://foo.com", true],
    ["foo.com:8080", "http://foo.com:8080", true],
    ["foo.com:8080", "http://foo.com:8081", false],
    ["10.0.0.5", "http://10.0.0.5:11434", true],
    ["10.0.0.5", "http://10.0.0.50:11434", false],
    ["10.0.0.5:11434", "http://10.0.0.5:11434", true],
    ["10.0.0.5:11434", "http://10.0.0.5:11435", false],
    ["10.0.0.0/8", "http://10.200.3.4", true],
    ["10.0.0.0/8", "http://11.0.0.1", false],
    ["10.0.0.0/8", "http://ten.example", false],
    ["10.0.0.0/33", "http://10.0.0.1", false],
    ["fd00::/8", "http://[fd12::1]:11434", true],
    ["fd00::/8", "http://[fe80::1]:11434", false],
    ["fd12::1", "http://[fd12::1]", true],
    ["[fd12::1]:11434", "http://[fd12::1]:11434", true],
    ["[fd12::1]:11434", "http://[fd12::1]:1", false],
    [":11434", "http://gpu-box:11434", false],
    [" a.com , gpu-box ,", "http://gpu-box", true],
    [["a.com", "gpu-box"], "http://gpu-box", true],
    ["", "http://gpu-box", false],
    [" , ", "http://gpu-box", false]
  ]
  it.each(cases)("%j and %s: %s", (no, url, isDirect) => {
    assert.strictEqual(route({ http: "proxy:1", https: "proxy:1", no }, url) === "direct", isDirect)
  })
})

describe("addresses of proxies", () => {
  it("credentials are decoded, and may be Redacted", () => {
    const routes = Either.getOrThrow(Proxy.routes({ http: Redacted.make("http://me%40home:p%3Aw@proxy:1") }))
    const way = routes(new URL("http://gpu-box"))
    assert.deepStrictEqual(way._tag === "direct" ? undefined : way.server.credentials, {
      user: "me@home",
      password: "p:w"
    })
  })

  it.each([
    ["http", "ftp://proxy", "the scheme must be http, https or socks5"],
    ["http", "http://", "it is no address"],
    ["https", "http://proxy:99999", "it is no address"]
  ] as const)("%s: %s is refused", (kind, value, why) => {
    const problem = Either.flip(Proxy.routes({ [kind]: value }))
    assert.deepStrictEqual(Either.getOrThrow(problem), { field: `proxy.${kind}`, why })
  })
})
