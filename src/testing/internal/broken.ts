/** Broken connections, with the codes and words that undici gives for them. */
import type * as Fault from "./faultModel.js"
import type { Broken } from "./types.js"

const make = (how: Broken["how"], code: string | undefined, message: string, name = "Error"): Broken => ({
  _tag: "Broken",
  how,
  code,
  name,
  message
})

export const reset: Broken = make("reset", "ECONNRESET", "read ECONNRESET")

export const closed: Broken = make("close", "UND_ERR_SOCKET", "other side closed", "SocketError")

export const notHttp: Broken = make(
  "garbage",
  undefined,
  "Response does not match the HTTP/1.1 protocol (Expected HTTP/)",
  "HTTPParserError"
)

/** A connection error that a recording has: it carries its own code and words. */
export const recorded = (code: string | undefined, message: string): Broken =>
  make(code === "UND_ERR_SOCKET" ? "close" : "reset", code, message)

export const ofAddress = (fault: Fault.Address, host: string): Broken => {
  switch (fault._tag) {
    case "Refused":
      return make("reset", "ECONNREFUSED", `connect ECONNREFUSED ${host}`)
    case "Dns":
      return make("reset", "ENOTFOUND", `getaddrinfo ENOTFOUND ${host.replace(/:\d+$/, "")}`)
    case "Unroutable":
      return make("reset", "EHOSTUNREACH", `connect EHOSTUNREACH ${host}`)
    case "ConnectTimeout":
      return make(
        "reset",
        "UND_ERR_CONNECT_TIMEOUT",
        `Connect Timeout Error (attempted address: ${host})`,
        "ConnectTimeoutError"
      )
    case "Firewall":
      return make("reset", fault.code, `connect ${fault.code} ${host}`)
    case "SelfSignedTls":
      return make("reset", "DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate")
    case "HttpToTls":
      return closed
    case "HttpsToHttp":
      return make(
        "reset",
        "ERR_SSL_WRONG_VERSION_NUMBER",
        "error:0A00010B:SSL routines:ssl3_get_record:wrong version number"
      )
  }
}

/** The error as a transport throws it: an Error with a code. */
export const toError = (self: Broken): Error => {
  const error = new Error(self.message)
  error.name = self.name
  return self.code === undefined ? error : Object.assign(error, { code: self.code })
}
