/** A name server that knows a few names, or does not answer. */
import * as Dgram from "node:dgram"
import type { DnsJob } from "./protocol.js"
import { endWithParent, job, say } from "./say.js"

const { address, names = {}, otherwise } = job<DnsJob>()

const types = { v4: 1, v6: 28 } as const

/** The first question of a message: its name, its type, and where it ends. */
const question = (message: Buffer): { readonly name: string; readonly type: number; readonly end: number } => {
  const labels: Array<string> = []
  let at = 12
  for (let size = message[at] ?? 0; size > 0; size = message[at] ?? 0) {
    labels.push(message.subarray(at + 1, at + 1 + size).toString())
    at += 1 + size
  }
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}

const bytesOf = (ip: string): Buffer => {
  if (ip.includes(".")) return Buffer.from(ip.split(".").map(Number))
  const [head = "", tail = ""] = ip.split("::")
  const words = (part: string): ReadonlyArray<number> =>
    part === "" ? [] : part.split(":").map((w) => Number.parseInt(w, 16))
  const [left, right] = [words(head), words(tail)]
  const bytes = Buffer.alloc(16)
  left.forEach((word, nth) => bytes.writeUInt16BE(word, 2 * nth))
  right.forEach((word, nth) => bytes.writeUInt16BE(word, 16 - 2 * (right.length - nth)))
  return bytes
}

const answer = (message: Buffer): Buffer | undefined => {
  if (otherwise === "silent") return undefined
  const { end, name, type } = question(message)
  const known = names[name]
  const ip = type === types.v4 ? known?.v4 : type === types.v6 ? known?.v6 : undefined
  const code = known !== undefined ? 0 : otherwise === "nxdomain" ? 3 : 2
  const head = Buffer.alloc(12)
  message.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | code, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(ip === undefined ? 0 : 1, 6)
  const parts = [head, message.subarray(12, end)]
  if (ip !== undefined) {
    const data = bytesOf(ip)
    const record = Buffer.alloc(12)
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(type, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt32BE(1, 6)
    record.writeUInt16BE(data.length, 10)
    parts.push(record, data)
  }
  return Buffer.concat(parts)
}

endWithParent()
const socket = Dgram.createSocket("udp4")
socket.on("message", (message, from) => {
  const reply = answer(message)
  if (reply !== undefined) socket.send(reply, from.port, from.address)
})
socket.bind(53, address, () => say("ready"))
