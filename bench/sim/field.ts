/** Everybody who takes part. */
import type { Contestant } from "./contestant.js"
import * as references from "./model/references.js"
import { client } from "./product/client.js"
import { fleet, variants } from "./product/fleet.js"
import { players as rivals } from "./rivals/rivals.js"

export const all: ReadonlyArray<Contestant> = [fleet, ...variants, ...rivals, client, ...references.references]

export const find = (name: string): Contestant | undefined => all.find((contestant) => contestant.name === name)

export const names = {
  fleet: fleet.name,
  rivals: [...rivals, client].map(({ name }) => name),
  leastConnections: "least connections, Olla without its header timeout",
  clairvoyant: references.clairvoyant.name,
  pooled: references.pooled.name,
  shedding: references.pooledShedding.name
}
