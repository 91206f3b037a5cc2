import type { HubStats } from '@fanline/hub'
import { Counter, Gauge, type Registry } from 'prom-client'

/** Users that have a series of their own: each costs the scraper memory for ever. */
const MAX_USERS = 100

/** All users after the first {@link MAX_USERS}. */
const OTHERS = '_other'

/** What go-sse-notification counted, and what starter-gofiber told its users to count, by the same names. */
export class PredecessorMetrics {
  readonly #activeClients: Gauge
  readonly #activeConnections: Gauge
  readonly #sent: Counter
  readonly #sentToUser: Counter
  readonly #dropped: Counter
  readonly #users = new Set<string>()

  constructor(registers: Registry[]) {
    this.#activeClients = new Gauge({ name: 'sse_active_clients', help: 'Open streams.', registers })
    this.#activeConnections = new Gauge({ name: 'sse_active_connections', help: 'Open streams.', registers })
    this.#sent = new Counter({
      name: 'sse_messages_sent_total',
      help: 'Events written to connections.',
      registers,
    })
    this.#sentToUser = new Counter({
      name: 'sse_message_sent_total',
      help: `Connections that took a message to a user; the first ${MAX_USERS} users by name.`,
      labelNames: ['user'],
      registers,
    })
    this.#dropped = new Counter({
      name: 'sse_dropped_message_total',
      help: 'Events without history that a connection missed because it was not live.',
      registers,
    })
  }

  countSent(user: string, connections: number): void {
    if (this.#users.size < MAX_USERS) this.#users.add(user)
    this.#sentToUser.inc({ user: this.#users.has(user) ? user : OTHERS }, connections)
  }

  update({ connections, delivered, ephemeralSkipped }: HubStats): void {
    this.#activeClients.set(connections)
    this.#activeConnections.set(connections)
    this.#sent.reset()
    this.#sent.inc(delivered)
    this.#dropped.reset()
    this.#dropped.inc(ephemeralSkipped)
  }
}
