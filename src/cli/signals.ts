/** Ctrl-C and the other signals that ask the process to end, as Effects. */
import * as Effect from "effect/Effect"

type Handler = () => void

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** A signal that asks the process to end. */
export type Signal = (typeof signals)[number]

/** What a shell expects of a process that a signal has ended: 128 and the signal's number. */
export const exitCode: Readonly<Record<Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/** Those who wait for Ctrl-C, the last one first. */
const waiting: Array<Handler> = []

/** Calls back on every signal that nobody waits for. Gives a function that stops it. */
export const listen = (onSignal: (signal: Signal) => void): (() => void) => {
  const listeners = signals.map((signal) => {
    const listener = () => {
      const handler = signal === "SIGINT" ? waiting.at(-1) : undefined
      if (handler === undefined) onSignal(signal)
      else handler()
    }
    process.on(signal, listener)
    return () => process.off(signal, listener)
  })
  return () => {
    for (const stop of listeners) stop()
  }
}

/** Ends at the next Ctrl-C, which does not end the process then. */
export const ctrlC: Effect.Effect<void> = Effect.async((resume) => {
  const remove = () => {
    const index = waiting.indexOf(handler)
    if (index !== -1) waiting.splice(index, 1)
  }
  const handler = () => {
    remove()
    resume(Effect.void)
  }
  waiting.push(handler)
  return Effect.sync(remove)
})
