import { Ollama } from "ollama"
import { type Contestant, messages, session } from "../contestant.js"

export const chatStream: Contestant = {
  name: "ollama-js chat({ stream: true })",
  open: async (host) => {
    const client = new Ollama({ host })
    return session(async (model) => {
      let lines = 0
      let text = 0
      for await (const chunk of await client.chat({ model, messages, stream: true })) {
        lines++
        text += chunk.message.content.length
      }
      return text > 0 ? lines : 0
    })
  }
}
