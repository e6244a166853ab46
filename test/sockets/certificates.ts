/** Certificates made by openssl for one test: an authority, and a server signed by it. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const hasOpenssl = (): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Why tests with certificates are left out, if they are. */
export const missing: string | undefined = hasOpenssl() ? undefined : "openssl is not installed"

export interface Certificates {
  /** The authority, as PEM. */
  readonly ca: string
  /** Signed by the authority, for 127.0.0.1, localhost and ollama.test. */
  readonly server: { readonly key: string; readonly cert: string }
  /** The same, until yesterday. */
  readonly expired: { readonly key: string; readonly cert: string }
  /** Signed by the authority, for elsewhere.test. */
  readonly otherName: { readonly key: string; readonly cert: string }
  /** Signed by itself. */
  readonly selfSigned: { readonly key: string; readonly cert: string }
}

const generate = (folder: string): Certificates => {
  const at = (name: string): string => join(folder, name)
  const read = (name: string): string => readFileSync(at(name), "utf8")
  const openssl = (...args: ReadonlyArray<string>): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
  }
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  const names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:ollama.test"
  const self = ["-subj", "/CN=127.0.0.1", "-addext", names]
  const signed = (name: string, alternatives: string, days: number) => {
    writeFileSync(at("names"), alternatives)
    openssl("req", ...fresh, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", "/CN=ollama.test")
    const by = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names".split(" ")
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-days", String(days), "-out", `${name}.pem`)
    return { key: read(`${name}.key`), cert: read(`${name}.pem`) }
  }
  openssl("req", "-x509", ...fresh, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA")
  openssl("req", "-x509", ...fresh, "-keyout", "self.key", "-out", "self.pem", ...self)
  return {
    ca: read("ca.pem"),
    server: signed("server", names, 2),
    expired: signed("expired", names, -1),
    otherName: signed("other", "subjectAltName=DNS:elsewhere.test", 2),
    selfSigned: { key: read("self.key"), cert: read("self.pem") }
  }
}

export const make: Effect.Effect<Certificates, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-ollama-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  generate
)
