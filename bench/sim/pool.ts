/** Runs jobs in processes of their own, some at a time. */
import { fork } from "node:child_process"
import type { Job } from "./job.js"
import type { Figures } from "./metrics.js"

type Answer = { readonly figures: Figures } | { readonly error: string }

const worker = new URL("worker.ts", import.meta.url)

// most of what a run makes is garbage in no time: a large nursery saves the copying of what is left of it
const flags = ["--import=tsx", "--conditions=development", "--max-semi-space-size=128"]

/** In the order of the jobs. `onDone` is told of each as it ends. */
export const runAll = async (
  jobs: ReadonlyArray<Job>,
  processes: number,
  onDone: (job: Job, figures: Figures, seconds: number) => void
): Promise<ReadonlyArray<Figures>> => {
  const results: Array<Figures> = []
  let next = 0
  const lane = async () => {
    const options = { execArgv: flags, serialization: "advanced" as const }
    const child = fork(worker, options)
    const gone = new Promise<never>((_, reject) => {
      child.once("exit", (code) => reject(new Error(`a worker has ended with ${code}`)))
    })
    const ask = (job: Job) => {
      const answer = new Promise<Answer>((resolve) => {
        child.once("message", (message: Answer) => resolve(message))
      })
      child.send(job)
      return Promise.race([answer, gone])
    }
    try {
      for (let index = next++; index < jobs.length; index = next++) {
        const job = jobs[index]!
        const started = performance.now()
        const answer = await ask(job)
        if ("error" in answer) throw new Error(`${job.scenario}, ${job.contestant}, seed ${job.seed}: ${answer.error}`)
        results[index] = answer.figures
        onDone(job, answer.figures, (performance.now() - started) / 1000)
      }
    } finally {
      child.removeAllListeners("exit")
      child.disconnect()
    }
  }
  await Promise.all(Array.from({ length: Math.min(processes, jobs.length) }, lane))
  return results
}
