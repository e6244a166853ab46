/**
 * From what a server or proxy answered to the failure that names the cause: a table to read, first match wins.
 *
 * Status and text decide together, because Ollama answers some mistakes of the caller with 500, some crashes with 400,
 * and some texts are JSON inside JSON. Sources: Ollama `server/routes.go`, `server/sched.go`, `llm/llama_server.go`,
 * `llm/server.go`, `server/images.go`, `server/download.go`, versions 0.9 to 0.33; what the cloud and proxies answer is
 * from reports of users.
 */
import type * as Duration from "effect/Duration"
import type { OllamaError } from "../OllamaError.js"
import type * as AnswerText from "./answerText.js"
import type { Clean, Common, Seed } from "./context.js"
import type { Endpoint } from "./endpoint.js"
import {
  blocked,
  invalid,
  loadFailed,
  modelNotFound,
  overloaded,
  serverError,
  unauthorized,
  unreachable
} from "./seed.js"

/** An answer that is a failure. */
export interface Answer {
  readonly status: number
  readonly text: AnswerText.AnswerText
  readonly endpoint: Endpoint
  /** Whether the request names a model. */
  readonly hasModel: boolean
  /** Whether an Origin header was, or in a browser may have been, sent. */
  readonly sentOrigin: boolean
  readonly retryAfter: Duration.Duration | undefined
  /** A line of a stream of which other lines have come. */
  readonly afterChunk?: boolean
}

/** A `Seed`, or what wants to know more of the answer than that it is one of these. */
type Make = (common: Common, clean: Clean, answer: Answer, match: RegExpExecArray) => OllamaError

type Rule = readonly [text: RegExp, make: Make, when?: (answer: Answer) => boolean]

// ---- the failures, each with the remedy for its cause -------------------------------------------------------------

const crashed = serverError(
  true,
  false,
  "Ask again: the model's process is started anew; the server's log says why it died"
)
const passing = serverError(false, true, "Ask again in a moment: the model's process was not ready")
const failed = serverError(false, false)
const outOfMemory = loadFailed(
  true,
  "Free memory (unload other models), lower num_ctx, or take a smaller model or quantization"
)
const upstream = unreachable(
  "upstream",
  "Check that the server itself reaches the internet (its proxy variables, its DNS), then ask again"
)
const gateway = unreachable(
  "gateway",
  "A proxy answered, but does not reach an Ollama server: start the server, correct the proxy's upstream address, or name the host in NO_PROXY"
)
/** A page, or the way to another place, where Ollama was expected. */
export const captivePortal: Seed = blocked(
  "captivePortal",
  "The address leads to a web page (a login page of the network, a proxy, or a wrong address): correct the address or log in"
)
const serverBusy: Make = (common, clean, { retryAfter }) =>
  overloaded(
    "server",
    "Send fewer calls at once, raise OLLAMA_MAX_QUEUE or OLLAMA_NUM_PARALLEL on the server, or add a host",
    retryAfter
  )(common, clean)
const gatewayBusy: Make = (common, clean, { retryAfter }) =>
  overloaded(
    "gateway",
    "A proxy gave up waiting: raise its read timeout above the load and answer time, or send fewer calls at once",
    retryAfter
  )(common, clean)
const quota: Make = (common, clean, { retryAfter }) =>
  overloaded(
    "quota",
    "Wait until the usage window of the account resets, or upgrade the plan",
    retryAfter
  )(common, clean)
const noSuchEndpoint = invalid(
  "noSuchEndpoint",
  undefined,
  "Check the address and its path; if they are right, the server is too old for this call"
)
/** Sign this server in at the address given, where one is given. */
const signIn: Make = (common, clean, { text: { signinUrl } }) =>
  unauthorized(
    signinUrl && "Sign this server in: open signinUrl in a browser, or run `ollama signin` on the server",
    signinUrl
  )(common, clean)
const upgrade = invalid("upgradeRequired", undefined, "Upgrade the server: the model needs a newer version of Ollama")

// ---- the tables: first match wins -----------------------------------------------------------------------------------

/** What ends a load, or a running model; the same wording at any status and inside streams. */
const runnerRules: ReadonlyArray<Rule> = [
  [
    // by these the server itself recognises that memory ran out (`llm/llama_server.go`); and older wordings
    /out[ _-]?of[ _-]?(device[ _-])?memory|(cuda|hip)Malloc failed|failed to allocate|allocation failed|(not enough|insufficient|more system) memory|unable to allocate \w+ buffer|memory layout cannot be allocated|model requires .{1,200}? but only .{1,200}? available/i,
    outOfMemory
  ],
  [
    // 0.9-0.24 "llama runner", from 0.30 "llama-server", MLX from 0.30
    /time(d |)out waiting for (llama-server|(llama|mlx) runner)/i,
    loadFailed(
      false,
      "Raise OLLAMA_LOAD_TIMEOUT on the server, or find out why its disk or GPU is slow; then ask again"
    )
  ],
  [
    // before the crashes: this one says why the process ended
    /compatible with your version of Ollama|unknown model architecture|unsupported model format|invalid file magic/i,
    loadFailed(false, "Pull the model again; upgrade the server if that does not help")
  ],
  [
    // "no longer running" and "terminated" are a crash, not a failed load
    /process has terminated|unexpectedly stopped|exited unexpectedly|process no longer running|mlx runner failed|encountered while running the model|(^|: )connection refused$|dial tcp (127\.|\[::1\])\S+ connect(ex)?: connection refused/i,
    crashed
  ],
  [/unable to load full model on GPU/i, loadFailed(false, "Unload other models or lower num_ctx, then ask again")],
  [
    /error starting (the external |llama-server|runner)|llama-server binary not found/i,
    loadFailed(false, "Install Ollama on the server anew: the program that runs models is missing or does not start")
  ],
  [/MLX on macOS requires/i, loadFailed(false, "Take a model in GGUF format, or a server with Apple Silicon")],
  [
    /failed to load\b(?! image)|unable to load model|error loading model|llama-server startup failed/i,
    loadFailed(false)
  ],
  [
    /server loading model|loading model$|server not responding|health resp|llm busy|no slots available|error (reading|unmarshalling) llama-server response|response stream event exceeded/i,
    passing
  ]
]

/** What the registry says through a pull, push or create (`server/images.go`, `server/download.go`); inside a stream. */
const registryRules: ReadonlyArray<Rule> = [
  [/requires a newer version of Ollama|manifest: 412\b/i, upgrade],
  [/file does not exist|\/manifests\/.*no such file or directory/i, modelNotFound],
  [
    /\bunauthorized\b|access denied|(http status|manifest:) 40[13]\b|realm host .* does not match/i,
    unauthorized("The registry keeps this model to itself: check its name, and sign in (`ollama signin`)")
  ],
  [
    /insecure protocol http/i,
    invalid("malformed", "insecure", "Set insecure: true for a registry without TLS, or use https")
  ],
  [/MLX runtime is not available/i, invalid("unsupported")],
  [/file must be downloaded again|digest mismatch, file/i, passing],
  // a file of the caller's that ends too early
  [/^(unexpected )?EOF$/, failed, ({ endpoint }) => endpoint.name === "create"],
  [
    /dial tcp|no such host|lookup \S+|i\/o timeout|max retries exceeded|connection reset|unexpected EOF|^EOF$|context deadline exceeded|TLS handshake|(http status|manifest:) 5\d\d|Get "https?:/i,
    upstream
  ]
]

/** What is wrong with the request, whatever the status: a bad option and a bad format are a 500 (seen on 0.24, 0.33). */
const requestRules: ReadonlyArray<Rule> = [
  [
    /option "([^"]{1,100})" must be/,
    (common, clean, _, match) =>
      invalid("option", `options.${match[1]}`, "Give the option a value of the type named")(common, clean)
  ],
  [
    /invalid format:|invalid JSON schema in format/i,
    invalid("format", "format", 'Give format "json" or a JSON Schema object')
  ],
  [
    /exceed_context_size|exceeds? (the )?(available )?(model's )?(maximum )?context (size|length)|longer than the context length|context length exceeded/i,
    invalid("contextExceeded", undefined, "Shorten the prompt, raise options.num_ctx, or let the server truncate")
  ],
  [
    /image input is not supported|(required for|not support) image input/i,
    invalid("unsupported", "images", "Take a model that reads images")
  ],
  [/only supports one image/i, invalid("unsupported", "images", "Send one image, or take a model that reads several")],
  [
    /Failed to load image or audio/i,
    invalid("malformed", "images", "Send images as PNG, JPEG or WebP, and sound as WAV or MP3")
  ],
  [/does not support embeddings/i, invalid("unsupported", "model", "Take a model that makes embeddings")],
  [/unsupported .*reasoning effort/i, invalid("unsupported", "think")],
  [/no user query found in messages/i, invalid("malformed", "messages")],
  [/^empty prompt$/, invalid("malformed")],
  [/^/, signIn, ({ text }) => text.signinUrl !== undefined]
]

/** What a status would have said, in an answer that is 200 (proxies, and servers before 0.12.6), while nothing else came. */
const lineRules: ReadonlyArray<Rule> = [
  [/^model ['"].*['"] not found/, modelNotFound, ({ hasModel }) => hasModel],
  [/maximum pending requests exceeded/, serverBusy]
]

const badRequestRules: ReadonlyArray<Rule> = [
  [
    // Go's TLS listener, and nginx
    /HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port/i,
    unreachable("protocol", "Write https:// in the address: this port speaks TLS")
  ],
  [
    // nginx
    /No required SSL certificate was sent|The SSL certificate error/i,
    blocked(
      "proxy",
      "A proxy on the way asks its clients for a certificate, which this one does not send: let it in by other means, or reach the server without that proxy"
    )
  ],
  [/raw mode does not support/i, invalid("unsupported", "raw")],
  [
    /does not support (\w+)|currently supported|cannot run this remote model/i,
    (common, clean, _, match) => {
      const what = match[1]
      const field = what === "tools" ? what : what === "thinking" ? "think" : what === "insert" ? "suffix" : "model"
      return invalid("unsupported", field, "Take a model with this capability, or leave the field out")(common, clean)
    }
  ],
  [
    /model is required|invalid model name|use either :local or :cloud|\b(name|(source|destination)) ".*" is invalid/i,
    (common, clean, _, match) => invalid("modelName", match[2] ?? "model")(common, clean)
  ],
  [
    /time: (missing unit|invalid duration|unknown unit)|Unsupported type: /i,
    invalid("malformed", "keep_alive", 'Give keep_alive in seconds, or as "5m"')
  ],
  [/invalid think value|think must be/i, invalid("malformed", "think")],
  [/illegal base64/i, invalid("malformed", "images", "Give images as bytes, or as base64 without a data: prefix")],
  [/top_logprobs must/i, invalid("malformed", "top_logprobs")],
  [/invalid input type/i, invalid("malformed", "input")],
  [/invalid digest format|digest mismatch/i, invalid("digest", "digest")],
  [
    /cannot unmarshal \S+ into Go struct field \w{1,100}\.([\w.]{1,100})/,
    (common, clean, _, match) => invalid("malformed", match[1])(common, clean)
  ],
  [
    // embed answers every unknown failure of the runner with 400
    /do embedding request|unexpected server status|EOF|connection re(fused|set)/i,
    crashed,
    ({ endpoint }) => endpoint.kind === "embedding"
  ],
  [/NaN or Inf/i, failed]
]

/**
 * What proxies say when they do not reach the server, whatever status they give it: squid, tinyproxy, HAProxy, Apache;
 * Envoy, Traefik. Without these words a 503 is about load.
 */
const noServerBehind =
  /^50[0-4] (html|text) [^]*(ERR_(CONNECT_FAIL|DNS_FAIL|CANNOT_FORWARD|SECURE_CONNECT_FAIL|ZERO_SIZE_OBJECT)\b|Unable to connect|No server is available to handle|temporarily unable to service your request|no healthy upstream|upstream connect error|no available server)/

/** By `<status> <kind of body> <text>`. */
const statusRules: ReadonlyArray<Rule> = [
  // 511 is a login page that says so (RFC 6585)
  [/^2.. html|^3|^511/, captivePortal],
  [/^40[12]/, signIn],
  [
    /^403 empty/,
    blocked("origin", "Add this page's origin to OLLAMA_ORIGINS on the server and restart it"),
    ({ sentOrigin }) => sentOrigin
  ],
  [
    /^403 empty/,
    blocked(
      "hostHeader",
      "Reach the server by localhost or its IP address, set OLLAMA_HOST on the server to 0.0.0.0, or let the proxy send Host: localhost"
    )
  ],
  [
    /^403 [^]*(requires a subscription|upgrade for access)/i,
    unauthorized("This model needs a subscription: upgrade the account")
  ],
  [
    /^403 [^]*cloud is disabled/i,
    blocked("cloudDisabled", "Unset OLLAMA_NO_CLOUD (disable_ollama_cloud) on the server, or use a local model")
  ],
  [/^403 html/, blocked("proxy", "A proxy on the way refuses: allow this host there, or name it in NO_PROXY")],
  [/^403/, blocked("forbidden", "Ask whoever runs the server or proxy to allow this call")],
  [/^404 json/, modelNotFound, ({ hasModel }) => hasModel],
  [/^404 [^]*model .*not found/i, modelNotFound],
  [/^40[45]/, noSuchEndpoint],
  [
    /^407/,
    blocked(
      "proxy",
      "Give the proxy its credentials (HTTP_PROXY=http://user:password@proxy), or name the host in NO_PROXY"
    )
  ],
  [/^408/, gatewayBusy],
  [/^4(12|26)/, upgrade],
  [/^4(13|31)/, invalid("tooLarge", undefined, "Send less, or raise the size limit of the proxy")],
  [/^429 [^]*(usage limit|quota)/i, quota],
  [/^[45]29/, serverBusy],
  [/^499/, failed],
  [/^4/, invalid("malformed")],
  [/^501/, invalid("unsupported", undefined, "Take a model or server that can do this")],
  [/^502 json|^503 [^]*account unavailable/i, upstream],
  // Cloudflare's own: 52x, and 530 for a tunnel that is down
  [/^5(02|2[012356]|30)/, gateway],
  [noServerBehind, gateway],
  [/^503 html|^5[02]4/, gatewayBusy],
  [/^503/, serverBusy],
  [/^/, failed]
]

const search = (rules: ReadonlyArray<Rule>, answer: Answer, ...texts: ReadonlyArray<string>): Seed | undefined => {
  for (const [pattern, make, when] of rules) {
    const match = texts.reduce<RegExpExecArray | null>((found, text) => found ?? pattern.exec(text), null)
    if (match && (!when || when(answer))) return (common, clean) => make(common, clean, answer, match)
  }
  return undefined
}

/** The tables for what the server says of a request or of its processes, one after the other. */
const wordings = ({ afterChunk, endpoint, status, text }: Answer): ReadonlyArray<Rule> => {
  if (status === 400 || status === 422) {
    // embed answers every failure of its runner with 400
    return [...(endpoint.kind === "embedding" ? runnerRules : []), ...badRequestRules, ...requestRules]
  }
  const isPlain = text.kind === "json" || text.kind === "text"
  if (!isPlain || (status >= 300 && status < 500)) return []
  const registry = endpoint.kind === "transfer" ? registryRules : []
  const line = status < 300 && afterChunk !== true ? lineRules : []
  // 502 is about the way to the cloud, and 503 about load, whatever the text
  return status === 502 || status === 503 ? registry : [...line, ...requestRules, ...registry, ...runnerRules]
}

/** The failure behind an answer with a bad status, or behind an error line of a stream. */
export const answer = (input: Answer): Seed => {
  const { kind, message, page = "", status = input.status, type = "" } = input.text
  const given = { ...input, status }
  const isLine = status < 300 && kind === "json"
  return (
    search(wordings(given), given, message, type) ??
    (isLine ? undefined : search(statusRules, given, `${status} ${kind} ${message} ${type} ${page}`)) ??
    failed
  )
}
