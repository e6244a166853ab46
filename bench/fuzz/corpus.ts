/** What is mutated: the answers that real servers gave, by what kind of call they belong to. */
import { names, read, versions } from "../../test/wire/recordings.js"

/** How an answer is taken apart. */
export type Kind = "chat" | "generate" | "progress" | "embed" | "list" | "running" | "show" | "version" | "status"

export interface Answer {
  readonly name: string
  readonly kind: Kind
  readonly status: number
  readonly contentType: string
  /** The lines of the body, with their ends. */
  readonly lines: ReadonlyArray<Uint8Array>
}

const kinds: Readonly<Record<string, Kind>> = {
  "/api/chat": "chat",
  "/api/generate": "generate",
  "/api/pull": "progress",
  "/api/push": "progress",
  "/api/create": "progress",
  "/api/embed": "embed",
  "/api/tags": "list",
  "/api/ps": "running",
  "/api/show": "show",
  "/api/version": "version",
  "/api/status": "status"
}

/** What is longer would be most of the work, and says nothing that its beginning does not. */
const mostBytes = 16 * 1024

const utf8 = new TextEncoder()

const linesOf = (text: string): ReadonlyArray<Uint8Array> =>
  text
    .slice(0, mostBytes)
    .split(/(?<=\n)/)
    .map((line) => utf8.encode(line))

/** Answers of which no recording exists: thinking, logprobs, pages, the cloud's and proxies' errors. */
const more: ReadonlyArray<readonly [kind: Kind, status: number, contentType: string, body: string]> = [
  [
    "chat",
    200,
    "application/x-ndjson",
    [
      '{"model":"m","created_at":"t","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}',
      '{"model":"m","created_at":"t","message":{"role":"assistant","content":"é🦙"},"done":false,"logprobs":[{"token":"é","logprob":-0.1,"bytes":[195,169],"top_logprobs":[{"token":"e","logprob":-2}]}]}',
      '{"model":"m","created_at":"t","message":{"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":[{"b":null}]}}}]},"done":false}',
      '{"model":"m","created_at":"t","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5,"eval_count":3,"remote_model":"r","remote_host":"https://ollama.com:443"}',
      ""
    ].join("\n")
  ],
  [
    "chat",
    502,
    "text/html",
    "<html><head><title>502 Bad Gateway</title></head><body id=ERR_CONNECT_FAIL>x</body></html>"
  ],
  ["chat", 401, "application/json", '{"error":"unauthorized","signin_url":"https://ollama.com/connect?name=a&key=b"}'],
  [
    "chat",
    500,
    "application/json",
    '{"error":"{\\"error\\":{\\"code\\":500,\\"message\\":\\"out of memory\\",\\"type\\":\\"server_error\\"}}\\nlog: CUDA0"}'
  ],
  [
    "generate",
    503,
    "application/json",
    '{"StatusCode":503,"Status":"503","error":"server busy, please try again.  maximum pending requests exceeded"}'
  ],
  ["chat", 500, "application/json", '{"error":"option \\"num_ctx\\" must be of type integer"}'],
  ["chat", 500, "application/json", '{"error":"model requires 12 GiB but only 8 GiB available"}'],
  [
    "chat",
    400,
    "application/json",
    '{"error":"json: cannot unmarshal string into Go struct field ChatRequest.options.num_ctx of type int"}'
  ]
]

/** All of them; those without a body and without a status are left out. */
export const load = (): ReadonlyArray<Answer> => [
  ...versions.flatMap((version) =>
    names(version).flatMap((name): ReadonlyArray<Answer> => {
      const { chunks, request, response } = read(version, name)
      const kind = kinds[request.path]
      const text = chunks.map((chunk) => chunk.text).join("")
      if (kind === undefined || response === null || text === "") return []
      const contentType = response.headers["content-type"] ?? ""
      return [{ name: `${version}/${name}`, kind, status: response.status, contentType, lines: linesOf(text) }]
    })
  ),
  ...more.map(([kind, status, contentType, body], i) => ({
    name: `more/${i}`,
    kind,
    status,
    contentType,
    lines: linesOf(body)
  }))
]
