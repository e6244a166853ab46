/** The Chromium of this machine, where there is one; `CHROMIUM` names another. */
import { existsSync } from "node:fs"

const files = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
]

export const chromium = () => files.find((file) => file && existsSync(file))
