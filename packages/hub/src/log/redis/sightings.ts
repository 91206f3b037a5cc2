import { type Position, ZERO } from '@fanline/protocol'

/** What a node was given, has heard or passed on: the newest position from each server process that it had to do with. */
export class Sightings {
  readonly #newest = new Map<string, Position>()

  saw(run: string, position: Position): void {
    if (position > (this.#newest.get(run) ?? ZERO)) this.#newest.set(run, position)
  }

  /** Nobody who was given a position by this node may be given an older one by a server that knows less. */
  get floor(): Position {
    return Math.max(ZERO, ...this.#newest.values()) as Position
  }

  /** Run and position, one after the other. */
  list(): string[] {
    return [...this.#newest].flatMap(([run, position]) => [run, String(position)])
  }

  /** A server has heard this list, and stands at its head: what came from others before has been said. */
  told(list: readonly string[], run: string, head: Position): void {
    for (let i = 0; i < list.length; i += 2) {
      const told = list[i]!
      if (told !== run && String(this.#newest.get(told)) === list[i + 1]) this.#newest.delete(told)
    }
    this.saw(run, head)
  }
}
