/** The largest of the values since any of them, in a step each: what a later one is not below is forgotten. */
export class Peaks {
  private readonly places: Array<number> = []
  private readonly values: Array<number> = []
  private count = 0

  /** Notes a value; gives its place. */
  add(value: number): number {
    while ((this.values.at(-1) ?? Number.POSITIVE_INFINITY) <= value) {
      this.values.pop()
      this.places.pop()
    }
    this.values.push(value)
    this.places.push(this.count)
    return this.count++
  }

  /** The largest from this place on. */
  since(place: number): number {
    let low = 0
    let high = this.places.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.places[middle] ?? place) < place) low = middle + 1
      else high = middle
    }
    return this.values[low] ?? 0
  }
}
