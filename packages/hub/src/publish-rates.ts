import type { Access } from './authenticator.ts'
import type { Clock } from './clock.ts'
import type { HubOptions } from './options.ts'

/** An empty bucket that nobody takes from is full after so long, and then as good as none; in milliseconds. */
const REFILL_MS = 1000

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

/** What a publisher has published. */
export interface Taken {
  readonly publisher: string
  /** Events a second. */
  readonly limit: number
  readonly events: number
}

interface Bucket {
  /** How many it holds when it is full. */
  limit: number
  /** Below 0 what is owed. */
  tokens: number
  filledAt: number
}

/** How many events a second each publisher may send: a bucket for each, as large as one second's worth. */
export class PublishRates {
  readonly #clock: Pick<Clock, 'now'>
  readonly #perUser: number
  readonly #perKey: number
  /** Whoever published since the last turn … */
  #recent = new Map<string, Bucket>()
  /** … and in the time before it; forgotten at the next turn, but for debts. */
  #earlier = new Map<string, Bucket>()
  #turnedAt = 0
  readonly #tellTaken: ((taken: Taken) => void) | undefined

  /** @param tellTaken hears of each event that was within its limit; hubs that share their limits tell each other */
  constructor(
    clock: Pick<Clock, 'now'>,
    limits: HubOptions['limits'],
    tellTaken?: ((taken: Taken) => void) | undefined,
  ) {
    this.#clock = clock
    this.#tellTaken = tellTaken
    this.#perUser = limits.publishesPerSecondPerUser
    this.#perKey = limits.publishesPerSecondPerKey
  }

  /** Counts one event. Undefined when there is no limit for this publisher. */
  take({ user, credential }: Access): RateState | undefined {
    const { kind, id = '' } = credential
    if (kind === 'open') return undefined
    const limit = kind === 'key' ? this.#perKey : this.#perUser
    if (limit === 0) return undefined
    const publisher = user === undefined ? `${kind} ${id}` : `user ${user}`
    const bucket = this.#bucket(publisher, limit)
    const isWithin = bucket.tokens >= 1
    if (isWithin) {
      bucket.tokens--
      this.#tellTaken?.({ publisher, limit, events: 1 })
    }
    const missing = Math.max(0, 1 - bucket.tokens)
    return {
      limit,
      remaining: Math.max(0, Math.floor(bucket.tokens)),
      isWithin,
      retryAfterMs: Math.ceil((missing / limit) * 1000),
    }
  }

  /** Another hub has let these events in. What two of them let in at the same moment is owed. */
  takenElsewhere({ publisher, limit, events }: Taken): void {
    this.#bucket(publisher, limit).tokens -= events
  }

  #bucket(publisher: string, limit: number): Bucket {
    const now = this.#clock.now()
    this.#turn(now)
    const recent = this.#recent.get(publisher)
    const bucket = recent ?? this.#earlier.get(publisher) ?? { limit, tokens: limit, filledAt: now }
    if (!recent) this.#recent.set(publisher, bucket)
    bucket.limit = limit
    fill(bucket, now)
    return bucket
  }

  #turn(now: number): void {
    if (Math.abs(now - this.#turnedAt) < REFILL_MS) return
    const old = this.#earlier
    this.#earlier = this.#recent
    this.#recent = new Map()
    this.#turnedAt = now
    for (const [publisher, bucket] of old) {
      if (bucket.tokens >= 0) continue
      // What is owed takes longer to come in.
      fill(bucket, now)
      if (bucket.tokens < bucket.limit) this.#recent.set(publisher, bucket)
    }
  }
}

function fill(bucket: Bucket, now: number): void {
  // A clock that was set back fills nothing.
  const elapsedMs = Math.max(0, now - bucket.filledAt)
  bucket.tokens = Math.min(bucket.limit, bucket.tokens + (elapsedMs / REFILL_MS) * bucket.limit)
  bucket.filledAt = now
}
