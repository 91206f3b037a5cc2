import type { ChannelName, Position } from '@fanline/protocol'
import { channelEnd, channelKey, positionOfKey } from './keys.ts'
import type { Table } from './store.ts'

/**
 * One place of a channel. It counts what the channel ever held up to here, so that how much lies between two entries is
 * known from the two alone, and removing one changes no other.
 */
export interface ChannelEntry {
  readonly position: Position
  /** The entry before it, also when that was removed: whoever stands before that one has lost something. */
  readonly before: Position
  /** When it was published, in milliseconds since 1970. */
  readonly at: number
  /** How many entries the channel had with this one, since it was last empty. */
  readonly number: number
  /** How many bytes they had. */
  readonly bytes: number
  /** Its own bytes. */
  readonly size: number
  /** True when its event lies in other channels, too. */
  readonly isShared: boolean
}

const VALUE_BYTES = 37

/** The bytes of an entry, beside its key. */
export function encodeEntry(entry: Omit<ChannelEntry, 'position'>): Buffer {
  const value = Buffer.allocUnsafe(VALUE_BYTES)
  value.writeDoubleLE(entry.before)
  value.writeDoubleLE(entry.at, 8)
  value.writeDoubleLE(entry.number, 16)
  value.writeDoubleLE(entry.bytes, 24)
  value.writeUInt32LE(entry.size, 32)
  value.writeUInt8(entry.isShared ? 1 : 0, 36)
  return value
}

/** The entry of a channel at a position; undefined when it was removed. */
export function entryAt(table: Table, channel: ChannelName, position: Position): ChannelEntry | undefined {
  const value = table.get(channelKey(channel, position))
  return value && decodeEntry(position, value)
}

/** A channel's newest entry. */
export function lastEntry(table: Table, channel: ChannelName): ChannelEntry | undefined {
  const range = { start: channelEnd(channel), end: channelKey(channel, 0), reverse: true, limit: 1 }
  for (const { key, value } of table.getRange(range)) return decodeEntry(positionOfKey(key), value)
  return undefined
}

/** A channel's entries from a position on, oldest first. */
export function* entriesFrom(
  table: Table,
  channel: ChannelName,
  position: number,
): Generator<ChannelEntry, void, undefined> {
  const range = { start: channelKey(channel, position), end: channelEnd(channel) }
  for (const { key, value } of table.getRange(range)) yield decodeEntry(positionOfKey(key), value)
}

function decodeEntry(position: Position, value: Buffer): ChannelEntry {
  return {
    position,
    before: value.readDoubleLE() as Position,
    at: value.readDoubleLE(8),
    number: value.readDoubleLE(16),
    bytes: value.readDoubleLE(24),
    size: value.readUInt32LE(32),
    isShared: value.readUInt8(36) === 1,
  }
}
