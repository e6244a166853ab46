/** Where a model in memory is, and until when. */
import type * as Model from "../../api/Model.js"
import * as Units from "../terminal/units.js"

/** `GPU`, `CPU`, or how much of it is on the GPU; the rest makes it slow. */
export const placement = ({ size, size_vram }: Pick<Model.RunningModel, "size" | "size_vram">): string => {
  if (size <= 0 || size_vram <= 0) return "CPU"
  return size_vram >= size ? "GPU" : `${Math.round((size_vram / size) * 100)}% GPU`
}

const year = 365 * 24 * 3_600_000

/** The server writes a time in the past for a model that is busy or leaving, and one in centuries for "for ever". */
export const until = ({ expires_at }: Pick<Model.RunningModel, "expires_at">, now: number): string => {
  const left = Date.parse(expires_at) - now
  if (Number.isNaN(left)) return ""
  if (left <= 0) return "busy"
  return left > year ? "for ever" : `${Units.rough(left)} left`
}
