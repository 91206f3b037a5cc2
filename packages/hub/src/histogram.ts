/** How values that were measured are spread. */
export interface Distribution {
  /** The largest value of each range, ascending; the last range has no end. */
  readonly bounds: readonly number[]
  /** How many values each range has: one count more than there are bounds. */
  readonly counts: readonly number[]
  readonly sum: number
}

/** Counts values by their size: a few numbers, however many values there are. */
export class Histogram implements Distribution {
  readonly bounds: readonly number[]
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Array(bounds.length + 1).fill(0)
  }

  add(value: number): void {
    let range = 0
    while (range < this.bounds.length && value > this.bounds[range]!) range++
    this.counts[range]!++
    this.sum += value
  }
}

/** How long some things take, in seconds; since the hub began. */
export interface HubDurations {
  /** From the publish of an event until all live connections of this hub that follow it had it written. */
  readonly delivery: Distribution
  /** From the opening of a stream to its end. */
  readonly connection: Distribution
}

/** From what is due at once to what somebody notices. */
export const DELIVERY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** From a client that cannot hold a stream to one that has held it for a day. */
export const CONNECTION_BOUNDS = [0.1, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400]
