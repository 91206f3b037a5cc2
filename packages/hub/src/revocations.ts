import { createEvent, type HubEvent, type Position, ProblemError, parseUser } from '@fanline/protocol'
import type { Access } from './authenticator.ts'
import type { Entry } from './log.ts'

/** How long a revocation is kept that does not say how long, in milliseconds. */
const DEFAULT_KEEP_MS = 30 * 86_400_000

/** How many may be in force. */
const MAX_REVOCATIONS = 100_000

/** How many entries of the log may speak of revocations; also of those that are over, and were not removed yet. */
const MAX_ENTRIES = 2 * MAX_REVOCATIONS

/**
 * How long an entry of the log stays when what it says is over, in milliseconds. A hub whose clock is behind may still
 * need it; and one that reads page by page must not see a revocation and miss that it was lifted.
 */
const REMOVAL_DELAY_MS = 3_600_000

/** What must count no more: one token, or tokens of one user. */
export interface RevocationRequest {
  /** The claim `jti` of one token. */
  readonly jti?: string | undefined
  /** All tokens of a user … */
  readonly user?: string | undefined
  /** … that were issued before this: ISO 8601, or seconds since 1970 as in a token's `iat`. All of them when absent. */
  readonly issuedBefore?: string | number | undefined
  /** When the last of these tokens has expired: ISO 8601, or seconds since 1970; in 30 days when absent. */
  readonly until?: string | number | undefined
}

/** A revocation in force. Times are ISO 8601. */
export interface Revocation {
  readonly id: string
  readonly jti?: string
  readonly user?: string
  readonly issuedBefore?: string
  /** Nothing is refused by it from here on. */
  readonly until: string
}

interface Held {
  readonly revocation: Revocation
  /** Of its entry in the log. */
  readonly position: Position
  readonly untilMs: number
  /** Infinity for tokens of any age. */
  readonly issuedBeforeMs: number
}

/** Which tokens count no more. */
export class Revocations {
  readonly #byId = new Map<string, Held>()
  readonly #byToken = new Map<string, Set<Held>>()
  readonly #byUser = new Map<string, Set<Held>>()
  /** When each entry of the log may go, in milliseconds since 1970. */
  readonly #goesAt = new Map<Position, number>()

  /** True when what somebody was let in by counts no more. */
  covers({ user, credential }: Pick<Access, 'user' | 'credential'>, nowMs: number): boolean {
    if (this.#byId.size === 0) return false
    const { kind, id, issuedAt = 0 } = credential
    const isToken = kind === 'token' || kind === 'ticket'
    if (isToken && id !== undefined && isInForce(this.#byToken.get(id), nowMs)) return true
    return user !== undefined && isInForce(this.#byUser.get(user), nowMs, issuedAt)
  }

  /** Those in force, oldest first. */
  all(nowMs: number): Revocation[] {
    this.#sweep(nowMs)
    return [...this.#byId.values()].map(({ revocation }) => revocation)
  }

  /** True when one in force has this id. */
  has(id: string, nowMs: number): boolean {
    return (this.#byId.get(id)?.untilMs ?? 0) > nowMs
  }

  /** @throws ProblemError `too-many-revocations` */
  mustHaveRoom(nowMs: number): void {
    if (this.#byId.size >= MAX_REVOCATIONS) this.#sweep(nowMs)
    if (this.#byId.size >= MAX_REVOCATIONS || this.#goesAt.size >= MAX_ENTRIES)
      throw new ProblemError('too-many-revocations')
  }

  /** Takes what stands in the log: a revocation, or that one is lifted. The same again changes nothing. */
  apply({ event, position, at }: Pick<Entry, 'event' | 'position' | 'at'>): void {
    if (position === null) return
    if (event.type === LIFTED) this.#lift(event.data, position, at)
    else this.#add(event.data, position)
  }

  /** Positions of entries of the log that nobody needs any more. */
  spent(nowMs: number): Position[] {
    const positions: Position[] = []
    for (const [position, goesAtMs] of this.#goesAt) if (goesAtMs <= nowMs) positions.push(position)
    return positions
  }

  /** These entries are in the log no more. */
  removed(positions: readonly Position[]): void {
    for (const position of positions) this.#goesAt.delete(position)
  }

  #add(text: string, position: Position): void {
    const revocation = revocationIn(text)
    // Others may write to an engine, too: what is no revocation goes with the rest.
    if (!revocation) this.#goesAt.set(position, 0)
    if (!revocation || this.#byId.has(revocation.id)) return
    const { id, jti, user, issuedBefore, until } = revocation
    const issuedBeforeMs = issuedBefore === undefined ? Number.POSITIVE_INFINITY : Date.parse(issuedBefore)
    const held: Held = { revocation, position, untilMs: Date.parse(until), issuedBeforeMs }
    this.#byId.set(id, held)
    this.#goesAt.set(position, held.untilMs + REMOVAL_DELAY_MS)
    if (jti !== undefined) insert(this.#byToken, jti, held)
    if (user !== undefined) insert(this.#byUser, user, held)
  }

  #lift(id: string, position: Position, at: number): void {
    const held = this.#byId.get(id)
    // First the revocation goes, then what ended it.
    if (held) this.#goesAt.set(held.position, at)
    this.#goesAt.set(position, at + REMOVAL_DELAY_MS)
    this.#remove(id)
  }

  #remove(id: string): void {
    const held = this.#byId.get(id)
    if (!held) return
    this.#byId.delete(id)
    const { jti, user } = held.revocation
    if (jti !== undefined) take(this.#byToken, jti, held)
    if (user !== undefined) take(this.#byUser, user, held)
  }

  #sweep(nowMs: number): void {
    for (const [id, { untilMs }] of this.#byId) if (untilMs <= nowMs) this.#remove(id)
  }
}

const REVOKED = 'revoked'
const LIFTED = 'lifted'

/**
 * Checks what an operator sent.
 * @throws ProblemError `revocation-invalid` or `user-invalid`
 */
export function parseRevocation(request: unknown, nowMs: number): Revocation {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) refuse('It is an object.')
  for (const field in request) if (!FIELDS.has(field)) refuse(`There is no field ${JSON.stringify(field)}.`)
  const { jti, user, issuedBefore, until } = request as Record<string, unknown>
  if ((jti === undefined) === (user === undefined)) refuse('Name a jti or a user.')
  if (jti !== undefined && (typeof jti !== 'string' || jti === '')) refuse('jti is a string.')
  if (jti !== undefined && issuedBefore !== undefined) refuse('issuedBefore goes with a user.')
  const untilMs = until === undefined ? nowMs + DEFAULT_KEEP_MS : time('until', until)
  if (untilMs <= nowMs) refuse('until is in the past.')
  return {
    id: crypto.randomUUID(),
    ...(jti === undefined ? {} : { jti }),
    ...(user === undefined ? {} : { user: parseUser(user) }),
    ...(issuedBefore === undefined
      ? {}
      : { issuedBefore: new Date(time('issuedBefore', issuedBefore)).toISOString() }),
    until: new Date(untilMs).toISOString(),
  }
}

/** A revocation as it stands in the log. */
export function revokedEvent(revocation: Revocation): HubEvent {
  return createEvent(REVOKED, revocation)
}

/** The end of a revocation as it stands in the log. */
export function liftedEvent(id: string): HubEvent {
  return createEvent(LIFTED, id)
}

function revocationIn(text: string): Revocation | undefined {
  try {
    const found = JSON.parse(text)
    return typeof found.id === 'string' && !Number.isNaN(Date.parse(found.until)) ? found : undefined
  } catch {
    return undefined
  }
}

const FIELDS: ReadonlySet<string> = new Set(['jti', 'user', 'issuedBefore', 'until'])

/** The latest moment that a Date can hold, in milliseconds. */
const MAX_TIME_MS = 8.64e15

function time(field: string, value: unknown): number {
  const ms =
    typeof value === 'number' ? value * 1000 : typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms) || Math.abs(ms) > MAX_TIME_MS) refuse(`${field} is ISO 8601 or seconds since 1970.`)
  return ms
}

function isInForce(held: ReadonlySet<Held> | undefined, nowMs: number, issuedAtMs = 0): boolean {
  for (const { untilMs, issuedBeforeMs } of held ?? []) {
    if (untilMs > nowMs && issuedAtMs < issuedBeforeMs) return true
  }
  return false
}

function insert(index: Map<string, Set<Held>>, key: string, held: Held): void {
  const known = index.get(key)
  if (known) known.add(held)
  else index.set(key, new Set([held]))
}

function take(index: Map<string, Set<Held>>, key: string, held: Held): void {
  const known = index.get(key)
  known?.delete(held)
  if (known?.size === 0) index.delete(key)
}

function refuse(detail: string): never {
  throw new ProblemError('revocation-invalid', detail)
}
