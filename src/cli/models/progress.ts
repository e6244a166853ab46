/**
 * The progress of a pull as a value: what is known of each layer, folded from the server's lines, and how fast it goes.
 * Pure, so that it is tested without a server or a terminal.
 */
import type * as Model from "../../api/Model.js"
import { bar } from "../terminal/bars.js"
import * as Columns from "../terminal/columns.js"
import * as Style from "../terminal/Style.js"
import * as Units from "../terminal/units.js"

interface Sample {
  /** Milliseconds on Clock. */
  readonly at: number
  readonly completed: number
}

/** One layer, or a step without figures. */
export interface Layer {
  readonly status: string
  readonly digest: string | undefined
  readonly total: number
  readonly completed: number
  /** Of the last seconds, oldest first. */
  readonly samples: ReadonlyArray<Sample>
}

export interface Progress {
  readonly layers: ReadonlyArray<Layer>
  readonly startedAt: number
  readonly isDone: boolean
}

/** How far back the speed is looked at, in milliseconds. */
const memory = 5000

export const make = (startedAt: number): Progress => ({ layers: [], startedAt, isDone: false })

const isSame = (layer: Layer, { digest, status }: Model.ProgressResponse): boolean =>
  digest === undefined ? layer.digest === undefined && layer.status === status : layer.digest === digest

const sampled = (samples: ReadonlyArray<Sample>, sample: Sample): ReadonlyArray<Sample> => {
  const last = samples.at(-1)
  // progress goes back when a part has to be fetched again: the speed is then counted anew
  const usable = last !== undefined && last.completed > sample.completed ? [] : samples
  const recent = usable.findLastIndex(({ at }) => at <= sample.at - memory)
  return [...usable.slice(Math.max(0, recent)), sample]
}

/** After one more line of the server. */
export const add = (self: Progress, line: Model.ProgressResponse, now: number): Progress => {
  const index = self.layers.findIndex((layer) => isSame(layer, line))
  const before = self.layers[index]
  const completed = line.completed ?? 0
  const layer: Layer = {
    status: line.status,
    digest: line.digest,
    total: line.total ?? before?.total ?? 0,
    completed,
    samples: sampled(before?.samples ?? [], { at: now, completed })
  }
  return {
    ...self,
    layers: before === undefined ? [...self.layers, layer] : self.layers.with(index, layer),
    isDone: line.status === "success"
  }
}

/** Bytes a second, as far as it can be told. */
export const speed = ({ samples }: Layer): number | undefined => {
  const first = samples[0]
  const last = samples.at(-1)
  if (first === undefined || last === undefined || last.at <= first.at) return undefined
  return ((last.completed - first.completed) / (last.at - first.at)) * 1000
}

export const isComplete = ({ completed, total }: Layer): boolean => total > 0 && completed >= total

/** `12.0 MB / 19.0 MB`, the speed and the time that is left, as far as they are known. */
const figuresOf = (layer: Layer): ReadonlyArray<string> => {
  if (isComplete(layer)) return [Units.bytes(layer.total)]
  const perSecond = speed(layer)
  return [
    `${Units.bytes(layer.completed)} / ${Units.bytes(layer.total)}`,
    ...(perSecond === undefined || perSecond <= 0
      ? []
      : [`${Units.bytes(perSecond)}/s`, `${Units.rough(((layer.total - layer.completed) / perSecond) * 1000)} left`])
  ]
}

const share = ({ completed, total }: Layer): number => (total > 0 ? completed / total : 0)

/** Whole parts of a hundred, or of ten: multiplied first, since 0.29 times 100 is less than 29. */
const parts = ({ completed, total }: Layer, of: number): number =>
  total > 0 ? Math.floor((completed * of) / total) : 0

const percent = (layer: Layer): string => `${parts(layer, 100)}%`.padStart(4)

/** The line of a layer: the status, the percentage, a bar, and as many of the figures as there is room for. */
const lineOf = (layer: Layer, width: number): Style.Line => {
  const status = Columns.oneLine(layer.status)
  if (layer.total <= 0) return Style.truncate(Style.line(status), width)
  const end = percent(layer)
  const style = isComplete(layer) ? "green" : "cyan"
  const label = Columns.truncate(status, Math.max(0, width - end.length - 1))
  const all = figuresOf(layer)
  for (let shown = all.length; shown > 0; shown--) {
    const figures = all.slice(0, shown).join("  ")
    const room = width - Columns.columns(label) - end.length - figures.length - 5
    if (room >= 8) {
      const line = Style.line(
        `${label} ${end} `,
        Style.span("▕", "dim"),
        Style.span(bar(share(layer), Math.min(room, 30)), style),
        Style.span("▏", "dim"),
        ` ${figures}`
      )
      return line
    }
  }
  return Style.line(Columns.padEnd(label, Math.min(width, Columns.columns(label) + 1)), Style.span(end, style))
}

/** The lines of a terminal, at most `rows` of them: the last ones, where the work is. */
export const render = (self: Progress, width: number, rows: number): ReadonlyArray<Style.Line> =>
  self.layers.slice(-Math.max(1, rows)).map((layer) => lineOf(layer, width))

/** Bytes of all layers. */
export const total = ({ layers }: Progress): number => layers.reduce((sum, layer) => sum + layer.total, 0)

/** What is worth a line where lines are not written over: a new step, and every tenth part of a layer. */
export const news = (before: Progress, after: Progress): ReadonlyArray<string> =>
  after.layers.flatMap((layer, index) => {
    const earlier = before.layers[index]
    const tenth = parts(layer, 10)
    const isNew = earlier === undefined || tenth > parts(earlier, 10)
    if (!isNew) return []
    const status = Columns.oneLine(layer.status)
    return [layer.total > 0 ? `${status} ${percent(layer).trim()}, ${figuresOf(layer).join(", ")}` : status]
  })
