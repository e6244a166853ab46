/**
 * What carries the number of the process that made it in its name, so that another one can tell what was left behind by
 * a process that was killed.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const prefix = /^eo-(\d+)-/

/** Where only letters and digits may be in a name. */
const plainPrefix = /^eo(\d+)x/

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

export const name = (rest: string): string => `eo-${process.pid}-${rest}`

export const plainName = (rest: string): string => `eo${process.pid}x${rest}`

/** The entries of a folder whose makers are no more. */
export const forsaken = (folder: string): ReadonlyArray<string> =>
  (existsSync(folder) ? readdirSync(folder) : []).filter((entry) => {
    const owner = (prefix.exec(entry) ?? plainPrefix.exec(entry))?.[1]
    return owner !== undefined && !isAlive(Number(owner))
  })

const standing = new Set<string>()
let isWatched = false

const watch = (): void => {
  if (isWatched) return
  isWatched = true
  for (const entry of forsaken(tmpdir())) rmSync(join(tmpdir(), entry), { recursive: true, force: true })
  process.once("exit", () => standing.forEach(removeFolder))
}

/** A folder for a time; it goes with the process at the latest. */
export const folder = (): string => {
  watch()
  const made = mkdtempSync(join(tmpdir(), name("")))
  standing.add(made)
  return made
}

export const removeFolder = (made: string): void => {
  standing.delete(made)
  rmSync(made, { recursive: true, force: true })
}
