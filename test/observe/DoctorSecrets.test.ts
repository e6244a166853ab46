import { assert, describe, it } from "@effect/vitest"
import { Doctor } from "effect-ollama"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { html, json, loaded, type Reply, stream } from "../support/replies.js"
import * as Server from "../support/server.js"
import { examine, type Findings } from "./doctorScene.js"

/** Hard to guess, and with what means something in an address, a header, JSON or a regular expression. */
const secret = FastCheck.tuple(
  FastCheck.stringMatching(/^[0-9a-zA-Z]{8}$/),
  FastCheck.stringMatching(/^[!$&*+.:;=?@^_{|}~%#'"/\\()-]{0,4}$/),
  FastCheck.stringMatching(/^[0-9a-zA-Z]{4}$/)
).map((parts) => parts.join(""))

const texts = (u: unknown): ReadonlyArray<string> =>
  typeof u === "string"
    ? [u]
    : Array.isArray(u)
      ? u.flatMap(texts)
      : Predicate.isRecord(u)
        ? Object.entries(u).flatMap(([key, value]) => [key, ...texts(value)])
        : []

const base64 = (text: string): string => Buffer.from(text).toString("base64")

/** A server that repeats everything it is sent, wherever it can. */
const parrot = (answer: (said: string) => Reply) => {
  const said = (seen: Server.Seen): string =>
    Object.entries(seen.headers)
      .filter(([name]) => name !== "accept")
      .map(([, value]) => value)
      .join(" ")
  return Server.make({
    "/api/version": (seen) => answer(said(seen)),
    "/api/tags": (seen) => json({ models: [loaded(said(seen))] }),
    "/api/ps": (seen) => json({ models: [loaded(said(seen))] }),
    "/api/generate": (seen) => stream(JSON.stringify({ error: said(seen) })),
    "/": (seen) => answer(said(seen))
  })
}

const answers: ReadonlyArray<readonly [string, (said: string) => Reply]> = [
  ["the version", (said) => json({ version: said }, 200, { server: said })],
  ["an error", (said) => json({ error: said }, 500, { server: said })],
  ["a page", (said) => ({ ...html(403), body: [`<html><head><title>${said}</title></head></html>`] })],
  ["a redirect", (said) => ({ ...html(302, { location: `http://${encodeURIComponent(said)}@x/${said}?${said}` }) })],
  ["a gateway", (said) => ({ ...html(502, { server: said }), body: [`<html><title>${said}</title></html>`] })]
]

describe("no secret is in the report", () => {
  for (const [name, answer] of answers) {
    it.effect(`where the server repeats what it is sent: ${name}`, () =>
      Effect.gen(function* () {
        for (const [password, key, token, proxyPassword] of FastCheck.sample(
          FastCheck.tuple(secret, secret, secret, secret),
          12
        )) {
          const server = parrot(answer)
          const proxy = `http://proxy-user:${encodeURIComponent(proxyPassword)}@squid.lan:3128`
          const findings: Findings = {
            machine: {},
            addresses: [password, key],
            dnsCode: token,
            tcp: { any: { outcome: "failed", code: key } },
            tls: { trusted: false, issuer: token, subject: password, names: [key], code: proxyPassword },
            proxies: [
              { from: "HTTP_PROXY", address: Redacted.make(proxy), used: true },
              { from: "HTTPS_PROXY", address: Redacted.make(`proxy-user:${proxyPassword}@squid.lan`), used: false }
            ],
            proxyAnswer: { outcome: "refuses", code: `${proxyPassword} ${base64(`proxy-user:${proxyPassword}`)}` }
          }
          const report = yield* examine(
            {
              host: `http://me:${encodeURIComponent(password)}@gpu-box:8080/ollama`,
              apiKey: Redacted.make(key),
              headers: { "x-session": token, "x-more": Redacted.make(`Bearer ${token}`) },
              origin: "https://app.example.com"
            },
            server.layer,
            findings
          )
          const encoded = texts(Schema.encodeSync(Doctor.Report)(report))
          const all = [...encoded, Doctor.render(report)]
          for (const value of [password, key, token, proxyPassword]) {
            for (const form of [value, encodeURIComponent(value)]) {
              for (const text of all) assert.isFalse(text.includes(form), `${form} is in ${text}`)
            }
          }
          for (const pair of [`me:${password}`, `proxy-user:${proxyPassword}`]) {
            for (const text of all) assert.isFalse(text.includes(base64(pair)), `${base64(pair)} is in ${text}`)
          }
        }
      })
    )
  }

  it.effect("nor where the address or the proxy cannot be read", () =>
    Effect.gen(function* () {
      for (const value of FastCheck.sample(secret, 25)) {
        const server = parrot((said) => json({ error: said }, 500))
        const report = yield* examine({ host: `ftp://me:${value}@gpu-box` }, server.layer, {
          proxies: [{ from: "HTTP_PROXY", address: Redacted.make(`ftp://a b:${value}@`), used: false }]
        })
        for (const text of [...texts(Schema.encodeSync(Doctor.Report)(report)), Doctor.render(report)]) {
          assert.isFalse(text.includes(value), `${value} is in ${text}`)
        }
      }
    })
  )

  it.effect("and what the report itself says is not taken for one", () =>
    Effect.gen(function* () {
      const server = Server.make({ "/api/version": json({ version: "0.33.0" }) })
      const report = yield* examine(
        { host: "http://me:none@gpu-box", apiKey: Redacted.make("connected") },
        server.layer,
        {
          addresses: ["10.0.0.7"],
          tcp: { any: { outcome: "connected" } }
        }
      )
      assert.strictEqual(report.facts.tcp[0]?.outcome, "connected")
      assert.isTrue(Option.isSome(Schema.encodeOption(Doctor.Report)(report)))
    })
  )
})
