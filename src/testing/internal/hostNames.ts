/**
 * The names that a server on loopback lets itself be called by, against pages that point a name of theirs to it: its
 * guard against DNS rebinding (Ollama `server/routes.go`, `allowedHostsMiddleware`).
 */

const isLocalName = (name: string): boolean => name === "localhost" || /\.(localhost|local|internal)$/.test(name)

/** Loopback, private and unspecified addresses, in the forms that a Host header has them. */
const isLocalAddress = (name: string): boolean =>
  /^(127|10)(\.\d+){3}$|^192\.168(\.\d+){2}$|^172\.(1[6-9]|2\d|3[01])(\.\d+){2}$|^0\.0\.0\.0$/.test(name) ||
  /^\[(::1?|f[cd][0-9a-f:]*)\]$/i.test(name)

/** @param host the header, with its port */
export const isAllowed = (host: string, machine: string): boolean => {
  const name = host.replace(/:\d+$/, "").toLowerCase()
  return name === "" || name === machine.toLowerCase() || isLocalName(name) || isLocalAddress(name)
}

export const isLoopback = (address: string): boolean => /^(127(\.\d+){3}|::1|localhost)$/.test(address)
