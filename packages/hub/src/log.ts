import type { ChannelName, GapReason, HubEvent, Position } from '@fanline/protocol'
import type { Peers } from './peers.ts'

/**
 * Where the hub writes down who may no longer. No limit of the history applies to this channel: its entries stay until
 * {@link Log.removeRevocations}, and the hub sees to it that they do not become too many.
 */
export const REVOCATIONS_CHANNEL: ChannelName = '@revocations' as ChannelName

/** An event that waits for its place in the log. */
export interface Draft {
  /** Where it is stored; at least one, each once. */
  readonly channels: readonly ChannelName[]
  readonly event: HubEvent
  /** Ids of users or connections that must not get it, also not from history. */
  readonly except: readonly string[]
  /** The same key within the window gives the first receipt again. */
  readonly key: string | undefined
  /** Announced but not stored: no position, no history. */
  readonly ephemeral: boolean
}

/** What became of a draft. */
export interface Receipt {
  /** Null for an ephemeral event. */
  readonly position: Position | null
  /** True when its key was seen before: nothing new was stored. */
  readonly duplicate: boolean
}

/** An event in the log of one channel. A publish to several channels is one entry in each, at one position. */
export interface Entry {
  readonly channel: ChannelName
  /** Other channels that were asked for and have the event too: what stands in several of them is one entry. */
  readonly also?: readonly ChannelName[]
  /** Null for an ephemeral event. */
  readonly position: Position | null
  /** When it was published, in milliseconds since 1970. */
  readonly at: number
  /** The same object in every channel of one publish. */
  readonly event: HubEvent
  readonly except: readonly string[]
}

/** An entry that is in the log, or stands for some that are. */
export interface StoredEntry extends Entry {
  readonly position: Position
}

/** Some channels after a position. */
export interface LogQuery {
  readonly channels: readonly ChannelName[]
  /** Exclusive. Null asks for the head alone. */
  readonly after: Position | null
  readonly maxEntries: number
  /** A page ends after the entry that passes this many bytes of data, and holds at least one. */
  readonly maxBytes: number
  /** The same page may be given to others who ask for it within a second, as long as their channels were watched by then. */
  readonly mayBeShared?: boolean
}

/** A loss that the log admits. */
export interface Gap {
  readonly channel: ChannelName
  /** Everything after this position … */
  readonly after: Position
  /** … up to and including this one may be missing. */
  readonly through: Position
  readonly reason: GapReason
  /** Where the log stood when the loss was found, if that was later: who passed it before that was not told. */
  readonly foundAt?: Position
}

/** An answer to a {@link LogQuery}. */
export interface LogPage {
  /** Oldest first; an event in several of the channels once. */
  readonly entries: readonly Entry[]
  /** Complete up to here: the next page starts after it. */
  readonly through: Position
  /** What was lost before the entries of this page. */
  readonly gaps: readonly Gap[]
  /** True when nothing was left to read. */
  readonly reachedHead: boolean
}

/** What a log holds, beside revocations. */
export interface LogStats {
  readonly events: number
  readonly bytes: number
  readonly channels: number
}

/** What became of the words that a hub sends itself through its log, about one a second. */
export interface LogCanary {
  readonly sent: number
  /** Those that did not come back in time. */
  readonly lost: number
  /** How long the last one took, or the one under way has taken when that is longer; null before the first. */
  readonly roundTripMs: number | null
}

/** How a log is doing, and what it promises. */
export interface LogHealth {
  /** False when what is published now could not be stored, or would not be heard. */
  readonly isReady: boolean
  /** Why it is not ready, in one sentence that names no host and no file; absent when it is. */
  readonly problem?: string
  /** Null where there is no way between a hub and its log. */
  readonly canary: LogCanary | null
  /** What it keeps over which failure, in one sentence. */
  readonly promise: string
  /** What would make it break its promises. */
  readonly warnings: readonly string[]
}

/** Who hears of new entries. */
export interface LogListener {
  /**
   * New entries of watched channels, each once, in position order. Must not throw. Entries of one publish stand side by
   * side; those of an event without history come in one batch. An entry for one connection (`@connection:…`) needs no
   * watch.
   */
  entries(batch: readonly Entry[]): void
  /**
   * The log could not keep its promise for this channel; reading it again tells what is left. Called before any later
   * entry of any channel is announced: a connection's cursor moves along all its channels at once.
   */
  gap(gap: Gap): void
}

/**
 * Orders, stores and announces entries: the only source of truth about what was published.
 * Every driver passes `logConformance` of `@fanline/hub/testing`.
 */
export interface Log {
  /**
   * The other hubs that may use it, too: who is connected to one of them is not everybody who listens. Absent when there
   * can be none.
   */
  readonly peers?: Peers
  /** Opens the log; called once, before anything else. */
  open(listener: LogListener): Promise<void>
  /**
   * Orders, stores and announces drafts in one step, all or none. Resolves when they are stored as durably as configured.
   * @throws ProblemError `log-unavailable`
   */
  append(drafts: readonly Draft[]): Promise<readonly Receipt[]>
  /**
   * Reads some channels after a position, merged. A cursor older than what the log knows, or newer than its head, is
   * answered with a gap and then everything that is still there.
   * @throws ProblemError `log-unavailable`
   */
  read(query: LogQuery): Promise<LogPage>
  /** Resolves when every later entry of the channel will be announced. */
  watch(channel: ChannelName): Promise<void>
  /** Entries of the channel need no longer be announced. */
  unwatch(channel: ChannelName): void
  /**
   * Removes entries of {@link REVOCATIONS_CHANNEL}, which is no loss. Resolves when no read shows them any more; those
   * that are not there change nothing.
   * @throws ProblemError `log-unavailable` or `log-full`
   */
  removeRevocations(positions: readonly Position[]): Promise<void>
  /** What the log holds, if it can tell cheaply. */
  stats?(): LogStats
  /** How it is doing now; a log without it is ready while it is open. */
  health?(): LogHealth
  close(): Promise<void>
}
