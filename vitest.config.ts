import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/**
 * `npm run test:slow` sets the mode `slow`: tests that take minutes by their nature, such as waiting 300 s for headers.
 * `npm run test:random` sets the mode `random`: property tests try other values than the usual ones.
 */
export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^effect-ollama$/, replacement: at("./src/index.ts") },
      { find: /^effect-ollama\/node$/, replacement: at("./src/node/index.ts") },
      { find: /^effect-ollama\/ai$/, replacement: at("./src/ai/index.ts") },
      { find: /^effect-ollama\/shared$/, replacement: at("./src/shared/index.ts") },
      { find: /^effect-ollama\/testing$/, replacement: at("./src/testing/index.ts") },
      { find: /^effect-ollama\/testing\/node$/, replacement: at("./src/testing/node.ts") }
    ]
  },
  test: {
    include: [mode === "slow" ? "test/**/*.slow.ts" : "test/**/*.test.ts"],
    testTimeout: mode === "slow" ? 900_000 : 300_000,
    hookTimeout: 30_000,
    setupFiles: ["test/support/properties.ts"],
    env: mode === "random" ? { FAST_CHECK_SEED: String(Math.trunc(Math.random() * 2 ** 31)) } : {},
    allowOnly: false,
    // Loading Effect is most of a test file's time: the files of a worker share it. No test may leave anything behind.
    pool: "forks",
    isolate: false,
    poolOptions: { forks: { minForks: 1, maxForks: 2 } }
  }
}))
