import type { ChannelName, HubEvent, Position } from '@fanline/protocol'

/** Where a log in memory leaves what it holds when it is closed, for the one that is opened after it. */
export interface SnapshotStore {
  /**
   * What was left, some lines at a time; nothing when there is nothing to go on from.
   * @throws Error before the first line, when it is not what was left
   */
  read(): AsyncIterable<readonly string[]>
  /**
   * What was left is taken over, and must never be read again: it will be out of date. Called before anything new is
   * acknowledged, also when there was nothing.
   */
  discard(): Promise<void>
  /** Keeps all lines, or none. @throws Error when it cannot, or when another log has taken over since `discard` */
  write(lines: Iterable<string>): Promise<void>
}

/** The first line: where the log stands. */
export interface LogMark {
  readonly birth: Position
  readonly head: Position
  /** The highest trim mark of channels that are known no more. */
  readonly forgotten: Position
}

/** A channel, and the position up to which it was trimmed. Stands before its entries. */
export interface ChannelMark {
  readonly channel: ChannelName
  readonly trimmed: Position
}

/** An event, with the channels that still have it; oldest first. */
export interface StoredEvent {
  readonly position: Position
  readonly at: number
  readonly channels: readonly ChannelName[]
  readonly event: HubEvent
  readonly except: readonly string[]
}

/** The key of a publish, and what it was answered; oldest first. */
export interface StoredKey {
  readonly key: string
  readonly position: Position | null
  readonly at: number
}

/** What one line of a snapshot says. */
export type SnapshotLine = LogMark | ChannelMark | StoredEvent | StoredKey
