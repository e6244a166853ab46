/** Says one value as a line. */
export const say = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** What the program was told by its first argument. */
export const job = <A>(): A => JSON.parse(process.argv[2] ?? "null") as A

/** Ends with the one who started it. */
export const endWithParent = (): void => {
  process.stdin.on("end", () => process.kill(process.pid, "SIGKILL")).resume()
}
