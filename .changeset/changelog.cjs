/** How the lines of changesets look in CHANGELOG.md: each begins a list, and its other lines are set in. */

const getReleaseLine = ({ summary }) =>
  Promise.resolve(
    `- ${summary
      .trim()
      .split("\n")
      .map((line, i) => (i === 0 || line === "" ? line : `  ${line}`))
      .join("\n")}`
  )

module.exports = { getReleaseLine, getDependencyReleaseLine: () => Promise.resolve("") }
