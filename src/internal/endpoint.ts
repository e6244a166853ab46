/**
 * The endpoints: where they are, which class they belong to, and how their answers end.
 *
 * The class decides which clocks run and what may be sent again.
 */

export type Kind = "generation" | "embedding" | "read" | "write" | "transfer" | "upload" | "load"

export interface Endpoint {
  /** The method's name in the client. */
  readonly name: string
  readonly method: "GET" | "HEAD" | "POST" | "DELETE"
  readonly path: string
  readonly kind: Kind
}

const endpoint = (name: string, method: Endpoint["method"], path: string, kind: Kind): Endpoint => ({
  name,
  method,
  path,
  kind
})

export const chat = endpoint("chat", "POST", "/api/chat", "generation")
export const generate = endpoint("generate", "POST", "/api/generate", "generation")
export const embed = endpoint("embed", "POST", "/api/embed", "embedding")
export const embeddings = endpoint("embeddings", "POST", "/api/embeddings", "embedding")
export const list = endpoint("list", "GET", "/api/tags", "read")
export const running = endpoint("running", "GET", "/api/ps", "read")
export const show = endpoint("show", "POST", "/api/show", "read")
export const version = endpoint("version", "GET", "/api/version", "read")
export const status = endpoint("status", "GET", "/api/status", "read")
export const account = endpoint("account", "POST", "/api/me", "read")
export const signOut = endpoint("signOut", "POST", "/api/signout", "write")
export const copy = endpoint("copy", "POST", "/api/copy", "write")
export const remove = endpoint("remove", "DELETE", "/api/delete", "write")
export const pull = endpoint("pull", "POST", "/api/pull", "transfer")
export const push = endpoint("push", "POST", "/api/push", "transfer")
export const create = endpoint("create", "POST", "/api/create", "transfer")
export const hasBlob = endpoint("hasBlob", "HEAD", "/api/blobs/", "read")
export const uploadBlob = endpoint("uploadBlob", "POST", "/api/blobs/", "upload")
export const load = endpoint("load", "POST", "/api/generate", "load")
export const unload = endpoint("unload", "POST", "/api/generate", "write")
export const webSearch = endpoint("webSearch", "POST", "/api/experimental/web_search", "read")
export const webFetch = endpoint("webFetch", "POST", "/api/experimental/web_fetch", "read")
/** ollama.com has them at other paths than a local server. */
export const cloudWebSearch = endpoint("webSearch", "POST", "/api/web_search", "read")
export const cloudWebFetch = endpoint("webFetch", "POST", "/api/web_fetch", "read")
