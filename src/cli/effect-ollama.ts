/** The program `effect-ollama`. The build makes one file of it and of all that it needs. */
import { start } from "./main.js"

start()
