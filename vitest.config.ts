import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-ollama$/, replacement: at("./src/index.ts") },
      { find: /^effect-ollama\/node$/, replacement: at("./src/node/index.ts") },
      { find: /^effect-ollama\/testing$/, replacement: at("./src/testing/index.ts") },
      { find: /^effect-ollama\/testing\/node$/, replacement: at("./src/testing/node.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
