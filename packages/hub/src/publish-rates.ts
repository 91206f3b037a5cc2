import type { Access } from './authenticator.ts'
import type { Clock } from './clock.ts'
import type { HubOptions } from './options.ts'

/** Publishers whose last second is remembered; beyond that, those who may publish at full rate are forgotten. */
const MAX_REMEMBERED = 10_000

/** Where a publisher stands in this second. */
export interface RateState {
  /** Events a second. */
  readonly limit: number
  /** Events that may be published at once. */
  readonly remaining: number
  /** False when the event that was asked for is one too many. */
  readonly isWithin: boolean
  /** When one more event may be published, in milliseconds from now; 0 when it may be now. */
  readonly retryAfterMs: number
}

interface Bucket {
  tokens: number
  filledAt: number
}

/** How many events a second each publisher may send: a bucket for each, as large as one second's worth. */
export class PublishRates {
  readonly #clock: Pick<Clock, 'now'>
  readonly #perUser: number
  readonly #perKey: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Pick<Clock, 'now'>, limits: HubOptions['limits']) {
    this.#clock = clock
    this.#perUser = limits.publishesPerSecondPerUser
    this.#perKey = limits.publishesPerSecondPerKey
  }

  /** Counts one event. Undefined when there is no limit for this publisher. */
  take({ user, credential }: Access): RateState | undefined {
    const { kind, id = '' } = credential
    if (kind === 'open') return undefined
    const limit = kind === 'key' ? this.#perKey : this.#perUser
    if (limit === 0) return undefined
    const bucket = this.#bucket(user === undefined ? `${kind} ${id}` : `user ${user}`, limit)
    const isWithin = bucket.tokens >= 1
    if (isWithin) bucket.tokens--
    const missing = Math.max(0, 1 - bucket.tokens)
    return {
      limit,
      remaining: Math.floor(bucket.tokens),
      isWithin,
      retryAfterMs: Math.ceil((missing / limit) * 1000),
    }
  }

  #bucket(publisher: string, limit: number): Bucket {
    const now = this.#clock.now()
    const known = this.#buckets.get(publisher)
    if (known) {
      // A clock that was set back fills nothing.
      const elapsedMs = Math.max(0, now - known.filledAt)
      known.tokens = Math.min(limit, known.tokens + (elapsedMs / 1000) * limit)
      known.filledAt = now
      return known
    }
    if (this.#buckets.size >= MAX_REMEMBERED) this.#forgetIdle(now)
    const bucket = { tokens: limit, filledAt: now }
    this.#buckets.set(publisher, bucket)
    return bucket
  }

  /** A bucket that was not touched for a second is full, and so as good as none. */
  #forgetIdle(now: number): void {
    for (const [publisher, { filledAt }] of this.#buckets) {
      if (now - filledAt >= 1000) this.#buckets.delete(publisher)
    }
  }
}
