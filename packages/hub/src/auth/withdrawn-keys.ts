import type { TicketGrant } from '../ticket-grant.ts'

/** What was withdrawn before so many others is forgotten. */
const MAX_KEYS = 10_000

/** Another hub may hear of it so much later, and give tickets for the key until then; also, its clock may be ahead. */
const LATER_MS = 5000

/** When keys were withdrawn here: other hubs may still hand over tickets that were given for them. */
export class WithdrawnKeys {
  /** By id, in milliseconds since 1970; the one withdrawn last stands last. */
  readonly #withdrawnAt = new Map<string, number>()

  /** @param now in milliseconds since 1970 */
  add(id: string, now: number): void {
    this.#withdrawnAt.delete(id)
    this.#withdrawnAt.set(id, now)
    const [oldest] = this.#withdrawnAt.keys()
    if (this.#withdrawnAt.size > MAX_KEYS && oldest !== undefined) this.#withdrawnAt.delete(oldest)
  }

  /** True for a ticket whose key was withdrawn after it was given. Later the key may be back, with other grants. */
  covers({ credential: { kind, id }, issuedAt = 0 }: TicketGrant): boolean {
    const withdrawnAt = kind === 'key' && id !== undefined ? this.#withdrawnAt.get(id) : undefined
    return withdrawnAt !== undefined && issuedAt <= withdrawnAt + LATER_MS
  }
}
