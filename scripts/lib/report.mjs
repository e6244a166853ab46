/** How a check says what it found, alone or inside `npm run check`. */

/** Runs a check as a command: prints its problems, one a line, and sets the exit code. `--root` looks at another folder. */
export const runAsCommand = (check, defaultRoot) => {
  const at = process.argv.indexOf("--root")
  const problems = check(at === -1 ? defaultRoot : process.argv[at + 1])
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}
