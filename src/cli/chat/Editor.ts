/**
 * Lines that a person types: edited, with a history, several as one where they are pasted or put between `"""`. The prompt
 * is written to stderr, so that answers can go to a file.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Readline from "node:readline"

export interface Editor {
  /** The next text; none when there will be no more (Ctrl-D). */
  readonly read: Effect.Effect<Option.Option<string>>
}

const prompt = ">>> "
const more = "... "
const fence = '"""'

/** What is between the fences; whole lines, and what stands beside the fences. */
const withoutFences = (text: string): string => text.replace(/^\s*"""\n?/, "").replace(/\n?"""\s*$/, "")

const isOpen = (text: string): boolean => {
  const trimmed = text.trim()
  return trimmed.startsWith(fence) && (trimmed.length < 2 * fence.length || !trimmed.endsWith(fence))
}

/** Terminals put these around what is pasted, when they are told to. */
const markPastes = "\u001b[?2004h"
const doNotMarkPastes = "\u001b[?2004l"

/** For a terminal only. `hint` is shown when Ctrl-C finds nothing to clear. */
export const make = (hint: string): Effect.Effect<Editor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const texts = yield* Queue.unbounded<Option.Option<string>>()
    const { stderr, stdin } = process
    const open = Effect.sync(() => {
      const lines = Readline.createInterface({ input: stdin, output: stderr, terminal: true, historySize: 500 })
      let held: Array<string> = []
      let isPasting = false
      const next = () => {
        lines.setPrompt(held.length > 0 ? more : prompt)
        lines.prompt()
      }
      lines.on("line", (line) => {
        held.push(line)
        const text = held.join("\n")
        if (isPasting || isOpen(text)) return next()
        held = []
        rest()
        texts.unsafeOffer(Option.some(text.trim().startsWith(fence) ? withoutFences(text) : text))
      })
      lines.on("SIGINT", () => {
        if (held.length === 0 && lines.line === "") stderr.write(`\n${hint}`)
        held = []
        stderr.write("\n")
        // to the end of the line, and all of it away
        lines.write(null, { ctrl: true, name: "e" })
        lines.write(null, { ctrl: true, name: "u" })
        next()
      })
      lines.on("close", () => texts.unsafeOffer(Option.none()))
      const onKey = (_: unknown, key: { readonly name?: string } | undefined) => {
        if (key?.name === "paste-start") isPasting = true
        if (key?.name === "paste-end") isPasting = false
      }
      stdin.on("keypress", onKey)
      /** While an answer is written the terminal is an ordinary one: Ctrl-C is a signal, what is typed waits. */
      const rest = () => {
        stderr.write(doNotMarkPastes)
        lines.pause()
        stdin.setRawMode(false)
      }
      const start = () => {
        stdin.setRawMode(true)
        stderr.write(markPastes)
        lines.resume()
        next()
      }
      const close = () => {
        stdin.off("keypress", onKey)
        lines.removeAllListeners("close")
        lines.close()
        stderr.write(doNotMarkPastes)
      }
      rest()
      return { start, close }
    })
    const lines = yield* Effect.acquireRelease(open, ({ close }) => Effect.sync(close))
    const read = Effect.flatMap(Queue.size(texts), (waiting) =>
      Effect.zipRight(waiting > 0 ? Effect.void : Effect.sync(lines.start), Queue.take(texts))
    )
    return { read }
  })
