/** What an event met on a connection, those first that an operator looks for. */
export const FATES = ['lost', 'left', 'waiting', 'caught-up', 'written'] as const

export type Fate = (typeof FATES)[number]

/** A connection that an event was for. */
export interface TracedConnection {
  readonly id: string
  readonly user: string | null
  readonly state: string
  readonly cursor: string
  readonly fate: Fate
  readonly at: number | null
}

/** `GET /v1/trace/{id}`. */
export interface EventTrace {
  readonly id: string
  readonly type: string
  readonly length: number
  readonly channels: readonly string[]
  readonly except: readonly string[]
  readonly silent?: readonly string[]
  readonly hubs: readonly {
    readonly node?: string
    readonly publishes: readonly {
      readonly at: number
      readonly by: {
        readonly user: string | null
        readonly credential: { readonly kind: string; readonly id?: string }
      } | null
      readonly matched: number
      readonly isDuplicate: boolean
    }[]
    readonly passages: readonly {
      readonly channel: string
      readonly at: number
      readonly writtenAt: number | null
      readonly live: number
      readonly others: number
    }[]
    readonly fates: Readonly<Record<Fate, number>>
    readonly connections: readonly TracedConnection[]
    readonly isComplete: boolean
  }[]
}
