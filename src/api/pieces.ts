/** A text that comes in many small pieces. */

/**
 * So many are joined at once. A text made by adding each piece to it is a tree of all of them until it is read, and every
 * collection of garbage on the way goes through that; pieces that wait to be joined are a string each.
 */
const together = 8

export class Pieces {
  private joined = ""
  private readonly pieces: Array<string> = []

  add(piece: string): void {
    if (this.pieces.push(piece) === together) this.join()
  }

  all(): string {
    if (this.pieces.length > 0) this.join()
    return this.joined
  }

  private join(): void {
    this.joined += this.pieces.join("")
    this.pieces.length = 0
  }
}
