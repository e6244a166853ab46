/**
 * A text that comes in many small pieces. Pieces are joined some at a time: a text made by adding each to it is a tree of all
 * of them until it is read, which every collection of garbage on the way goes through (a tenth of what 100,000 tokens in bulk
 * cost, `npm run bench:stream`).
 */
const together = 128

export class Pieces {
  private joined = ""
  private pieces: Array<string> | undefined

  add(piece: string): void {
    if (this.pieces === undefined) {
      this.pieces = [piece]
      return
    }
    this.pieces.push(piece)
    if (this.pieces.length === together) this.join(this.pieces)
  }

  private join(pieces: Array<string>): void {
    this.joined += pieces.join("")
    pieces.length = 0
  }

  all(): string {
    if (this.pieces !== undefined && this.pieces.length > 0) this.join(this.pieces)
    return this.joined
  }
}
