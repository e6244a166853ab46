/** Where things are, and how files are found and compared. No dependencies: usable before `npm ci`. */
import { readdirSync, statSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "")

/** Scratch files of the scripts; not committed. */
export const cache = path.join(root, ".cache")

/** All files under `folder` whose name ends in one of `extensions`, sorted; none when the folder does not exist. */
export const filesUnder = (folder, extensions = [""]) => {
  let entries
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (error.code === "ENOENT") return []
    throw error
  }
  return entries
    .flatMap((entry) => {
      const file = path.join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesUnder(file, extensions)
      return extensions.some((extension) => entry.name.endsWith(extension)) ? [file] : []
    })
    .toSorted()
}

const modified = (file) => {
  try {
    return statSync(file).mtimeMs
  } catch (error) {
    if (error.code === "ENOENT") return undefined
    throw error
  }
}

/** Whether `target` is missing or older than any of `sources` (files; those that do not exist are ignored). */
export const isStale = (target, sources) => {
  const built = modified(target)
  return built === undefined || sources.some((source) => (modified(source) ?? 0) > built)
}

/** The path as a reader knows it: from the top of the repository, with forward slashes. */
export const relative = (file, from = root) => path.relative(from, file).split(path.sep).join("/")
