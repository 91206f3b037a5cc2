import type { ChannelName, Position } from '@fanline/protocol'

/** What stands between a channel's name and a position: no name holds it, and it sorts before everything that does. */
const SEPARATOR = 0
const POSITION_BYTES = 8

/** A position as a key: the bytes of a positive double sort as its value does. */
export function positionKey(position: number): Buffer {
  const key = Buffer.allocUnsafe(POSITION_BYTES)
  key.writeDoubleBE(position)
  return key
}

/** A channel and a position as a key: a channel's entries lie side by side, oldest first. */
export function channelKey(channel: ChannelName, position: number): Buffer {
  const length = Buffer.byteLength(channel)
  const key = Buffer.allocUnsafe(length + 1 + POSITION_BYTES)
  key.write(channel)
  key[length] = SEPARATOR
  key.writeDoubleBE(position, length + 1)
  return key
}

/** Behind every entry of a channel. */
export function channelEnd(channel: ChannelName): Buffer {
  return Buffer.from(`${channel}${String.fromCharCode(SEPARATOR + 1)}`)
}

/** A position and a channel as a key: what has waited longest comes first. */
export function idleKey(position: number, channel: ChannelName): Buffer {
  return Buffer.concat([positionKey(position), Buffer.from(channel)])
}

/** The channel of an {@link idleKey}. */
export function channelOfIdleKey(key: Buffer): ChannelName {
  return key.toString('utf8', POSITION_BYTES) as ChannelName
}

/** The position that a key of positions, or of a channel's positions, ends with. */
export function positionOfKey(key: Buffer): Position {
  return key.readDoubleBE(key.length - POSITION_BYTES) as Position
}

/** The position that a key begins with. */
export function leadingPosition(key: Buffer): Position {
  return key.readDoubleBE() as Position
}
