/** The byte that ends the data of every published event and stands nowhere else in a stream. */
export const MARKER = '~'

const MARKER_BYTE = MARKER.charCodeAt(0)

/**
 * Counts events in raw response bytes by their marker, without parsing.
 *
 * The events of one run are equally long, so the next marker mostly stands where the last distance says; one
 * look replaces a search. That keeps the load generator far below the cost of what it measures when dozens
 * of events arrive in one read.
 */
export class MarkerCounter {
  #distance = 0

  /** How many events end within these bytes. */
  count(bytes: Uint8Array): number {
    let found = 0
    let at = bytes.indexOf(MARKER_BYTE)
    while (at !== -1) {
      found += 1
      const guess = at + this.#distance
      if (this.#distance > 0 && bytes[guess] === MARKER_BYTE) {
        at = guess
        continue
      }
      const next = bytes.indexOf(MARKER_BYTE, at + 1)
      if (next !== -1) this.#distance = next - at
      at = next
    }
    return found
  }
}
