/** A process that runs jobs for `pool.ts`, one after the other. */
import { type Job, run } from "./job.js"

process.on("message", (job: Job) => {
  void run(job).then(
    (figures) => process.send?.({ figures }),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  )
})

// nobody is left to be told
process.on("disconnect", () => process.exit())
