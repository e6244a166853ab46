/** Servers that mean harm, on real sockets: each writes what it wants, whatever it was asked. */
import type { Scope } from "effect"
import { Effect } from "effect"
import type * as Net from "node:net"
import * as Servers from "../sockets/servers.js"

/** What has gone on at such a server. */
export interface Hostile extends Servers.Listening {
  /** Bytes that the sockets have taken. */
  readonly written: () => number
  /** Requests, by their first lines. */
  readonly asked: () => ReadonlyArray<string>
}

/** Writes to one connection. */
export interface Attack {
  readonly socket: Net.Socket
  readonly write: (text: string | Uint8Array) => void
  /** The same again and again, as fast as it is taken, until the connection is gone. */
  readonly flood: (piece: string | Uint8Array) => void
  /** How many requests came on this connection. */
  readonly nth: number
}

/** Calls `attack` when a request has arrived as a whole, body included. */
export const make = (attack: (attack: Attack) => void): Effect.Effect<Hostile, never, Scope.Scope> => {
  let written = 0
  const asked: Array<string> = []
  const serve = (socket: Net.Socket): void => {
    let nth = 0
    let received = Buffer.alloc(0)
    const write = (text: string | Uint8Array): void => {
      if (socket.destroyed) return
      written += text.length
      socket.write(text)
    }
    const flood = (piece: string | Uint8Array): void => {
      if (socket.destroyed) return
      socket.write(piece, (error) => {
        if (error) return
        written += piece.length
        setImmediate(() => flood(piece))
      })
    }
    socket.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
      for (;;) {
        const head = received.indexOf("\r\n\r\n")
        if (head === -1) return
        const text = received.subarray(0, head).toString("latin1")
        const length = Number(/^content-length: *(\d+)$/im.exec(text)?.[1] ?? 0)
        if (received.length < head + 4 + length) return
        received = received.subarray(head + 4 + length)
        asked.push(text.split("\r\n")[0] ?? "")
        attack({ socket, write, flood, nth: nth++ })
      }
    })
  }
  return Effect.map(Servers.tcp(serve), (listening) => ({ ...listening, written: () => written, asked: () => asked }))
}

export const head = (...headers: ReadonlyArray<string>): string => `HTTP/1.1 200 OK\r\n${headers.join("\r\n")}\r\n\r\n`

export const ndjson = "content-type: application/x-ndjson"
export const json = "content-type: application/json"
export const chunked = "transfer-encoding: chunked"

/** A piece of a chunked body. */
export const piece = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

export const lastPiece = "0\r\n\r\n"

/** A whole good answer of one chunk and the end. */
export const good = (text: string): string =>
  head(ndjson, chunked) + piece(Servers.chunk(text)) + piece(Servers.chunk("", true)) + lastPiece
