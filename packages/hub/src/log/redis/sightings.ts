import { type Position, ZERO } from '@fanline/protocol'

/** Servers that are remembered; what one more than that has lost is long gone. */
const MAX_RUNS = 64

interface Sighting {
  readonly position: Position
  /** The run that was told of it last; undefined when none was. */
  readonly toldTo: string | undefined
}

/**
 * What a node was given, has heard or passed on: the newest position from each server process that it had to do with.
 * Each new process is told all of it again: it may have come back without what its predecessor was told.
 */
export class Sightings {
  readonly #newest = new Map<string, Sighting>()
  #floor: Position = ZERO

  saw(run: string, position: Position): void {
    if (position <= (this.#newest.get(run)?.position ?? ZERO)) return
    this.#newest.set(run, { position, toldTo: undefined })
    if (position > this.#floor) this.#floor = position
    const [oldest] = this.#newest.keys()
    if (this.#newest.size > MAX_RUNS && oldest !== undefined) this.#newest.delete(oldest)
  }

  /** Nobody who was given a position by this node may be given an older one by a server that knows less. */
  get floor(): Position {
    return this.#floor
  }

  /** What this server was not told yet: run and position, one after the other. */
  untold(run: string): string[] {
    return [...this.#newest].flatMap(([seen, { position, toldTo }]) =>
      toldTo === run ? [] : [seen, String(position)],
    )
  }

  /** True when nothing that was seen of others is left to tell this server. */
  areToldTo(run: string): boolean {
    for (const [seen, { toldTo }] of this.#newest) if (seen !== run && toldTo !== run) return false
    return true
  }

  /** A server has heard this list, and stands at its head: what came from others before has been said. */
  told(list: readonly string[], run: string, head: Position): void {
    for (let i = 0; i < list.length; i += 2) {
      const seen = list[i]!
      const sighting = this.#newest.get(seen)
      if (seen === run || String(sighting?.position) !== list[i + 1]) continue
      this.#newest.set(seen, { position: sighting!.position, toldTo: run })
    }
    this.saw(run, head)
  }
}
