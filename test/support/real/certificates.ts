/** Certificates made by openssl for the machines of a lab: good ones, and one for each way in which they are bad. */
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { addresses, type Lab } from "./lab.js"

/** Files for nginx. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  /** The authority that signed all but one of them: PEM, and its file. */
  readonly ca: string
  readonly caFile: string
  readonly good: Pair
  readonly expired: Pair
  readonly otherName: Pair
  readonly selfSigned: Pair
}

const right = `subjectAltName=IP:${addresses.server},DNS:ollama.test`

export const make = (lab: Lab): Certificates => {
  const at = (name: string): string => join(lab.folder, name)
  const openssl = (...args: ReadonlyArray<string>): void => {
    execFileSync("openssl", args, { cwd: lab.folder, stdio: ["ignore", "ignore", "pipe"] })
  }
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  const pair = (name: string): Pair => ({ cert: at(`${name}.pem`), key: at(`${name}.key`) })
  const signed = (name: string, alternatives: string, days: number): Pair => {
    writeFileSync(at(`${name}.ext`), alternatives)
    openssl("req", ...fresh, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`)
    const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", String(days)]
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-extfile", `${name}.ext`, "-out", `${name}.pem`)
    return pair(name)
  }
  openssl("req", "-x509", ...fresh, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Lab CA")
  const self = ["-subj", "/CN=ollama.test", "-addext", right]
  openssl("req", "-x509", ...fresh, "-days", "2", "-keyout", "self.key", "-out", "self.pem", ...self)
  return {
    ca: readFileSync(at("ca.pem"), "utf8"),
    caFile: at("ca.pem"),
    good: signed("good", right, 2),
    expired: signed("expired", right, -1),
    otherName: signed("other", "subjectAltName=DNS:elsewhere.test", 2),
    selfSigned: pair("self")
  }
}
