import type { ChannelName, Position } from '@fanline/protocol'
import type { Draft, Entry, Gap, LogHealth, LogQuery, LogStats } from '../../log.ts'
import type { PeerNode } from '../../peers.ts'
import type { Taken } from '../../publish-rates.ts'

/**
 * One end of a way to another process. What is sent arrives once, in order, as a structured clone that keeps what is the
 * same object the same; or the other process is gone.
 */
export interface Wire {
  send(message: unknown): void
  /** Called once. */
  receive(listener: (message: never) => void): void
}

/** What a worker wants done, and waits for. */
export type Call =
  | { readonly call: 'open'; readonly node: Pick<PeerNode, 'id' | 'name'> }
  | { readonly call: 'append'; readonly drafts: readonly Draft[] }
  | { readonly call: 'read'; readonly query: LogQuery }
  | { readonly call: 'watch'; readonly channel: ChannelName }
  | { readonly call: 'removeRevocations'; readonly positions: readonly Position[] }
  | { readonly call: 'count'; readonly names: readonly string[] }

/** What a worker tells the owner of the log. */
export type WorkerWord =
  | { readonly say: 'call'; readonly number: number; readonly call: Call }
  | { readonly say: 'unwatch'; readonly channel: ChannelName }
  /** It is there, and so many characters of entries have arrived since it last said so. */
  | { readonly say: 'heard'; readonly length: number }
  /** So many connections it has now under each name. */
  | { readonly say: 'counts'; readonly counts: readonly (readonly [name: string, count: number])[] }
  | PeerWord

/** What one worker tells another, or all others; the owner passes it on. */
export type PeerWord =
  | {
      readonly say: 'ask'
      readonly from: string
      /** All others when undefined. */
      readonly to: string | undefined
      readonly number: number
      readonly question: unknown
    }
  | {
      readonly say: 'answer'
      readonly from: string
      readonly to: string
      readonly number: number
      readonly answer: unknown
    }
  /** What publishers took of their rates. */
  | { readonly say: 'taken'; readonly from: string; readonly to: undefined; readonly all: readonly Taken[] }

/** What the owner of the log tells a worker. */
export type OwnerWord =
  | { readonly say: 'done'; readonly number: number; readonly result: unknown }
  | {
      readonly say: 'failed'
      readonly number: number
      readonly problem: { readonly code: string; readonly detail: string | undefined }
    }
  | { readonly say: 'entries'; readonly batch: readonly Entry[]; readonly length: number }
  | { readonly say: 'gap'; readonly gap: Gap }
  | ({ readonly say: 'status' } & OwnerStatus)
  | PeerWord

/** How the log and all who use it are doing. */
export interface OwnerStatus {
  readonly nodes: readonly PeerNode[]
  /** Undefined for a log that is ready while it is open. */
  readonly health: LogHealth | undefined
  readonly stats: LogStats | undefined
}
