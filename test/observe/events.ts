/** Events of calls, made by hand. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { CallEvent, CallInfo, ClientState } from "../../src/record/CallEvent.js"
import type { CallRecord } from "../../src/record/CallRecord.js"

export const host = "http://gpu.example:11434"

export const call = (id: number, change: Partial<CallInfo> = {}): CallInfo => ({
  id,
  operation: "chat",
  endpoint: "/api/chat",
  host,
  model: "llama3.2",
  startedAt: 0,
  ...change
})

const phase = (seconds: number) => ({ actual: Duration.seconds(seconds) })

/** A chat of ten seconds that went well: loaded in 4, read 20 tokens in 1, generated 50 in 5. */
export const record = (of: CallInfo, change: Partial<CallRecord> = {}): CallRecord => ({
  id: of.id,
  operation: of.operation,
  endpoint: of.endpoint,
  host: of.host,
  ...(of.model === undefined ? {} : { model: of.model, servedBy: { host: of.host, model: of.model } }),
  startedAt: DateTime.unsafeMake(of.startedAt),
  outcome: "success",
  elapsed: Duration.seconds(10),
  firstToken: Duration.seconds(5),
  phases: {
    waiting: phase(0),
    lost: phase(0),
    loading: phase(4),
    prompt: phase(1),
    generating: phase(5),
    other: phase(0)
  },
  bytes: { sent: 100, received: 2000 },
  tokens: { prompt: 20, generated: 50 },
  chunks: 51,
  attempts: [],
  decisions: [],
  slow: false,
  verdict: { _tag: "AsExpected" },
  ...change
})

export const started = (of: CallInfo): CallEvent => ({ _tag: "Started", call: of })

export const ended = (of: CallInfo, change: Partial<CallRecord> = {}): CallEvent => ({
  _tag: "Ended",
  call: of,
  record: record(of, change)
})

/** A record of a call that failed at once. */
export const failed = (tag: string): Partial<CallRecord> => ({
  outcome: tag,
  elapsed: Duration.seconds(2),
  phases: { waiting: phase(0), lost: phase(0), other: phase(2) },
  bytes: { sent: 100, received: 0 },
  tokens: {},
  chunks: 0
})

export const state = (change: Partial<ClientState> = {}): ClientState => ({
  hosts: [],
  budget: undefined,
  running: [],
  dropped: 0,
  ...change
})
