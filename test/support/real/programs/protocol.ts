/** What the programs of a lab are told, and what they say: one JSON value a line. */
import type { CallRecord, Doctor, OllamaError } from "effect-ollama"
import type { OllamaSimulatorServer } from "effect-ollama/testing/node"

/** The first argument of `server`: it says `ready` when it listens, and when `occupied` calls have reached it. */
export interface ServerJob extends OllamaSimulatorServer.Options {
  /** Calls of other clients, in the order in which they come: a model, and how many ask for it. */
  readonly others?: ReadonlyArray<{ readonly model: string; readonly calls: number }>
}

/** The first argument of `dns`. */
export interface DnsJob {
  readonly address: string
  /** Of names that are not in `names`; `silent` gives no answer to anything. */
  readonly otherwise: "nxdomain" | "servfail" | "silent"
  readonly names?: Readonly<Record<string, { readonly v4?: string; readonly v6?: string }>>
}

/** The first argument of `relay`: it takes connections, and closes those that it cannot pass on. */
export interface RelayJob {
  readonly address: string
  readonly port: number
  readonly target: { readonly address: string; readonly port: number }
}

/** A line to `client`, followed by an empty one when the call may begin: the client is configured by the variables of its environment. */
export interface CallJob {
  readonly operation: "chat" | "chatStream"
  readonly model: string
  /** Characters of the prompt. */
  readonly characters: number
  /** Certificate authorities, PEM. */
  readonly ca?: string | undefined
  /** Calls that go before, each to its end. */
  readonly before: number
  /** Whether the process has used up its files before the call, as one that leaks them has. */
  readonly isExhausted: boolean
  /** An address and port that other connections of this machine lead to, and how many they are. */
  readonly others?: { readonly address: string; readonly port: number; readonly connections: number } | undefined
}

export type Outcome =
  | { readonly _tag: "Success"; readonly text: string }
  | { readonly _tag: "Failure"; readonly failure: typeof OllamaError.OllamaError.Encoded; readonly message: string }
  | { readonly _tag: "Defect"; readonly words: string }

/** A line from `client`. After `Before`, which stands for the calls that go before, it waits for a line. */
export type ClientLine =
  | { readonly _tag: "Before" }
  | { readonly _tag: "Chunk"; readonly nth: number }
  | {
      readonly _tag: "End"
      readonly outcome: Outcome
      readonly millis: number
      readonly record?: typeof CallRecord.CallRecord.Encoded
      /** Examined after the call, with what the call has told. */
      readonly report?: typeof Doctor.Report.Encoded
    }
