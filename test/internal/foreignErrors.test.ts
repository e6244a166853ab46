/** What the fetch of Bun, Deno and browsers throws, as it was seen; with the runtimes themselves `npm run platforms`. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient } from "effect-ollama"
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer } from "effect"

const deno = (message: string) => new TypeError("fetch failed", { cause: new Error(message) })
const to = "error sending request for url (http://127.0.0.1:11434/api/tags): client error (Connect)"
const over = "error sending request from 127.0.0.1:1 for http://127.0.0.1:2/ (127.0.0.1:2): client error (SendRequest)"
const bun = (code: string) => Object.assign(new TypeError(`${code}: Unable to connect.`), { code, errno: 0 })

const failing = (error: Error) =>
  Effect.flip(
    Effect.provide(
      OllamaClient.list({ policy: { retry: { attempts: 1 } } }),
      Layer.provide(
        OllamaClient.layer({ host: "127.0.0.1:11434" }),
        Layer.provide(
          FetchHttpClient.layer,
          Layer.succeed(FetchHttpClient.Fetch, () => Promise.reject(error))
        )
      )
    )
  )

describe("the errors of other fetches", () => {
  it.effect.each([
    ["Deno: refused", deno(`${to}: tcp connect error: Connection refused (os error 111)`), "refused", "connect"],
    ["Deno: no such name", deno(`${to}: dns error: failed to lookup address information`), "dns", "connect"],
    ["Deno: no way", deno(`${to}: tcp connect error: Network is unreachable (os error 101)`), "unroutable", "connect"],
    ["Deno: no files", deno(`${to}: tcp open error: Too many open files (os error 24)`), "unroutable", "connect"],
    ["Deno: TLS", deno(`${to}: received corrupt message of type InvalidContentType`), "tls", "connect"],
    ["Deno: TLS ends", deno(`${to}: tls handshake eof`), "tls", "connect"],
    ["Deno: a certificate", deno(`${to}: invalid peer certificate: UnknownIssuer`), "tls", "connect"],
    ["Deno: a reset", deno("Connection reset by peer (os error 104)"), "reset", "response"],
    ["Deno: closed", deno(`${over}: connection closed before message completed`), "reset", "response"],
    ["Deno: no HTTP", deno(`${over}: invalid HTTP version parsed`), "protocol", "response"],
    ["Deno: words at once", deno(`${over}: received unexpected message from connection`), "protocol", "response"],
    ["Bun: refused", bun("ECONNREFUSED"), "refused", "connect"],
    ["Bun: no such name", bun("ENOTFOUND"), "dns", "connect"],
    ["Bun: no way", bun("ENETUNREACH"), "unroutable", "connect"],
    ["Bun: TLS", bun("EPROTO"), "tls", "connect"],
    ["Bun: a reset", bun("ECONNRESET"), "reset", "response"],
    ["Bun: no HTTP", bun("Malformed_HTTP_Response"), "protocol", "response"],
    ["Bun 1.2: nobody there", bun("ConnectionRefused"), "refused", "connect"],
    ["Bun 1.2: no way", bun("FailedToOpenSocket"), "unroutable", "connect"]
  ] as const)("%s", ([, thrown, reason, phase]) =>
    Effect.gen(function* () {
      const error = yield* failing(thrown)
      assert.deepInclude(error, { _tag: "Unreachable", reason, phase }, error.message)
    })
  )

  it.effect("Deno's sandbox is a firewall", () =>
    Effect.gen(function* () {
      const denied = new Error('Requires net access to "127.0.0.1:11434", run again with the --allow-net flag')
      denied.name = "NotCapable"
      const error = yield* failing(denied)
      assert.deepInclude(error, { _tag: "Blocked", by: "firewall", phase: "connect" })
      assert.include(error.remedy, "--allow-net")
    })
  )

  it.effect("Bun's own limit is a timeout", () =>
    Effect.gen(function* () {
      const error = yield* failing(new DOMException("The operation timed out.", "TimeoutError"))
      assert.strictEqual(error._tag, "Timeout")
    })
  )
})
