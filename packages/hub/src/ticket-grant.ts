import type { Credential } from './authenticator.ts'
import { isCredential } from './connection-info.ts'
import { fits, isAbsentOr, isListOf, isNumber, isText, type Shape } from './shape.ts'

/** What a ticket is good for, as one hub tells another. */
export interface TicketGrant {
  readonly user?: string | undefined
  readonly channels: readonly string[]
  /** The origin of the page that uses it; the server's own when undefined. */
  readonly origin?: string | undefined
  /** When the ticket was given, in milliseconds since 1970; long ago when undefined. */
  readonly issuedAt?: number | undefined
  /** When the token behind it ends, in milliseconds since 1970; undefined when it does not. */
  readonly expiresAt?: number | undefined
  readonly credential: Credential
}

/** Where tickets of other hubs are asked for. */
export interface TicketExchange {
  /** Others ask by this. */
  shareTickets(find: (ticket: string) => TicketGrant | undefined): void
  /** Asks all others; undefined when none of them knows the ticket. */
  findTicket(ticket: string): Promise<TicketGrant | undefined>
}

const GRANT: Shape = {
  user: isAbsentOr(isText),
  channels: isListOf(isText),
  origin: isAbsentOr(isText),
  issuedAt: isAbsentOr(isNumber),
  expiresAt: isAbsentOr(isNumber),
  credential: isCredential,
}

/** What another hub says of a ticket, null when it does not know it; undefined when it cannot be that. */
export function parseTicketGrant(said: unknown): TicketGrant | null | undefined {
  return said === null || fits(said, GRANT) ? (said as TicketGrant | null) : undefined
}
