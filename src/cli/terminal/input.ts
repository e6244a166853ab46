/** What is written to the command. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"

/** Whether stdin is a pipe or a file; a terminal, /dev/null and a closed stdin hold no text for us. */
export const isPiped = (): boolean => {
  if (process.stdin.isTTY) return false
  try {
    const kind = Fs.fstatSync(0)
    return kind.isFIFO() || kind.isFile() || kind.isSocket()
  } catch {
    // there is no stdin at all
    return false
  }
}

/** Whether there is a person to talk with: one who types, and sees what is asked. */
export const isInteractive = (): boolean => process.stdin.isTTY && process.stderr.isTTY

/** All of stdin, to its end. */
export const text: Effect.Effect<string> = Effect.promise(async (signal) => {
  const pieces: Array<string> = []
  const { stdin } = process
  stdin.setEncoding("utf8")
  signal.addEventListener("abort", () => stdin.destroy())
  for await (const piece of stdin) pieces.push(String(piece))
  return pieces.join("")
})
