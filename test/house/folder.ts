/** A small repository for one test, to see what a check says about it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"

/** The text of each file, by its path. */
export type Files = Readonly<Record<string, string>>

/** What a check finds in a folder that holds exactly these files. */
export const problemsIn = (files: Files, check: (folder: string) => ReadonlyArray<string>): ReadonlyArray<string> => {
  const folder = mkdtempSync(path.join(tmpdir(), "effect-ollama-house-"))
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
      writeFileSync(path.join(folder, file), text)
    }
    return check(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
