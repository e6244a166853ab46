/** What passes connections on, as Docker does for a port that it publishes: it takes them before it knows who is behind. */
import * as Net from "node:net"
import type { RelayJob } from "./protocol.js"
import { endWithParent, job, say } from "./say.js"

const { address, port, target } = job<RelayJob>()

endWithParent()
Net.createServer((socket) => {
  const onward = Net.connect(target.port, target.address)
  onward.on("error", () => socket.destroy())
  socket.on("error", () => onward.destroy())
  socket.pipe(onward)
  onward.pipe(socket)
}).listen(port, address, () => say("ready"))
