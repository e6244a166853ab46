/**
 * The recorded exchanges of real servers, as files.
 */
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import * as Schema from "effect/Schema"
import { Recorded } from "effect-ollama/testing"
import type { Version } from "./expected.js"

const folder = (version: Version): string => fileURLToPath(new URL(`./recorded/${version}`, import.meta.url))

/** The recorded versions of Ollama. */
export const versions: ReadonlyArray<Version> = ["v0.24", "v0.33"]

/** The names of the recordings of a version. */
export const names = (version: Version): ReadonlyArray<string> =>
  fs
    .readdirSync(folder(version))
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))

/** A recording. */
export const read = (version: Version, name: string): Recorded.Exchange =>
  Schema.decodeUnknownSync(Schema.parseJson(Recorded.Exchange))(
    fs.readFileSync(`${folder(version)}/${name}.json`, "utf8")
  )
