import { ProblemError } from '@fanline/protocol'
import type { TicketExchange, TicketGrant } from '../ticket-grant.ts'

/** Each asks every hub, and whoever makes up tickets may cause as many as they like. */
const MAX_LOOKUPS = 256

/** Asks other hubs for tickets: once for all who want the same at the same time, and for a bounded number at a time. */
export class TicketLookups {
  readonly #cluster: TicketExchange
  readonly #open = new Map<string, Promise<TicketGrant | undefined>>()

  constructor(cluster: TicketExchange) {
    this.#cluster = cluster
  }

  /**
   * What another hub says of a ticket; undefined when none knows it.
   * @throws ProblemError `too-many-tickets` while too many are looked for
   */
  find(ticket: string): Promise<TicketGrant | undefined> {
    const open = this.#open.get(ticket)
    if (open) return open
    if (this.#open.size >= MAX_LOOKUPS) {
      throw new ProblemError('too-many-tickets', 'Too many are looked for on other hubs.')
    }
    const lookup = this.#cluster.findTicket(ticket).finally(() => this.#open.delete(ticket))
    this.#open.set(ticket, lookup)
    return lookup
  }
}
