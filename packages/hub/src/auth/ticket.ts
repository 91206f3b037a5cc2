/** Tickets for an EventSource, which cannot send a token in a header. */
import { ProblemError, parseChannel } from '@fanline/protocol'
import {
  type Access,
  type Authenticator,
  type Credential,
  type CredentialSource,
  mustSubscribe,
  type Ticket,
  type TicketIssuer,
  type TicketRequest,
} from '../authenticator.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { TicketExchange, TicketGrant } from '../ticket-grant.ts'
import { isOwnOrigin } from './page-origin.ts'
import { TicketLookups } from './ticket-lookups.ts'
import { WithdrawnKeys } from './withdrawn-keys.ts'

export type { TicketExchange, TicketGrant } from '../ticket-grant.ts'

/** Nobody guesses 256 bits. */
const TICKET_BYTES = 32

/** What else somebody sends need not be looked for: 32 bytes in base64url. */
const TICKET = /^[\w-]{43}$/

/** All tickets together: room for 100,000 that name a channel or two. */
const MAX_BYTES = 64 * 1024 * 1024

/** Those of one user, who could otherwise leave nobody else a ticket: 1,600 that name a channel or two. */
const MAX_BYTES_OF_USER = 1024 * 1024

/** What a ticket takes, and each of its channels beside its name. */
const TICKET_OVERHEAD_BYTES = 500
const CHANNEL_OVERHEAD_BYTES = 60

/** Looking for tickets that have ended takes milliseconds, and must not be done for each that is refused. */
const SWEEP_MS = 1000

/** How long tickets are good, and where. */
export interface TicketOptions {
  /** From their issue until the first stream, and from the end of a stream until it must have come back, in milliseconds. */
  readonly lifetimeMs: number
  /** The hubs that know each other's tickets: `hub.cluster`. Only this process knows its tickets when absent. */
  readonly cluster?: TicketExchange | undefined
  readonly clock?: Pick<Clock, 'now'>
}

interface Issued {
  readonly access: Access
  readonly grant: TicketGrant
  readonly bytes: number
  endsAt: number
  /** Streams that are open now; while there is one, the ticket does not end. */
  streams: number
}

/**
 * Random tickets, kept in the memory of the process that gave them, and of those where they were used. A ticket opens
 * streams of its user to its channels from pages of its origin, also again and again, as an EventSource comes back to
 * the address it was given; never beyond the end of the token it was issued for, and never after that token was revoked.
 *
 * The `isWithdrawn` of an application's own check is asked where the ticket was given: from then on that hub refuses it,
 * and hands it over to no other. Who has it by then goes on: to end it everywhere, revoke the token or the user.
 */
export class Tickets implements TicketIssuer {
  readonly #lifetimeMs: number
  readonly #clock: Pick<Clock, 'now'>
  readonly #lookups: TicketLookups | undefined
  readonly #issued = new Map<string, Issued>()
  readonly #withdrawnKeys = new WithdrawnKeys()
  #bytes = 0
  readonly #bytesOfUsers = new Map<string, number>()
  #sweptAt = 0

  constructor({ lifetimeMs, cluster, clock = systemClock }: TicketOptions) {
    this.#lifetimeMs = lifetimeMs
    this.#clock = clock
    this.#lookups = cluster && new TicketLookups(cluster)
    cluster?.shareTickets((ticket) => {
      const issued = this.#known(ticket)
      return issued?.access.isWithdrawn?.() ? undefined : issued?.grant
    })
  }

  issue(access: Access, { channels, origin }: TicketRequest): Ticket {
    for (const channel of channels) mustSubscribe(access, channel)
    const { user, expiresAt } = access
    const topics = [...new Set<string>(channels.map(parseChannel))]
    const credential = credentialOf(access)
    const ticket = randomText()
    const issuedAt = this.#clock.now()
    const grant: TicketGrant = { user, channels: topics, origin, issuedAt, expiresAt, credential }
    const { endsAt } = this.#keep(ticket, grant, () => access.isWithdrawn?.() === true)
    return { ticket, expiresAt: new Date(endsAt).toISOString() }
  }

  /**
   * Lets in who asks for a stream with `?ticket=`, also one that another hub of the cluster gave.
   * @throws ProblemError `ticket-invalid` or `too-many-tickets`
   */
  readonly authenticate: Authenticator = (source) => {
    const ticket = source.query.get('ticket')
    if (ticket === null || !isStream(source)) return undefined
    const issued = this.#known(ticket)
    if (issued || !this.#lookups || !TICKET.test(ticket)) return accessOf(issued, source)
    return this.#lookups.find(ticket).then((grant) => {
      return accessOf(this.#known(ticket) ?? (grant && this.#copy(ticket, grant)), source)
    })
  }

  /** Tickets that were given to who had this key count no more, also those that another hub still knows. */
  withdrawKey(id: string): void {
    this.#withdrawnKeys.add(id, this.#clock.now())
    for (const [ticket, { grant }] of this.#issued) {
      if (grant.credential.kind === 'key' && grant.credential.id === id) this.#forget(ticket)
    }
  }

  #known(ticket: string): Issued | undefined {
    const issued = this.#issued.get(ticket)
    return issued && !this.#hasEnded(issued) ? issued : undefined
  }

  /** Keeps what another hub knows. A ticket that was given here, and ended here only, can still be withdrawn here. */
  #copy(ticket: string, grant: TicketGrant): Issued | undefined {
    if (this.#withdrawnKeys.covers(grant)) return undefined
    return this.#keep(ticket, grant, this.#issued.get(ticket)?.access.isWithdrawn)
  }

  #keep(ticket: string, grant: TicketGrant, isWithdrawn = (): boolean => false): Issued {
    const { user, channels, expiresAt, credential } = grant
    const bytes = bytesOf(channels)
    // One that has ended may still be here.
    this.#forget(ticket)
    this.#mustHaveRoom(user, bytes)
    const topics = new Set(channels)
    const issued: Issued = {
      bytes,
      endsAt: Math.min(this.#clock.now() + this.#lifetimeMs, expiresAt ?? Number.POSITIVE_INFINITY),
      streams: 0,
      grant,
      access: {
        user,
        role: undefined,
        expiresAt,
        credential,
        maySubscribe: (channel) => topics.has(channel),
        mayPublish: () => false,
        isWithdrawn,
        hold: () => {
          issued.streams++
          return () => {
            issued.streams--
            issued.endsAt = this.#clock.now() + this.#lifetimeMs
          }
        },
      },
    }
    this.#issued.set(ticket, issued)
    this.#count(user, bytes)
    return issued
  }

  #forget(ticket: string): void {
    const issued = this.#issued.get(ticket)
    if (!issued) return
    this.#issued.delete(ticket)
    this.#count(issued.grant.user, -issued.bytes)
  }

  #hasEnded({ access, endsAt, streams }: Issued): boolean {
    const now = this.#clock.now()
    return (streams === 0 && endsAt <= now) || (access.expiresAt ?? Number.POSITIVE_INFINITY) <= now
  }

  #mustHaveRoom(user: string | undefined, bytes: number): void {
    if (this.#hasRoom(user, bytes)) return
    this.#sweep()
    if (!this.#hasRoom(user, bytes)) throw new ProblemError('too-many-tickets')
  }

  /** Who has no user is a server of the application. */
  #hasRoom(user: string | undefined, bytes: number): boolean {
    const bytesOfUser = user === undefined ? 0 : (this.#bytesOfUsers.get(user) ?? 0)
    return this.#bytes + bytes <= MAX_BYTES && bytesOfUser + bytes <= MAX_BYTES_OF_USER
  }

  #sweep(): void {
    const now = this.#clock.now()
    if (now - this.#sweptAt < SWEEP_MS) return
    this.#sweptAt = now
    for (const [ticket, issued] of this.#issued) if (this.#hasEnded(issued)) this.#forget(ticket)
  }

  #count(user: string | undefined, bytes: number): void {
    this.#bytes += bytes
    if (user === undefined) return
    const bytesOfUser = (this.#bytesOfUsers.get(user) ?? 0) + bytes
    if (bytesOfUser > 0) this.#bytesOfUsers.set(user, bytesOfUser)
    else this.#bytesOfUsers.delete(user)
  }
}

function bytesOf(topics: readonly string[]): number {
  let bytes = TICKET_OVERHEAD_BYTES
  for (const topic of topics) bytes += topic.length + CHANNEL_OVERHEAD_BYTES
  return bytes
}

/** @throws ProblemError `ticket-invalid` */
function accessOf(issued: Issued | undefined, source: CredentialSource): Access {
  if (!issued || !isFrom(issued.grant.origin, source)) throw new ProblemError('ticket-invalid')
  return issued.access
}

/** A ticket counts as what it was issued for: the id of a key must not be taken for that of a token. */
function credentialOf({ credential }: Access): Credential {
  return credential.kind === 'key' ? credential : { ...credential, kind: 'ticket' }
}

function isStream({ method, path }: CredentialSource): boolean {
  return (method === 'GET' || method === 'HEAD') && /^\/v1\/events(?:\/|$)/.test(path)
}

/** A browser names the page's origin, or says that it is the server's own; what is no browser says neither. */
function isFrom(bound: string | undefined, source: CredentialSource): boolean {
  const origin = source.header('origin')
  if (origin !== undefined) return bound === undefined ? isOwnOrigin(origin, source) : origin === bound
  const site = source.header('sec-fetch-site')
  if (site === undefined || site === 'none') return true
  return site === 'same-origin' && (bound === undefined || isOwnOrigin(bound, source))
}

function randomText(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TICKET_BYTES))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
